"""Who asks, and what they may: API keys, tokens of an OIDC issuer, scopes. Knows no HTTP server."""
