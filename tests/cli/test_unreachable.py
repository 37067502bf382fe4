"""What is said of servers that cannot be reached, without the texts of the libraries."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import httpx2
import pytest
from typer.testing import CliRunner

from app.cli.main import app
from app.cli.unreachable import explain_unreachable
from tests.cli.served import SECONDS


@contextmanager
def sending(answer: bytes) -> Iterator[int]:
    """A server that sends this to its client and disconnects; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer_once() -> None:
            with listener.accept()[0] as client:
                client.recv(65536)
                client.sendall(answer)

        thread = Thread(target=answer_once)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(SECONDS)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"", "it closed the connection; if it speaks TLS, use https://"),
        (b"SSH-2.0-x\r\n\r\n", "it does not answer with HTTP; if it speaks TLS, use https://"),
        (b"\x15\x03\x01\x00\x02\x02\x46", "; if it speaks TLS, use https://"),
    ],
)
@pytest.mark.parametrize("command", ["list", "watch", "ended"])
def test_server_of_another_protocol_is_reported(command: str, answer: bytes, reason: str) -> None:
    with sending(answer) as port:
        result = CliRunner().invoke(app, [command, "--url", f"http://127.0.0.1:{port}"])

    assert result.exit_code == 1
    assert result.stderr.endswith(f"{reason}\n")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["list", "watch", "ended", "history", "peers"])
def test_absent_server_is_reported(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--url", "http://127.0.0.1:1"])

    assert result.exit_code == 1
    assert result.stderr == (
        "sa-contexts: cannot reach http://127.0.0.1:1: no server listens there; start one with "
        "`sa-contexts serve`, or pass the URL of another with --url\n"
    )


def test_failures_with_each_address_are_considered() -> None:
    error = httpx2.ConnectError("All connection attempts failed")
    error.__cause__ = OSError("All connection attempts failed")
    error.__cause__.__cause__ = ExceptionGroup(
        "failures", [OSError("no route"), ConnectionRefusedError("refused")]
    )

    assert explain_unreachable(error, httpx2.URL("http://h")).reason == "no server listens there"


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (httpx2.ReadTimeout(""), "it does not answer in time"),
        (httpx2.ReadError(""), "ReadError"),
        (httpx2.ReadError("a\x1b[2Jb"), "a\N{REPLACEMENT CHARACTER}[2Jb"),
    ],
)
def test_other_failures_are_named(error: Exception, reason: str) -> None:
    assert str(explain_unreachable(error, httpx2.URL("https://h"))) == reason


def test_certificate_for_another_host_needs_no_other_ca() -> None:
    error = ssl.SSLCertVerificationError("x")
    error.verify_code, error.verify_message = 62, "Hostname mismatch."

    why = explain_unreachable(error, httpx2.URL("https://h"))

    assert why == ("cannot verify its certificate: Hostname mismatch", "")


def test_unknown_name_is_reported() -> None:
    result = CliRunner().invoke(app, ["list", "--url", "http://name.invalid"])

    assert result.stderr.endswith("the name name.invalid has no address\n")
