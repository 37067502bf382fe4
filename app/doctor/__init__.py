"""What it would take for this host to show its SA contexts: `sa-contexts doctor`."""
