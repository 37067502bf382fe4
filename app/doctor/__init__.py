"""`sa-contexts doctor`: checks whether this host can serve its SA contexts."""
