"""`sa-contexts list`: any filter, from the engine or a server, for people and programs."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.cells import cell_len
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli.main import app
from app.resources.sa_contexts.schema import SaContext
from app.telemetry.logging.configuration import configure_logging
from tests.auth.made import make_key
from tests.cli.served import served
from tests.cli.test_watch_malformed import answering
from tests.conftest import SIMULATOR_PATH, Serve
from tests.soak.filters import SA_CONTEXTS


DOCUMENT = json.loads(
    (Path(__file__).parents[2] / "docs" / "openapi.json").read_text(encoding="utf-8")
)
CONTEXTS = ("--simulated-contexts", "120")


@pytest.fixture(autouse=True)
def _simulator(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", str(simulator.path))
    yield
    configure_logging("json", "debug")  # the runner's standard error is closed


def run(*arguments: str, **environment: str) -> Any:
    return CliRunner().invoke(app, ["list", *arguments], env=environment)


def items(*arguments: str) -> list[dict[str, Any]]:
    if "--url" not in arguments:
        Simulator(SIMULATOR_PATH).reset()  # ids start over
    result = run("--json", *arguments)
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.stdout)["items"]
    return found


def option_of(parameter: str) -> str:
    return "--" + "".join(f"-{c.lower()}" if c.isupper() else c for c in parameter)


@pytest.mark.parametrize(("command", "path"), [("list", ""), ("watch", "/events")])
def test_every_filter_of_the_api_is_an_option(command: str, path: str) -> None:
    parameters = DOCUMENT["paths"][f"/sa-contexts{path}"]["get"]["parameters"]
    filters = {each["name"] for each in parameters if each["schema"].get("type") == "array"}
    group: Any = typer.main.get_command(app)
    options = {name for each in group.commands[command].params for name in each.opts}

    assert filters == {*SA_CONTEXTS.values, "principalName"}  # names are not in the basic view
    assert set(map(option_of, filters)) <= options


@pytest.mark.parametrize("name", SA_CONTEXTS.values)
def test_filter_selects_what_the_api_would(name: str) -> None:
    everything = items(*CONTEXTS)
    sas = [sa for each in everything for sa in (each["inboundSa"], each["outboundSa"]) if sa]
    value = next(text for sa in sas for text in SA_CONTEXTS.values[name](sa) if text is not None)

    found = items(*CONTEXTS, option_of(name), value)

    expected = [each for each in everything if SA_CONTEXTS.matches(each, {name: [value]})]
    assert found == expected
    assert len(found) > 0
    assert len(found) < len(everything) or name in {"ipVersion", "trafficType"}


def test_repeated_filter_matches_any_of_its_values() -> None:
    wanted = {"cipher": ["cbc_3des", "gcm_aes_256"], "trafficType": ["transport"]}
    options = [
        text for name, texts in wanted.items() for t in texts for text in (option_of(name), t)
    ]

    found = items(*CONTEXTS, *options)

    assert found == [each for each in items(*CONTEXTS) if SA_CONTEXTS.matches(each, wanted)] != []


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("remoteSubnet", "10.0.0.1/8"),
        ("remoteSubnet", "nowhere"),
        ("localAddress", "10.0.0.0/8"),
        ("cipher", "rot13"),
        ("weakness", "age"),
        ("mmSaId", "-1"),
        ("mmSaId", "18446744073709551616"),
        ("spi", "0x"),
        ("spi", "4294967296"),
    ],
)
@pytest.mark.parametrize("command", ["list", "watch"])
def test_bad_filter_is_rejected_with_the_reason_of_the_api(
    serve: Serve, command: str, parameter: str, value: str
) -> None:
    answer = serve(contexts=1).get("/sa-contexts", params={parameter: value}).json()

    arguments = [command, option_of(parameter), value]
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "500", "NO_COLOR": "1"})

    assert result.exit_code == 2
    assert option_of(parameter) in result.stderr
    assert answer["errors"][0]["reason"] in result.stderr


def test_too_many_values_are_rejected_with_the_reason_of_the_api() -> None:
    result = run(*["--spi", "1"] * 17, COLUMNS="500")

    assert result.exit_code == 2
    assert "Should be given at most 16 times" in result.stderr


def test_format_is_a_table_even_without_a_terminal(simulator: Simulator) -> None:
    everything = items(*CONTEXTS)
    simulator.reset()

    result = run(*CONTEXTS, COLUMNS="40")

    head, *lines, count = result.stdout.splitlines()
    assert head.split("  ")[0] == "Remote"
    assert count == "120 SA contexts"
    assert len(lines) == 120
    assert "…" not in result.stdout
    for each, line in zip(everything, lines, strict=True):
        sa = each["outboundSa"] or each["inboundSa"]
        assert each["saContextId"] in line
        if sa is not None:
            rule = (sa["transportFilter"] or {}).get("name") or ""
            assert rule in line
            assert sa["traffic"]["localAddress"] in line


def test_one_context_is_counted_as_one() -> None:
    assert run("--simulated-contexts", "1").stdout.splitlines()[-1] == "1 SA context"
    assert run("--simulated-contexts", "0").stdout.splitlines()[-1] == "0 SA contexts"


def test_json_has_the_shape_of_the_api(simulator: Simulator) -> None:
    found = items(*CONTEXTS)

    assert [int(each["saContextId"]) for each in found] == simulator.ids()
    for each in found:
        SaContext.model_validate(each)


def test_weaknesses_are_those_of_the_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [each["outboundSa"]["weaknesses"] for each in items(*CONTEXTS) if each["outboundSa"]]
    monkeypatch.setenv("SA_CONTEXTS_BASELINE", "rfc_8221")
    after = [each["outboundSa"]["weaknesses"] for each in items(*CONTEXTS) if each["outboundSa"]]

    assert before != after


def test_names_are_printed_in_utf_8_whatever_the_locale() -> None:
    environment = {**os.environ, "SA_CONTEXTS_LIBRARY": str(SIMULATOR_PATH)}
    printed = [
        subprocess.run(
            [sys.executable, "-m", "app", "list", *CONTEXTS],
            env={**environment, "PYTHONIOENCODING": encoding},
            capture_output=True,
            check=True,
        ).stdout
        for encoding in ("ascii", "latin-1", "utf-8")
    ]

    assert printed[0] == printed[1] == printed[2]
    assert not printed[0].isascii()


@pytest.mark.parametrize("width", [80, 120, 215])
def test_table_fits_the_terminal(width: int) -> None:
    fcntl, pty, termios = (pytest.importorskip(name) for name in ("fcntl", "pty", "termios"))
    terminal, other = pty.openpty()
    fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 30, width, 0, 0))
    environment = {**os.environ, "SA_CONTEXTS_LIBRARY": str(SIMULATOR_PATH), "TERM": "xterm"}
    environment.pop("COLUMNS", None)
    with subprocess.Popen(
        [sys.executable, "-m", "app", "list", *CONTEXTS],
        stdout=other,
        stderr=subprocess.DEVNULL,
        env=environment,
    ) as process:
        os.close(other)
        seen = b""
        while part := _read(terminal):
            seen += part
        assert process.wait() == 0
    os.close(terminal)

    head, *lines = seen.decode().split("\r\n")[:-1]
    assert len(lines) == 121
    assert max(map(cell_len, (head, *lines))) <= width
    assert head.split()[:4] == ["Remote", "Protection", "Weaknesses", "State"]


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux reports the end
        return b""


@pytest.fixture
def server() -> Iterator[str]:
    with served(2300) as port:
        yield f"http://127.0.0.1:{port}"


def test_server_gives_all_pages(server: str, simulator: Simulator) -> None:
    found = items("--url", server)

    assert [int(each["saContextId"]) for each in found] == simulator.ids()
    assert simulator.count() == 2300


def test_server_applies_the_filters(server: str) -> None:
    wanted = {"weakness": ["3des", "des"], "remoteSubnet": ["10.0.0.0/8", "::/0"]}
    options = [
        text for name, texts in wanted.items() for t in texts for text in (option_of(name), t)
    ]

    found = items("--url", server, *options)

    assert (
        found
        == [each for each in items("--url", server) if SA_CONTEXTS.matches(each, wanted)]
        != []
    )


def test_environment_names_the_server(server: str, simulator: Simulator) -> None:
    from_server = run(SA_CONTEXTS_URL=server).stdout
    assert from_server.endswith("2300 SA contexts\n")

    assert run("--simulated-contexts", "7", SA_CONTEXTS_URL=server).stdout.endswith(
        "7 SA contexts\n"
    )
    assert simulator.count() == 7


def test_server_gets_the_credential(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key, other = make_key(path, "sa:read"), make_key(path, "metrics:read")
    with served(3, api_keys_file=path) as port:
        url = f"http://127.0.0.1:{port}"

        assert run("--url", url, SA_CONTEXTS_TOKEN=key).exit_code == 0
        for token in (other, None):
            result = run("--url", url, **({"SA_CONTEXTS_TOKEN": token} if token else {}))
            assert result.exit_code == 1
            (sentence,) = result.stderr.splitlines()
            assert sentence.startswith(f"sa-contexts: {url}/sa-contexts rejects the request: ")
            advice = " Pass --token-file, or set SA_CONTEXTS_TOKEN."
            assert sentence.endswith(advice) is (token is None)
            assert other not in result.output


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--url", "http://127.0.0.1:1"], 1, "http://127.0.0.1:1: no server listens there; start"),
        (["--url", "nowhere"], 2, "nowhere is not a URL with http or https"),
        (["--url", "localhost:18123"], 2, "is not a URL with http or https"),
        (["--url", "ftp://x"], 2, "is not a URL with http or https"),
        (["--url", "http://127.0.0.1:1", "--ca", "ca.pem"], 2, "require an https URL"),
        (["--url", "http://192.0.2.1"], 1, "would go in clear text"),
        (["--url", "http://127.0.0.1:1", "--engine", "auto"], 2, "cannot be combined with"),
        (["--ca", "ca.pem"], 2, "--ca: requires --url or SA_CONTEXTS_URL"),
        (["--token-file", "f"], 2, "--token-file: requires --url or SA_CONTEXTS_URL"),
        (["--token-file", "f", "--engine", "auto"], 2, "--token-file: cannot be combined with"),
    ],
)
@pytest.mark.parametrize("command", [["list"], ["show", "1"]])
def test_server_that_cannot_be_asked_is_reported(
    command: list[str], options: list[str], code: int, sentence: str
) -> None:
    environment = {"SA_CONTEXTS_TOKEN": "abc", "COLUMNS": "500"}

    result = CliRunner().invoke(app, [*command, *options], env=environment)

    assert result.exit_code == code
    assert sentence in result.stderr


def test_a_path_of_the_api_is_no_url_of_a_server() -> None:
    with served(1) as port:
        result = run("--url", f"http://127.0.0.1:{port}/sa-contexts")

    assert result.exit_code == 1
    assert result.stderr == (
        f"sa-contexts: http://127.0.0.1:{port}/sa-contexts/sa-contexts rejects the request: "
        "At least one parameter is not valid. If this is a path of the API, pass only the URL of "
        f"the server: --url http://127.0.0.1:{port}/\n"
    )


ENDLESS = b'{"items":[],"nextCursor":"a"}'


@pytest.mark.parametrize(
    ("body", "media_type", "status", "sentence"),
    [
        (b"<html>", "text/html", 200, "answers with text/html instead of JSON"),
        (b"{", "application/json", 200, "the answer of the server is not JSON"),
        (b"[]", "application/json", 200, "the answer of the server is not an object"),
        (b"\xff", "application/json", 200, "the answer of the server is not JSON"),
        (b"{}", "application/json", 200, "an answer of the server lacks the shape"),
        (b'{"items":5}', "application/json", 200, "an answer of the server lacks the shape"),
        (b'{"items":[5]}', "application/json", 200, "an answer of the server lacks the shape"),
        (b'{"items":[{}]}', "application/json", 200, "an answer of the server lacks the shape"),
        (ENDLESS, "application/json", 200, "the list of the server does not end"),
        (b"", "text/plain", 301, "rejects the request: 301 Moved Permanently"),
        (b"", "text/plain", 503, "cannot answer: 503 Service Unavailable"),
        (
            b'{"detail":"a\\u001b[2Jb"}',
            "application/problem+json",
            503,
            "a\N{REPLACEMENT CHARACTER}[2Jb",
        ),
    ],
)
def test_answer_of_another_kind_ends_with_one_sentence(
    body: bytes, media_type: str, status: int, sentence: str
) -> None:
    with answering(body, media_type, status) as url:
        result = run("--url", url)

    assert result.exit_code == 1
    assert result.stdout == ""
    (said,) = result.stderr.splitlines()
    assert sentence in said


def test_json_cannot_steer_the_terminal() -> None:
    hostile = "\x9b2J\u202e\x7f\U000e0001ü"
    context = {"saContextId": hostile, "inboundSa": None, "outboundSa": None}
    body = json.dumps({"items": [context]}).encode()
    with answering(body, "application/json") as url:
        (found,) = items("--url", url)
        printed = run("--url", url, "--json").stdout

    assert found["saContextId"] == hostile
    assert all(c.isprintable() or c == "\n" for c in printed)
    assert "ü" in printed
