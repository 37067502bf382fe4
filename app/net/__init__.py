"""Addresses, networks and URLs."""
