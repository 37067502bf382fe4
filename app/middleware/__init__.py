"""ASGI middleware: what every request passes before it is routed."""
