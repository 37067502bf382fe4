"""`/fleet/v1`: what agents send."""
