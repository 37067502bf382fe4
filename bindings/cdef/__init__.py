"""The C declarations of WFP, and what generates the bindings from them."""
