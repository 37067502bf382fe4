"""The agent: reports what this host's server knows to a hub."""
