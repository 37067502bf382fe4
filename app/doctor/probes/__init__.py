"""Probes: questions that only a running host can answer."""
