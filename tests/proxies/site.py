"""A server behind a real proxy, both configured as docs/reverse-proxy.md shows."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx2
import trustme

from tests.auth.made import make_key
from tests.live.conftest import free_port


ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "reverse-proxy.md").read_text(encoding="utf-8")
NAME: Final = "sa.corp.example"
PROXY: Final = "127.0.0.1"
"""The address from which the proxy connects."""
PREFIX: Final = "/ipsec"
SECONDS: Final = 60
"""Timeout of every wait."""

NGINX: Final = """\
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/proxy.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    include {folder}/sa-contexts.conf;
}}
"""
"""The main configuration, which includes the recipe as Debian's own does."""


def recipe(language: str, number: int = 0) -> str:
    """Return a block of the page."""
    blocks: list[str] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return blocks[number]


def adapted(text: str, changes: Mapping[str, str]) -> str:
    """Replace the ports and file names of a recipe."""
    for old, new in changes.items():
        assert text.count(old) == 1, (old, text)
        text = text.replace(old, new)
    return text


class Site:
    """A server behind a proxy.

    Attributes:
        port: the proxy's port.
        server_port: the server's port.
        keys: valid keys.
    """

    def __init__(self, folder: Path, *, has_tls: bool) -> None:
        self.port, self.server_port = free_port(), free_port()
        self.folder = folder
        self.has_tls = has_tls
        scopes = ("sa:read", "events:read", "metrics:read")
        self.keys = [make_key(folder / "keys.json", *scopes, name=f"n{n}") for n in range(3)]
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(folder / "ca.pem")
        for name in (NAME, "web01.corp.example"):
            issued = self._ca.issue_cert(name, "127.0.0.1")
            issued.private_key_and_cert_chain_pem.write_to_path(folder / f"{name}.pem")

    def client(self, address: str, key: str | None = None, **headers: str) -> httpx2.Client:
        """Return a client at an address of this host, behind the proxy."""
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        return httpx2.Client(
            base_url=f"https://127.0.0.1:{self.port}{PREFIX}/",
            headers={"Host": NAME, **headers, **_authorization(key)},
            transport=httpx2.HTTPTransport(verify=context, local_address=address),
            timeout=SECONDS,
        )

    def direct(self, key: str | None = None) -> httpx2.Client:
        """Return a client that bypasses the proxy."""
        scheme = "https" if self.has_tls else "http"
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        return httpx2.Client(
            base_url=f"{scheme}://127.0.0.1:{self.server_port}",
            headers=_authorization(key),
            transport=httpx2.HTTPTransport(verify=context, local_address="127.0.0.9"),
            timeout=SECONDS,
        )

    def logged(self, response: httpx2.Response) -> dict[str, Any]:
        """Return the log entry of a request, once it is written."""
        request_id = response.headers["x-request-id"]
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            for line in (self.folder / "server.log").read_text(encoding="utf-8").splitlines():
                if request_id in line:
                    entry: dict[str, Any] = json.loads(line)
                    return entry
            time.sleep(0.05)  # another process can only be polled
        raise AssertionError("it is not logged")

    def settings(self) -> str:
        """Return the settings of the page, and those that it names in other places."""
        text = adapted(
            recipe("toml"), {"/etc/sa-contexts/keys.json": str(self.folder / "keys.json")}
        )
        text += f'port = {self.server_port}\nlog_format = "json"\nengine = "simulator"\n'
        text += "simulated_contexts = 100\nsimulated_churn = 2\n"
        if self.has_tls:
            text += f'tls_certificate_file = "{self.folder / "web01.corp.example.pem"}"\n'
        return text

    def nginx(self) -> list[str]:
        """Configure nginx, and return its command."""
        text = recipe("nginx")
        if self.has_tls:
            tls = adapted(
                recipe("nginx", 1), {"/etc/nginx/corp-ca.pem": str(self.folder / "ca.pem")}
            )
            text = re.sub(r"^ +proxy_pass .*\n", lambda _: tls, text, flags=re.MULTILINE)
        certificate = str(self.folder / f"{NAME}.pem")
        changes = {
            "server 127.0.0.1:8080": f"server 127.0.0.1:{self.server_port}",
            "listen 443": f"listen 127.0.0.1:{self.port}",
            "/etc/nginx/sa.corp.example.crt": certificate,
            "/etc/nginx/sa.corp.example.key": certificate,
        }
        (self.folder / "sa-contexts.conf").write_text(adapted(text, changes), encoding="utf-8")
        main = self.folder / "nginx.conf"
        main.write_text(NGINX.format(folder=self.folder), encoding="utf-8")
        return ["nginx", "-c", str(main), "-e", str(self.folder / "proxy.log")]

    def haproxy(self) -> list[str]:
        """Configure HAProxy, and return its command."""
        text = adapted(
            recipe("haproxy"),
            {
                "bind :443": f"bind 127.0.0.1:{self.port}",
                "/etc/haproxy/sa.corp.example.pem": str(self.folder / f"{NAME}.pem"),
                "127.0.0.1:8080": f"127.0.0.1:{self.server_port}",
            },
        )
        if self.has_tls:
            (tls,) = re.findall(r"`(ssl verify required [^`]+)`", PAGE)
            tls = adapted(tls, {"/etc/haproxy/corp-ca.pem": str(self.folder / "ca.pem")})
            text = text.rstrip() + f" {tls}\n"
        configuration = self.folder / "haproxy.cfg"
        configuration.write_text(text, encoding="utf-8")
        return ["haproxy", "-db", "-f", str(configuration)]


@contextmanager
def running_site(folder: Path, proxy: str, *, has_tls: bool) -> Iterator[Site]:
    """Run a server behind a proxy.

    Args:
        folder: an empty folder.
        proxy: `nginx` or `haproxy`.
        has_tls: whether the proxy uses TLS to the server, as for one on another machine.
    """
    site = Site(folder, has_tls=has_tls)
    commands: dict[str, Callable[[], list[str]]] = {"nginx": site.nginx, "haproxy": site.haproxy}
    program, *arguments = commands[proxy]()
    path = shutil.which(program)
    assert path, f"there is no {program}; tests/proxies/run installs it"
    settings = site.settings()
    if proxy == "haproxy":
        (base_path,) = re.findall(r"^`(base_path = \"[^`]+\")`", PAGE, re.MULTILINE)
        settings += f"{base_path}\n"
    (folder / "settings.toml").write_text(settings, encoding="utf-8")
    environment = os.environ | {"SA_CONTEXTS_SETTINGS": str(folder / "settings.toml")}
    server = [sys.executable, "-m", "app", "serve"]
    with (
        _running(server, folder / "server.log", site.server_port, environment),
        _running([path, *arguments], folder / "proxy.out", site.port, environment),
    ):
        yield site
    assert "[emerg]" not in (folder / "proxy.out").read_text(encoding="utf-8")


@contextmanager
def _running(
    command: list[str], log: Path, port: int, environment: Mapping[str, str]
) -> Iterator[None]:
    """Run a program that listens on a port."""
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    with process:
        try:
            _wait_for_listener(process, port, log)
            yield
        finally:
            process.terminate()


def _wait_for_listener(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + SECONDS
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline, "it does not listen"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)  # another process can only be polled
        else:
            return


def _authorization(key: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"} if key else {}
