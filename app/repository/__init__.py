"""The store of SA contexts: versions, cursors, journal. Knows the bindings, knows no HTTP."""
