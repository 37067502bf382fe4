"""WFP's C declarations, and the generator of `bindings/_fwpuclnt.py`."""
