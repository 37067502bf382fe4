"""Snapshots, queries and changes of the objects that the engine lists. Knows nothing of HTTP."""
