"""`sa-contexts keys`, and the credential of `sa-contexts watch`."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import time_machine
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.auth.api_keys import ApiKeyStore
from app.auth.key_file import read_keys
from app.auth.scopes import Scope
from app.cli.client import RequestRejected, read_token
from app.cli.main import app
from app.settings.paths import state_folder
from app.telemetry.logging.configuration import configure_logging
from tests.auth.made import id_of, make_key, run_keys
from tests.cli.served import SECONDS, served


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A server that is about to begin takes the log to a stream that does not last."""
    yield
    configure_logging("json", "debug")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "keys.json"


def test_a_key_is_shown_once_and_alone_on_standard_output(path: Path) -> None:
    arguments = ["keys", "add", "prometheus", "--scope", "metrics:read", "--file", str(path)]
    result = CliRunner().invoke(app, arguments)

    assert result.exit_code == 0
    assert re.fullmatch(r"sak_[0-9a-f]{12}_[A-Za-z0-9_-]{43}\n", result.stdout)
    assert "never again" in result.stderr
    assert result.stdout.strip() not in result.stderr
    assert ApiKeyStore(path).caller_of(result.stdout.strip()).scopes == {Scope.METRICS_READ}


@time_machine.travel("2026-11-25T12:00:00Z", tick=False)
def test_the_list_shows_all_but_the_secrets(path: Path) -> None:
    first = make_key(path, "sa:read", "events:read", name="dashboard")
    second = run_keys("add", "b", "--scope", "sa:read", "--expires", "90d", path=path).strip()
    run_keys("revoke", id_of(first), path=path)

    listed = run_keys("list", path=path)

    assert listed.splitlines() == [
        "ID            Created     Status                     Scopes               Name",
        f"{id_of(first)}  2026-11-25  revoked 2026-11-25 12:00Z  events:read,sa:read  dashboard",
        f"{id_of(second)}  2026-11-25  expires 2027-02-23 12:00Z  sa:read              b",
    ]
    file = read_keys(path)
    for secret in (file.secret, *(key.hash for key in file.keys), first[17:], second[17:]):
        assert secret not in listed
    with time_machine.travel("2027-02-23T12:00:00Z"):
        assert "expired 2027-02-23" in run_keys("list", path=path)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m", 60), ("12h", 43200), ("90d", 7776000), ("52w", 31449600)]
)
def test_lifetimes_are_such(path: Path, text: str, seconds: int) -> None:
    run_keys("add", "a", "--scope", "sa:read", "--expires", text, path=path)

    (key,) = read_keys(path).keys
    assert key.expires is not None
    assert (key.expires - key.created).total_seconds() == seconds


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["add", "a"], "--scope"),
        (["add", "a", "--scope", "sa:write"], "sa:write"),
        (["add", "a", "--scope", "sa:read", "--expires", "soon"], "90d"),
        (["add", "a", "--scope", "sa:read", "--expires", "0d"], "90d"),
        (["add", "a", "--scope", "sa:read", "--expires", "99999999w"], "3650d"),
        (["add", "", "--scope", "sa:read"], "printable"),
        (["add", "a\nb", "--scope", "sa:read"], "printable"),
        (["add", "a" * 65, "--scope", "sa:read"], "printable"),
        (["list"], "keys.json"),
        (["revoke", "0123456789ab"], "create one with `sa-contexts keys add`"),
    ],
)
def test_what_cannot_be_done_is_said(path: Path, arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["keys", *arguments, "--file", str(path)])

    assert result.exit_code != 0
    assert message in result.output
    assert not path.exists()


def test_a_full_disk_is_said_and_loses_no_key(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_key(path, "sa:read")
    before = path.read_bytes()

    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    result = CliRunner().invoke(
        app, ["keys", "add", "a", "--scope", "sa:read", "--file", str(path)]
    )

    assert result.exit_code == 1
    assert result.stdout == ""
    assert os.strerror(errno.ENOSPC) in result.stderr
    assert path.read_bytes() == before
    assert {each.name for each in path.parent.iterdir()} - {"keys.json.lock"} == {"keys.json"}


def test_a_file_of_settings_that_cannot_be_read_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SA_CONTEXTS_SETTINGS", str(tmp_path / "absent.toml"))
    result = CliRunner().invoke(app, ["keys", "list"])

    assert result.exit_code == 1
    assert "absent.toml" in result.stderr
    assert isinstance(result.exception, SystemExit)


def test_only_a_key_that_there_is_can_be_revoked(path: Path) -> None:
    make_key(path, "sa:read")
    before = path.read_bytes()

    result = CliRunner().invoke(app, ["keys", "revoke", "ffffffffffff", "--file", str(path)])

    assert result.exit_code == 1
    assert "there is no key ffffffffffff" in result.output
    assert path.read_bytes() == before
    assert {each.name for each in path.parent.iterdir()} - {"keys.json.lock"} == {"keys.json"}


def test_key_is_revoked_by_its_name(path: Path) -> None:
    make_key(path, "sa:read", name="dashboard")
    other = make_key(path, "sa:read", name="prometheus")

    result = CliRunner().invoke(app, ["keys", "revoke", "prometheus", "--file", str(path)])

    assert result.exit_code == 0
    assert f"The key {id_of(other)} is revoked in {path}." in result.stderr
    assert [bool(key.revoked) for key in read_keys(path).keys] == [False, True]


def test_name_of_several_keys_revokes_none(path: Path) -> None:
    keys = [make_key(path, "sa:read", name="prometheus") for _ in range(2)]
    before = path.read_bytes()

    result = CliRunner().invoke(app, ["keys", "revoke", "prometheus", "--file", str(path)])

    assert result.exit_code == 1
    assert result.stderr == (
        "sa-contexts: 2 keys are named prometheus; give an id: "
        f"{id_of(keys[0])}, {id_of(keys[1])}\n"
    )
    assert path.read_bytes() == before


def test_name_means_the_key_that_is_not_revoked(path: Path) -> None:
    old = make_key(path, "sa:read", name="prometheus")
    run_keys("revoke", id_of(old), path=path)
    new = make_key(path, "sa:read", name="prometheus")

    result = CliRunner().invoke(app, ["keys", "revoke", "prometheus", "--file", str(path)])

    assert result.exit_code == 0
    assert f"The key {id_of(new)} is revoked" in result.stderr


def test_id_precedes_a_name(path: Path) -> None:
    key = make_key(path, "sa:read", name="dashboard")
    make_key(path, "sa:read", name=id_of(key))

    run_keys("revoke", id_of(key), path=path)

    assert [bool(key.revoked) for key in read_keys(path).keys] == [True, False]


def test_list_keeps_columns_of_wide_names_aligned(path: Path) -> None:
    names = ("監視", "xyz")
    for name in names:
        make_key(path, "sa:read", name=name)

    head, *lines = run_keys("list", path=path).splitlines()

    starts = [line.index(name) for line, name in zip(lines, names, strict=True)]
    assert starts == [head.index("Name")] * 2


def test_a_key_stays_revoked_since_it_was(path: Path) -> None:
    key = make_key(path, "sa:read")
    with time_machine.travel("2026-11-25T12:00:00Z"):
        run_keys("revoke", id_of(key), path=path)
    revoked = read_keys(path).keys[0].revoked
    run_keys("revoke", id_of(key), path=path)

    assert read_keys(path).keys[0].revoked == revoked


def test_the_file_is_the_settings_or_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    arguments = ["keys", "add", "a", "--scope", "sa:read"]
    result = CliRunner().invoke(app, arguments)
    assert len(read_keys(state_folder() / "keys.json").keys) == 1
    assert f"SA_CONTEXTS_API_KEYS_FILE={state_folder() / 'keys.json'}" in result.stderr

    monkeypatch.setenv("SA_CONTEXTS_API_KEYS_FILE", str(tmp_path / "mine.json"))
    result = CliRunner().invoke(app, arguments)
    assert len(read_keys(tmp_path / "mine.json").keys) == 1
    assert "SA_CONTEXTS_API_KEYS_FILE" not in result.stderr

    monkeypatch.setenv("SA_CONTEXTS_API_KEYS_FILE", "relative.json")
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "the setting api_keys_file is not valid" in result.stderr


def test_a_server_does_not_begin_without_the_keys_that_it_is_to_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SA_CONTEXTS_API_KEYS_FILE", str(tmp_path / "none.json"))

    result = CliRunner().invoke(app, ["serve", "--port", "0", "--engine", "simulator"])

    assert result.exit_code == 1
    assert "cannot read the keys in" in result.stderr


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"SA_CONTEXTS_OIDC_ISSUER": "https://issuer.example"}, "oidc_audience"),
        ({"SA_CONTEXTS_OIDC_ISSUER": "http://issuer.example"}, "oidc_issuer"),
        ({"SA_CONTEXTS_OIDC_JWKS_URL": "http://issuer.example/keys"}, "oidc_jwks_url"),
        ({"SA_CONTEXTS_OIDC_ALGORITHMS": ""}, "oidc_algorithms"),
        ({"SA_CONTEXTS_OIDC_ALGORITHMS": "RS256,none"}, "oidc_algorithms"),
        ({"SA_CONTEXTS_OIDC_ALGORITHMS": "HS256"}, "oidc_algorithms"),
        ({"SA_CONTEXTS_OIDC_CLOCK_SKEW_SECONDS": "3600"}, "oidc_clock_skew_seconds"),
    ],
)
def test_settings_that_would_open_too_much_are_refused(
    given: dict[str, str], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in given.items():
        monkeypatch.setenv(variable, value)

    result = CliRunner().invoke(app, ["serve", "--port", "0", "--engine", "simulator"])

    assert result.exit_code == 1
    assert f"the setting {name}" in result.stderr


def test_the_token_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    assert read_token(None) is None
    monkeypatch.setenv("SA_CONTEXTS_TOKEN", "from-the-environment")
    assert read_token(None) == "from-the-environment"
    file.write_text("from-a-file\n", encoding="utf-8")
    assert read_token(file) == "from-a-file"
    for wrong in ("", "two words", "two\nlines", "ümlaut"):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(RequestRejected) as rejected:
            read_token(file)
        assert not wrong or wrong not in str(rejected.value)
    for encoding in ("utf-8-sig", "utf-16", "utf-16-be"):  # as Windows PowerShell writes them
        bom = "" if encoding != "utf-16-be" else "\N{ZERO WIDTH NO-BREAK SPACE}"
        file.write_text(f"{bom}from-a-file\r\n", encoding=encoding)
        assert read_token(file) == "from-a-file"
    for content in (b"\xff", b"\xff\xfea"):
        file.write_bytes(content)
        with pytest.raises(RequestRejected, match="not text"):
            read_token(file)
    with pytest.raises(RequestRejected, match="cannot read"):
        read_token(tmp_path)
    with pytest.raises(RequestRejected, match="No such file"):
        read_token(tmp_path / "none")


def test_watching_takes_a_key_and_says_when_it_is_not_taken(
    simulator: Simulator, path: Path
) -> None:
    key = make_key(path, "events:read")
    assert simulator.count() == 0
    environment = {**os.environ, "SA_CONTEXTS_TOKEN": key, "PYTHONUNBUFFERED": "1"}
    with served(3, api_keys_file=path) as port:
        command = [sys.executable, "-m", "app", "watch", "--json"]
        command += ["--url", f"http://127.0.0.1:{port}"]
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as watching:
            assert watching.stdout
            assert watching.stderr
            assert '"added"' in watching.stdout.readline()
            run_keys("revoke", id_of(key), path=path)
            assert watching.wait(SECONDS) == 1
            said = watching.stdout.read() + watching.stderr.read()
    assert "The credential was rejected." in said
    assert key not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a device that is full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_key_that_could_not_be_shown_is_said(
    path: Path, unbuffered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    command = [sys.executable, "-m", "app", "keys", "add", "a", "--scope", "sa:read"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*command, "--file", path], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )

    assert done.returncode == 1
    (key,) = read_keys(path).keys
    assert done.stderr.splitlines()[-1] == (
        "sa-contexts: the key could not be shown (No space left on device) and is lost; "
        f"revoke it with `sa-contexts keys revoke {key.id} --file {path}`"
    )


def test_revoking_says_which_file_was_changed_and_when_servers_follow(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, other = make_key(path, "sa:read"), path.with_name("other.json")
    arguments = ["keys", "revoke", id_of(key), "--file", str(path)]

    said = CliRunner().invoke(app, arguments).stderr
    assert f"The key {id_of(key)} is revoked in {path}." in said
    assert "within two seconds" in said
    assert "The settings name no API key file." in said

    monkeypatch.setenv("SA_CONTEXTS_API_KEYS_FILE", str(other))
    said = CliRunner().invoke(app, arguments).stderr
    assert f"The settings name another file, {other}." in said
    assert "does not read the changed file" in said

    monkeypatch.setenv("SA_CONTEXTS_API_KEYS_FILE", str(path))
    assert "The settings" not in CliRunner().invoke(app, arguments).stderr


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_the_settings_may_name_a_link_to_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, link = make_key(path, "sa:read"), path.with_name("link.json")
    link.symlink_to(path)
    monkeypatch.setenv("SA_CONTEXTS_API_KEYS_FILE", str(link))

    result = CliRunner().invoke(app, ["keys", "revoke", id_of(key), "--file", str(path)])

    assert result.exit_code == 0
    assert "The settings" not in result.stderr
