"""The public shapes that belong to no single resource, and the names that all shapes use."""
