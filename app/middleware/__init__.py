"""ASGI middleware: every request passes through it before routing."""
