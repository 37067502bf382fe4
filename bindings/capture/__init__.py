"""Captures: recording an engine's answers as JSON lines, without secrets, and replaying them."""
