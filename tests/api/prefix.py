"""A proxy that publishes a server below a prefix, and strips it or not, like nginx with

location /ipsec/ { proxy_pass http://server/; }
location /ipsec/ { proxy_pass http://server; }
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


PREFIX = "/ipsec/"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def do_GET(self) -> None:
        if not self.path.startswith(PREFIX):
            self.send_error(404, "outside of the prefix")
            return
        upstream = HTTPConnection(*self.server.upstream, timeout=20)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        path = self.path.removeprefix(PREFIX[:-1]) if self.server.strips else self.path
        upstream.request(self.command, path, headers={**headers, "Host": "localhost"})
        response = upstream.getresponse()
        body = response.read()
        self.send_response_only(response.status)
        for name, value in response.getheaders():
            if name.lower() not in {"connection", "content-length", "transfer-encoding"}:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        upstream.close()

    def do_DELETE(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


class _Proxy(ThreadingHTTPServer):
    def __init__(self, upstream: tuple[str, int], *, strips: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.upstream = upstream
        self.strips = strips


@contextmanager
def below_prefix(upstream: tuple[str, int], *, strips: bool = True) -> Iterator[str]:
    """Run the proxy; yield the URL of the server's root behind it."""
    with _Proxy(upstream, strips=strips) as proxy:
        thread = Thread(target=proxy.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{proxy.server_address[1]}{PREFIX}"
        proxy.shutdown()
        thread.join()
