"""The `watch` command: a live table of a running server's SA contexts."""
