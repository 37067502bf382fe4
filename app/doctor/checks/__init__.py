"""Checks: one for each thing that must be right."""
