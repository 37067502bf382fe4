"""The hub: one server that shows the SA contexts of all hosts that report to it."""
