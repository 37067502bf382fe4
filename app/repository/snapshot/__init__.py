"""Snapshots: how they are built, stored, and leased to clients."""
