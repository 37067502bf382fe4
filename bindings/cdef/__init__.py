"""WFP's C declarations, and the generator of the bindings."""
