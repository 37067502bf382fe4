"""Probes: checks that answer questions about a running host."""
