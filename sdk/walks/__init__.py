"""Test programs for the generated clients; they call the programs of docs/sdk.md."""
