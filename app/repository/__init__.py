"""The stores of what the engine lists: versions, cursors, journals. Knows the bindings, no HTTP."""
