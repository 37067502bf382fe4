"""`sa-contexts doctor`: diagnosis of whether this host can serve its SA contexts."""
