"""TLS: its files, and what a scanner finds of a running server."""
