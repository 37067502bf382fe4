"""TLS: the certificate, the handshake and its alerts."""
