"""Export of the metrics to OpenTelemetry, if its environment variables enable it.

How the export works: if the extra `otel` is installed, FastAPI configures OpenTelemetry's SDK, and
traces and measures requests. This module adds the other metrics, under their Prometheus names
(counters without `_total`). The SDK requests them in a thread of its own, but they are read in the
event loop that owns them.
"""

from __future__ import annotations

import logging
import os
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from time import monotonic
from typing import Final

from anyio.from_thread import BlockingPortal
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation, get_meter, get_meter_provider
from opentelemetry.propagate import get_global_textmap, set_global_textmap
from opentelemetry.propagators.textmap import (
    CarrierT,
    Getter,
    Setter,
    TextMapPropagator,
    default_getter,
    default_setter,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

from app.telemetry.logging.redaction import RedactedSpans


EXPORTED: Final = ("wfp_", "sa_contexts_")
MAX_TRACEPARENT: Final = 512
"""Maximum characters; version 00 has 55, later ones may have more (W3C Trace Context, 3.2)."""
PROPAGATION_LOGGERS: Final = (
    "opentelemetry.baggage",
    "opentelemetry.propagators",
    "opentelemetry.trace",
    "opentelemetry.util",
)
"""The loggers of the code that parses clients' trace headers."""
SAMPLE_TTL_SECONDS: Final = 1
"""How long a sample is reused, because the SDK requests each metric separately."""


@asynccontextmanager
async def exported(registry: CollectorRegistry) -> AsyncIterator[None]:
    """Export the metrics of a registry to OpenTelemetry until the end of the block.

    Also redact FastAPI's spans.
    """
    tracing = trace.get_tracer_provider()
    if hasattr(tracing, "add_span_processor"):  # the SDK's
        tracing.add_span_processor(RedactedSpans())
        _bound_propagation()
    if not _is_configured():
        yield
        return
    async with BlockingPortal() as portal:
        sampler = _Sampler(registry, portal)
        meter = get_meter("sa-contexts")
        for family in _families(registry):
            create = (
                meter.create_observable_counter
                if family.type == "counter"
                else meter.create_observable_gauge
            )
            create(family.name, [partial(sampler.observe, family.name)], "", family.documentation)
        yield
        sampler.end()


def _bound_propagation() -> None:
    """Ignore `tracestate` and overlong `traceparent` headers, and do not log invalid headers.

    The SDK parses a client's headers before authentication and rate limits. `tracestate` and
    baggage (W3C Baggage) are meant for downstream servers, of which there are none. Baggage is
    parsed only if OTEL_PROPAGATORS requests it.
    """
    is_chosen = "OTEL_PROPAGATORS" in os.environ
    propagator = get_global_textmap() if is_chosen else TraceContextTextMapPropagator()
    set_global_textmap(_TraceParentOnly(propagator))
    for name in PROPAGATION_LOGGERS:  # each invalid header would be logged
        logging.getLogger(name).setLevel(logging.CRITICAL)


class _TraceParentOnly(TextMapPropagator):
    """A propagator that ignores `tracestate`, and a `traceparent` that is too long."""

    def __init__(self, propagator: TextMapPropagator) -> None:
        self._propagator = propagator

    def extract(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        getter: Getter[CarrierT] = default_getter,
    ) -> Context:
        """Return the trace context in a client's headers."""
        return self._propagator.extract(carrier, context, _TraceParentGetter(getter))

    def inject(
        self,
        carrier: CarrierT,
        context: Context | None = None,
        setter: Setter[CarrierT] = default_setter,
    ) -> None:
        """Add a trace context to the headers of a request of our own."""
        self._propagator.inject(carrier, context, setter)

    @property
    def fields(self) -> set[str]:
        """The names of the headers that `inject` sets."""
        return self._propagator.fields


class _TraceParentGetter(Getter[CarrierT]):
    """Returns only the headers that `_TraceParentOnly` does not ignore."""

    def __init__(self, getter: Getter[CarrierT]) -> None:
        self._getter = getter

    def get(self, carrier: CarrierT, key: str) -> list[str] | None:
        """Return the values of a header, without those to ignore."""
        if key.lower() == "tracestate":
            return None
        values = self._getter.get(carrier, key)
        if values and key.lower() == "traceparent":
            return [value for value in values if len(value) <= MAX_TRACEPARENT]
        return values

    def keys(self, carrier: CarrierT) -> list[str]:
        """Return the names of all headers."""
        return self._getter.keys(carrier)


def _is_configured() -> bool:
    """Return whether OpenTelemetry's SDK is configured; without it, no metrics are exported."""
    return type(get_meter_provider()).__module__.startswith("opentelemetry.sdk.")


def _families(registry: CollectorRegistry) -> Iterator[Metric]:
    """Yield our metrics, except histograms and the HTTP metrics.

    OpenTelemetry cannot observe histograms asynchronously. FastAPI exports the HTTP metrics as
    `http.server.…`.
    """
    for family in registry.collect():
        is_http = family.name.startswith("sa_contexts_http_")
        if family.name.startswith(EXPORTED) and family.type != "histogram" and not is_http:
            yield family


class _Sampler:
    """Reads the metrics in the event loop and caches them for the SDK's thread."""

    def __init__(self, registry: CollectorRegistry, portal: BlockingPortal) -> None:
        self._registry = registry
        self._portal: BlockingPortal | None = portal
        self._families: dict[str, Metric] = {}
        self._read_at = float("-inf")

    def observe(self, name: str, _options: CallbackOptions) -> Iterable[Observation]:
        """Return the values of one metric; the SDK calls this in its thread."""
        if monotonic() - self._read_at > SAMPLE_TTL_SECONDS and self._portal is not None:
            self._families = self._portal.call(self._read)
            self._read_at = monotonic()
        family = self._families.get(name)
        return [
            Observation(sample.value, sample.labels)
            for sample in (family.samples if family is not None else ())
        ]

    def end(self) -> None:
        """Take a last sample, which later calls of `observe` return."""
        self._families, self._read_at = self._read(), monotonic()
        self._portal = None

    def _read(self) -> dict[str, Metric]:
        return {family.name: family for family in _families(self._registry)}
