"""Walks of generated clients: one program per language, which calls those of docs/sdk.md."""
