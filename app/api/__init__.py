"""The HTTP API: the routes that belong to no resource, and the modules that all routers share."""
