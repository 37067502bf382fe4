"""Refreshing the store from the engine: whole lists and single objects."""
