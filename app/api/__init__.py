"""The HTTP API: one router per resource, and the modules that all of them share."""
