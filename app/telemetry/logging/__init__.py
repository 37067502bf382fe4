"""The log: its configuration, sinks, and redaction."""
