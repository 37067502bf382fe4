"""Captures: the answers of an engine as JSON lines, without secrets, and how they are replayed."""
