"""ASGI middleware: every request passes it before it is routed."""
