"""The metric of certificates: when those of this host expire."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import anyio
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app.answers.background import run_on
from app.answers.certificates.part import CertificatesPart
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.store import EngineTimedOut
from app.service import Service
from app.telemetry.metrics.registry import Sampler
from bindings.errors import EngineBusy, EngineError


INTERVAL_SECONDS: Final = 300.0
"""How often main mode SAs are read for the metric."""
DELAY_SECONDS: Final = 30.0
"""Maximum time from the first scrape to the first read."""
MAX_SERIES: Final = 32
"""Maximum number of series; the certificates that expire first have one."""
MAX_SUBJECT: Final = 128
"""Maximum length of a subject in a label."""


class CertificateCollector(Collector):
    """Exports when this host's certificates expire, as of the last read.

    Main mode SAs are read for this regularly, but only while the server is scraped.
    """

    def __init__(self, part: CertificatesPart) -> None:
        self._part = part
        self._is_scraped = False

    def collect(self) -> Iterator[Metric]:
        """Yield the gauge, with a series for each certificate."""
        self._is_scraped = True
        family = GaugeMetricFamily(
            "wfp_certificate_expiry_timestamp_seconds",
            "Expiry of a certificate with which this host authenticates in main mode, in Unix "
            "time.",
            labels=["thumbprint", "subject"],
        )
        latest = self._part.latest
        for hash_, decoded in () if latest is None else latest.local()[:MAX_SERIES]:
            labels = [hash_.hex(), (decoded.subject or "")[:MAX_SUBJECT]]
            family.add_metric(labels, decoded.not_after.timestamp())
        yield family

    async def run(self) -> None:
        """Look for certificates until the server stops."""
        with suppress(ShuttingDown):
            while True:
                await anyio.sleep(DELAY_SECONDS)
                if self._is_scraped:
                    self._is_scraped = False
                    with suppress(EngineError, EngineBusy, EngineTimedOut):
                        await self._part.inventory(INTERVAL_SECONDS / 2)
                    await anyio.sleep(INTERVAL_SECONDS - DELAY_SECONDS)


def add_metrics(service: Service, registry: CollectorRegistry) -> Sequence[Sampler]:
    """Register the gauge, and return the sampler that looks for the certificates."""
    collector = CertificateCollector(service.part(CertificatesPart))
    registry.register(collector)
    return (partial(run_on, collector.run),)
