"""Watching a server over TLS: who is trusted, and what is shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest
import trustme
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli.client import RequestRejected, Server, create_client, trusted
from app.cli.main import app
from app.cli.watch.stream import Event, events
from app.server.tls.certificates import CertificateReloader, TlsFiles
from tests.authorities import Files
from tests.cli.served import SECONDS, served


CA = trustme.CA()
OTHERS = trustme.CA()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The files of all who speak with each other."""
    files = Files(tmp_path)
    files.show(CA)
    files.trust([CA])
    CA.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    OTHERS.cert_pem.write_to_path(str(tmp_path / "others.pem"))
    shown = CA.issue_cert("client@example.test")
    shown.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "client.pem"))
    return tmp_path


@pytest.fixture
def url(folder: Path, simulator: Simulator) -> Iterator[str]:
    """A server that asks for certificates of clients."""
    assert simulator.count() == 0
    files = Files(folder)
    tls = CertificateReloader(TlsFiles(files.certificate, files.key, files.client_ca))
    with served(3, tls=tls) as port:
        yield f"https://localhost:{port}"


async def first_event(url: str, ca: Path | None, certificate: Path | None) -> Event:
    async with (
        create_client(Server(url, trust=trusted(ca, certificate))) as client,
        aclosing(events(client, {"initial": "true"})) as words,
    ):
        with anyio.fail_after(SECONDS):
            async for word in words:
                if isinstance(word, Event):
                    return word
    pytest.fail("the stream ended")


@pytest.mark.anyio
async def test_a_server_of_an_own_authority_is_watched(url: str, folder: Path) -> None:
    event = await first_event(url, folder / "ca.pem", folder / "client.pem")

    assert event.data


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("ca", "certificate", "reason"),
    [
        (None, "client.pem", "cannot verify its certificate: .*; if its CA is your own"),
        ("others.pem", "client.pem", "cannot verify its certificate"),
        ("ca.pem", None, "certificate required; pass one with --certificate"),
    ],
)
async def test_it_says_why_it_cannot_be(
    url: str, folder: Path, ca: str | None, certificate: str | None, reason: str
) -> None:
    with pytest.raises(RequestRejected, match=reason):
        await first_event(
            url, folder / ca if ca else None, folder / certificate if certificate else None
        )


def test_server_without_tls_is_reported() -> None:
    with served(1) as port:
        result = CliRunner().invoke(app, ["list", "--url", f"https://127.0.0.1:{port}"])

    assert result.exit_code == 1
    assert result.stderr.endswith("does not speak TLS there; try http://\n")


def test_list_and_show_trust_the_same(url: str, folder: Path) -> None:
    options = ["--url", url, "--ca", str(folder / "ca.pem")]
    certificate = ["--certificate", str(folder / "client.pem")]

    listed = CliRunner().invoke(app, ["list", *options, *certificate, "--json"])
    (first, *_) = json.loads(listed.stdout)["items"]
    shown = CliRunner().invoke(app, ["show", first["saContextId"], *options, *certificate])
    rejected = CliRunner().invoke(app, ["list", *options])

    assert (listed.exit_code, shown.exit_code, rejected.exit_code) == (0, 0, 1)
    assert "certificate required" in rejected.stderr


@pytest.mark.parametrize("name", ["none.pem", "server.key"])
def test_a_bad_file_is_reported(folder: Path, name: str) -> None:
    for options, sentence in (
        (["--ca", str(folder / name)], "contains no CA certificates in PEM: "),
        (["--certificate", str(folder / name)], "contains no certificate with its key in PEM: "),
    ):
        result = CliRunner().invoke(app, ["watch", "--url", "https://localhost:1", *options])

        assert result.exit_code == 1
        assert sentence in result.stderr
        assert "BEGIN" not in result.output


def test_plain_http_takes_neither(folder: Path) -> None:
    wide = {"COLUMNS": "200"}
    result = CliRunner().invoke(app, ["watch", "--ca", str(folder / "ca.pem")], env=wide)

    assert result.exit_code == 2
    assert "require an https URL" in result.stderr
