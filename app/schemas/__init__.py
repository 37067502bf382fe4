"""The public shapes, one module for each resource."""
