"""The agent: reports what this host's server knows to a hub."""


class AgentUnusable(Exception):
    """The agent cannot start; the message says why."""
