"""Queries: filters, cursors, and pages of a snapshot."""
