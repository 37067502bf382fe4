"""Safe by default: which addresses `sa-contexts serve` accepts with which protection."""

from __future__ import annotations

import gc
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli.main import app
from app.net.networks import is_loopback
from app.server.binding import tls_files
from app.server.tls.protocol import TlsProtocol
from app.server.uvicorn_server import listen
from app.settings.model import Settings
from tests.auth.made import make_key
from tests.authorities import Files


CA = trustme.CA()

REJECTION = "sa-contexts: {address} can be reached from other machines, but {missing}: "


@pytest.fixture
def files(tmp_path: Path) -> Files:
    files = Files(tmp_path)
    files.show(CA)
    return files


@pytest.fixture
def listened(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The addresses that servers listened on; each server ends at once."""
    found: list[Any] = []

    def run(server: Any, sockets: list[socket.socket]) -> None:
        server.started = True
        found.append((sockets[0].getsockname()[0], server.config.http.func))
        sockets[0].close()

    monkeypatch.setattr("uvicorn.Server.run", run)
    monkeypatch.setattr(
        "app.cli.serve.configure_logging", lambda *_, **__: None
    )  # the tests' own log
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", str(simulator.path))
    interval = sys.getswitchinterval()
    yield found
    sys.setswitchinterval(interval)
    gc.unfreeze()


def serve(host: str, *options: str, **settings: str) -> Any:
    environment = {f"SA_CONTEXTS_{name.upper()}": value for name, value in settings.items()}
    return CliRunner().invoke(
        app, ["serve", "--host", host, "--port", "0", *options], env=environment
    )


def tls(files: Files) -> list[str]:
    return ["--tls-certificate-file", str(files.certificate), "--tls-key-file", str(files.key)]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.10", "::1", "localhost"])
def test_loopback_needs_nothing(
    listened: list[Any], host: str, caplog: pytest.LogCaptureFixture
) -> None:
    result = serve(host)

    assert result.exit_code == 0, result.output
    assert len(listened) == 1
    assert "insecure_listener" not in caplog.text


@pytest.mark.parametrize(("host", "address"), [("0.0.0.0", "0.0.0.0"), ("::", "::")])  # noqa: S104
@pytest.mark.parametrize(
    ("has_tls", "settings", "missing"),
    [
        (
            False,
            {},
            (
                "authentication (api_keys_file or oidc_issuer) and TLS (tls_certificate_file) are "
                "missing"
            ),
        ),
        (True, {}, "authentication (api_keys_file or oidc_issuer) is missing"),
        (False, {"api_keys_file": "keys.json"}, "TLS (tls_certificate_file) is missing"),
        (
            False,
            {"oidc_issuer": "https://issuer.example", "oidc_audience": "sa-contexts"},
            "TLS (tls_certificate_file) is missing",
        ),
    ],
)
def test_other_addresses_need_both(
    listened: list[Any],
    files: Files,
    tmp_path: Path,
    host: str,
    address: str,
    has_tls: bool,
    settings: dict[str, str],
    missing: str,
) -> None:
    if "api_keys_file" in settings:
        settings = {"api_keys_file": str(tmp_path / settings["api_keys_file"])}
        make_key(Path(settings["api_keys_file"]), "sa:read")

    result = serve(host, *(tls(files) if has_tls else []), **settings)

    assert result.exit_code == 1
    assert listened == []
    sentence = result.stderr.splitlines()[-1]
    assert sentence.startswith(REJECTION.format(address=address, missing=missing))
    assert "SA_CONTEXTS_ALLOW_INSECURE" in sentence


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_trusted_proxy_on_this_host_requires_authentication(
    listened: list[Any], tmp_path: Path, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Through the proxy, other machines reach a server that only listens on loopback."""
    rejected = serve(host, trusted_proxies=host)
    assert rejected.exit_code == 1
    assert listened == []
    sentence = rejected.stderr.splitlines()[-1]
    missing = "but authentication (api_keys_file or oidc_issuer) is missing: "
    assert f"{host} can be reached from other machines through trusted_proxies" in sentence
    assert missing in sentence
    assert "SA_CONTEXTS_ALLOW_INSECURE" in sentence

    make_key(tmp_path / "keys.json", "sa:read")
    with_keys = serve(host, trusted_proxies=host, api_keys_file=str(tmp_path / "keys.json"))
    assert with_keys.exit_code == 0, with_keys.output
    assert "insecure_listener" not in caplog.text

    overridden = serve(host, "--allow-insecure", trusted_proxies=host)
    assert overridden.exit_code == 0, overridden.output
    assert "insecure_listener" in caplog.text
    assert len(listened) == 2


def test_a_name_counts_as_what_it_leads_to(
    listened: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo
    monkeypatch.setattr(
        "app.server.uvicorn_server.socket.getaddrinfo",
        lambda host, *more, **given: resolve(
            {"localhost": "0.0.0.0", "web01.example": "127.0.0.1"}[host],  # noqa: S104
            *more,
            **given,
        ),
    )

    assert serve("localhost").exit_code == 1
    assert listened == []
    assert serve("web01.example").exit_code == 0
    assert [address for address, _ in listened] == ["127.0.0.1"]


def test_both_together_are_enough(
    listened: list[Any], files: Files, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = tmp_path / "keys.json"
    make_key(keys, "sa:read")

    result = serve("0.0.0.0", *tls(files), api_keys_file=str(keys))  # noqa: S104

    assert result.exit_code == 0, result.output
    assert listened == [("0.0.0.0", TlsProtocol)]  # noqa: S104
    assert "insecure_listener" not in caplog.text


@pytest.mark.parametrize("how", ["option", "setting"])
def test_it_listens_anywhere_when_both_settings_say_so(
    listened: list[Any], how: str, caplog: pytest.LogCaptureFixture
) -> None:
    given: Any = {"option": ["--allow-insecure"], "setting": []}
    settings = {"allow_insecure": "true"} if how == "setting" else {}

    result = serve("0.0.0.0", *given[how], **settings)  # noqa: S104

    assert result.exit_code == 0, result.output
    assert len(listened) == 1
    assert "insecure_listener" in caplog.text
    assert (
        "authentication (api_keys_file or oidc_issuer) and TLS (tls_certificate_file)"
        in caplog.text
    )


def test_telling_it_twice_matters_nowhere_else(
    listened: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    serve("127.0.0.1", "--allow-insecure")

    assert len(listened) == 1
    assert "insecure_listener" not in caplog.text


def test_the_log_reports_the_certificate(
    listened: list[Any], files: Files, caplog: pytest.LogCaptureFixture
) -> None:
    files.show(CA, "sa.example.test", days=10)

    serve("127.0.0.1", *tls(files))

    assert listened == [("127.0.0.1", TlsProtocol)]
    assert "sa.example.test" in caplog.text
    assert "certificate_expires_soon" in caplog.text


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"tls_key_file": "/k"},
            "setting tls_key_file is not valid: it requires tls_certificate_file",
        ),
        (
            {"tls_client_ca_file": "/c"},
            "setting tls_client_ca_file is not valid: it requires tls_certificate_file",
        ),
        (
            {"tls_certificate_file": "/nowhere/c.pem"},
            "tls_certificate_file cannot be read: No such file",
        ),
    ],
)
def test_bad_tls_ends_the_command_with_one_sentence(
    listened: list[Any], settings: dict[str, str], sentence: str
) -> None:
    result = serve("127.0.0.1", **settings)

    assert result.exit_code == 1
    assert listened == []
    assert sentence in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:0.0.0.0", False),
        ("128.0.0.1", False),
        ("169.254.1.1", False),
        ("fe80::1%3", False),
        ("::127.0.0.1", False),
    ],
)
def test_what_is_loopback(address: str, expected: bool) -> None:
    """RFC 1122, 3.2.1.3 (g), and RFC 4291, 2.5.3."""
    assert is_loopback(address) is expected


def test_nobody_else_can_take_the_port() -> None:
    with listen("127.0.0.1", 0) as listener, pytest.raises(OSError, match="in use"):
        listen("127.0.0.1", listener.getsockname()[1])


def test_ipv6_takes_no_ipv4() -> None:
    """Otherwise an address rejected in one form would be open in the other."""
    with listen("::1", 0) as listener:
        assert listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1


def test_settings_need_no_certificate_for_no_key() -> None:
    given: dict[str, Any] = {}
    assert tls_files(Settings(**given)) is None
