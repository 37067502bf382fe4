"""Walks of generated clients: programs around those of docs/sdk.md, one for each language."""
