"""TLS metrics: the certificate's expiry, whether the files are in use, and handshakes."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from app.server.tls.certificates import CertificateReloader, HandshakeOutcome


class TlsMetrics:
    """The metrics of a server that uses TLS."""

    def __init__(self, tls: CertificateReloader, registry: CollectorRegistry) -> None:
        Gauge(
            "sa_contexts_tls_certificate_expiry_timestamp_seconds",
            "Expiry of the certificate in use, in Unix time.",
            registry=registry,
        ).set_function(lambda: tls.certificate.expires.timestamp())  # noqa: PLW0108  # a reload replaces `certificate`
        Gauge(
            "sa_contexts_tls_files_in_use",
            "1: the TLS files are in use; 0: they could not be loaded and the old ones are kept.",
            registry=registry,
        ).set_function(lambda: int(tls.is_current))
        handshakes = Counter(
            "sa_contexts_tls_handshakes",
            "TLS handshakes, by outcome; all but secured failed.",
            ["outcome"],
            registry=registry,
        )
        self._seconds = Counter(
            "sa_contexts_tls_handshake_seconds",
            "Time that the steps of TLS handshakes took.",
            registry=registry,
        )
        self._counts = {outcome: handshakes.labels(outcome) for outcome in HandshakeOutcome}

    def ended(self, outcome: HandshakeOutcome) -> None:
        """Count a handshake that ended."""
        self._counts[outcome].inc()

    def step_took(self, seconds: float) -> None:
        """Count the time of a step."""
        self._seconds.inc(seconds)
