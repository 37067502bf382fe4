"""The HTTP server beneath ASGI: sockets, connections and their limits, TLS."""
