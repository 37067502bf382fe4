"""Authentication: callers, scopes, API keys and tokens."""
