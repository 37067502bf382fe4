"""An OTLP/HTTP receiver, like a collector's."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Condition, Thread
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


SECONDS = 30
"""Timeout of any wait."""


class Received:
    """What was received so far.

    Attributes:
        metrics: the newest values of each metric, by name, each with its labels.
        spans: the names of all spans, with their attributes.
        trace_ids: of all spans, in hexadecimal.
        trace_states: of all spans, as `tracestate` has them.
        resources: attributes of who sent it.
    """

    def __init__(self) -> None:
        self.metrics: dict[str, list[tuple[dict[str, Any], float]]] = {}
        self.spans: list[tuple[str, dict[str, Any]]] = []
        self.trace_ids: list[str] = []
        self.trace_states: list[str] = []
        self.resources: list[dict[str, Any]] = []
        self._changed = Condition()

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for further exports."""
        with self._changed:
            assert self._changed.wait_for(condition, SECONDS), (self.spans, self.metrics)

    def take(self, path: str, body: bytes) -> None:
        """Receive an export."""
        with self._changed:
            if path == "/v1/metrics":
                self._take_metrics(ExportMetricsServiceRequest.FromString(body))
            elif path == "/v1/traces":
                self._take_spans(ExportTraceServiceRequest.FromString(body))
            self._changed.notify_all()

    def _take_metrics(self, request: Any) -> None:
        for of_resource in request.resource_metrics:
            self.resources.append(_attributes(of_resource.resource))
            for metric in (m for of_scope in of_resource.scope_metrics for m in of_scope.metrics):
                points = getattr(metric, metric.WhichOneof("data")).data_points
                self.metrics[metric.name] = [
                    (
                        _attributes(point),
                        getattr(point, "as_double", 0) or getattr(point, "as_int", 0),
                    )
                    for point in points
                ]

    def _take_spans(self, request: Any) -> None:
        for of_resource in request.resource_spans:
            self.resources.append(_attributes(of_resource.resource))
            spans = [span for of_scope in of_resource.scope_spans for span in of_scope.spans]
            self.spans += [(span.name, _attributes(span)) for span in spans]
            self.trace_ids += [span.trace_id.hex() for span in spans]
            self.trace_states += [span.trace_state for span in spans]


def _attributes(node: Any) -> dict[str, Any]:
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value")) for each in node.attributes
    }


@contextmanager
def receiving() -> Iterator[tuple[str, Received]]:
    """Run a receiver; yield its URL and what it receives."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            received.take(self.path, body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
