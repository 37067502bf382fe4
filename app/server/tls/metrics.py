"""TLS as metrics: until when the certificate is valid, whether its files are taken, handshakes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from app.server.tls.certificates import CertificateReloader, HandshakeOutcome


class TlsMetrics:
    """The metrics of a server that speaks TLS."""

    def __init__(self, tls: CertificateReloader, registry: CollectorRegistry) -> None:
        Gauge(
            "sa_contexts_tls_certificate_expiry_timestamp_seconds",
            "Until when the certificate that is shown is valid, in Unix time.",
            registry=registry,
        ).set_function(lambda: tls.certificate.expires.timestamp())  # noqa: PLW0108  # it is replaced
        Gauge(
            "sa_contexts_tls_files_in_use",
            "1: what is in use is what the files hold; 0: they are no good, and the old ones stay.",
            registry=registry,
        ).set_function(lambda: int(tls.is_current))
        handshakes = Counter(
            "sa_contexts_tls_handshakes",
            "Handshakes, by how they ended; all but secured failed.",
            ["outcome"],
            registry=registry,
        )
        self._counts = {outcome: handshakes.labels(outcome) for outcome in HandshakeOutcome}

    def ended(self, outcome: HandshakeOutcome) -> None:
        """Count a handshake."""
        self._counts[outcome].inc()
