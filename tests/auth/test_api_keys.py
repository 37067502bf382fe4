"""Keys are accepted while they are in the file, unexpired and not revoked, and only then."""

from __future__ import annotations

import hmac
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import anyio.lowlevel
import anyio.to_thread
import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from app.auth import api_keys, key_file
from app.auth.api_keys import ApiKeyStore
from app.auth.callers import Caller
from app.auth.key_file import KeysUnreadable, hash_of, read_content, read_keys
from app.auth.rejections import CredentialRejected, RejectionReason
from app.auth.scopes import Scope
from app.cli.main import app
from app.files import reading, watching
from app.files.reading import RegularFile
from tests.auth.made import change, id_of, make_key, run_keys


SECONDS = 10.0


class Time:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def rejection(keys: ApiKeyStore, text: str) -> RejectionReason:
    with pytest.raises(CredentialRejected) as rejected:
        keys.caller_of(text)
    return rejected.value.reason


def test_a_key_identifies_its_owner(path: Path) -> None:
    key = make_key(path, "sa:read", "metrics:read", name="Überwachung")

    caller = ApiKeyStore(path).caller_of(key)

    scopes = frozenset((Scope.SA_READ, Scope.METRICS_READ))
    assert caller == Caller("Überwachung", "api_key", scopes, id_of(key), None)


def test_a_key_is_long_and_random_and_not_in_the_file(path: Path) -> None:
    keys = {make_key(path, "sa:read") for _ in range(5)}

    text = path.read_text(encoding="utf-8")
    secrets = [key.split("_", 2)[2] for key in keys]
    assert len(set(secrets)) == len({id_of(key) for key in keys}) == 5
    for secret in secrets:
        assert len(secret) * 6 >= 256
        assert secret not in text
    assert len({entry["hash"] for entry in json.loads(text)["keys"]}) == 5


@pytest.mark.skipif(os.name != "posix", reason="on Windows it is the folder that says who may")
def test_only_its_owner_can_read_the_file(path: Path) -> None:
    before = os.umask(0)
    try:
        make_key(path, "sa:read")
    finally:
        os.umask(before)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with capture_logs() as log:
        ApiKeyStore(path)
        assert not log
        path.chmod(0o640)
        ApiKeyStore(path)
    assert [entry["event"] for entry in log] == ["api_keys_file_too_permissive"]


def test_one_wrong_character_is_refused(path: Path) -> None:
    key = make_key(path, "sa:read")
    keys = ApiKeyStore(path)

    for at in range(len("sak_"), len(key)):
        wrong = key[:at] + ("A" if key[at] != "A" else "B") + key[at + 1 :]
        assert rejection(keys, wrong) is RejectionReason.UNKNOWN
    for wrong in (key[:-1], key + "A", "sak_", "sak__", f"sak_{id_of(key)}", f"sak_{id_of(key)}_"):
        assert rejection(keys, wrong) is RejectionReason.UNKNOWN


def test_every_answer_takes_the_same_work(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key, revoked = make_key(path, "sa:read"), make_key(path, "sa:read")
    run_keys("revoke", id_of(revoked), path=path)
    keys = ApiKeyStore(path)
    work: list[str] = []

    def seen(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            assert {len(each) for each in arguments if name == "compare"} <= {32}
            work.append(name)
            return function(*arguments)

        return call

    monkeypatch.setattr(api_keys, "hash_of", seen("hash", hash_of))
    monkeypatch.setattr(hmac, "compare_digest", seen("compare", hmac.compare_digest))

    keys.caller_of(key)
    for other in (revoked, key[:-1] + "~", "sak_ffffffffffff_" + "A" * 43, "sak_"):
        rejection(keys, other)

    assert work == ["hash", "compare"] * 5


def test_a_key_ends_when_it_expires(path: Path) -> None:
    key, time = make_key(path, "sa:read"), Time()
    change(path, key, expires="2027-01-15T08:00:00Z")  # 1,800,000,000
    keys = ApiKeyStore(path, clock=time)

    assert rejection(keys, key) is RejectionReason.EXPIRED
    time.now -= 1
    caller = keys.caller_of(key)
    assert caller.expires_at == 1_800_000_000
    assert keys.has(caller)
    time.now += 1
    assert not keys.has(caller)


def test_what_happens_to_the_file_is_seen_at_the_next_look(path: Path) -> None:
    first = make_key(path, "sa:read")
    keys = ApiKeyStore(path)
    caller = keys.caller_of(first)
    second = make_key(path, "events:read")
    run_keys("revoke", id_of(first), path=path)

    assert rejection(keys, second) is RejectionReason.UNKNOWN
    assert keys.has(caller)
    keys.reload_if_changed()

    assert keys.caller_of(second).scopes == {Scope.EVENTS_READ}
    assert not keys.has(caller)
    assert rejection(keys, first) is RejectionReason.REVOKED


def test_an_edit_that_keeps_size_and_times_is_seen(path: Path) -> None:
    key = make_key(path, "sa:read")
    change(path, key, expires="2999-01-01T00:00:00Z")
    keys = ApiKeyStore(path)
    there = path.stat()
    path.write_bytes(path.read_bytes().replace(b"2999-", b"1999-"))
    os.utime(path, ns=(there.st_atime_ns, there.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (there.st_size, there.st_mtime_ns)

    keys.reload_if_changed()

    assert rejection(keys, key) is RejectionReason.EXPIRED


@pytest.mark.anyio
async def test_nobody_waits_for_a_disk_that_does_not_answer(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(path, "sa:read")
    keys = ApiKeyStore(path)
    begun, answers, open_ = Event(), Event(), reading._open  # noqa: SLF001  # where a disk hangs
    run_keys("revoke", id_of(key), path=path)

    def read(there: str, flags: int) -> int:
        begun.set()
        answers.wait(SECONDS)
        return open_(there, flags)

    monkeypatch.setattr(reading, "_open", read)
    monkeypatch.setattr(reading, "READ_SECONDS", 0.05)
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.001)
    with capture_logs() as log, anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keys.run)
            assert await anyio.to_thread.run_sync(begun.wait, SECONDS)
            keys.caller_of(key)
            while not log:
                await anyio.lowlevel.checkpoint()
            keys.caller_of(key)
            answers.set()
            while "api_keys_reloaded" not in {entry["event"] for entry in log}:
                await anyio.lowlevel.checkpoint()
            assert rejection(keys, key) is RejectionReason.REVOKED
            tasks.cancel_scope.cancel()
    assert [entry["event"] for entry in log][:2] == ["api_keys_unreadable", "api_keys_reloaded"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such files")
def test_nobody_waits_for_what_is_no_file(path: Path) -> None:
    key = make_key(path, "sa:read")
    keys = ApiKeyStore(path)
    path.unlink()
    os.mkfifo(path)

    with capture_logs() as log:
        keys.reload_if_changed()

    assert [entry["event"] for entry in log] == ["api_keys_unreadable"]
    assert "not a regular file" in log[0]["reason"]
    keys.caller_of(key)
    with pytest.raises(KeysUnreadable, match="not a regular file"):
        ApiKeyStore(path)
    with pytest.raises(KeysUnreadable, match="not a regular file"):
        read_keys(Path("/dev/zero"))


def test_a_file_has_a_largest_size(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_key(path, "sa:read")
    before = path.read_bytes()
    monkeypatch.setattr(key_file, "MAX_BYTES", len(before))

    assert len(read_keys(path).keys) == 1
    result = CliRunner().invoke(
        app, ["keys", "add", "a", "--scope", "sa:read", "--file", str(path)]
    )
    assert "larger" in result.stderr
    assert path.read_bytes() == before
    path.write_bytes(before + b" ")
    with pytest.raises(KeysUnreadable, match="larger"):
        read_keys(path)


def test_a_scope_that_was_taken_away_ends_what_it_opened(path: Path) -> None:
    key = make_key(path, "sa:read", "events:read")
    keys = ApiKeyStore(path)
    caller = keys.caller_of(key)
    change(path, key, scopes=["sa:read"])
    keys.reload_if_changed()

    assert not keys.has(caller)
    assert keys.caller_of(key).scopes == {Scope.SA_READ}


@pytest.mark.parametrize("content", [None, "", "{", '{"version": 1}', '{"version": 2, "keys": []}'])
def test_a_bad_file_changes_nothing_and_is_logged_once(path: Path, content: str | None) -> None:
    key = make_key(path, "sa:read")
    keys = ApiKeyStore(path)
    good = path.read_bytes()

    with capture_logs() as log:
        if content is None:
            path.unlink()
        else:
            path.write_text(content, encoding="utf-8")
        for _ in range(3):
            keys.reload_if_changed()
            keys.caller_of(key)
        path.write_bytes(good)
        keys.reload_if_changed()
        keys.caller_of(key)

    events = [entry["event"] for entry in log]
    assert events[:1] + events[-1:] == ["api_keys_unreadable", "api_keys_reloaded"]
    assert events.count("api_keys_unreadable") == events.count("api_keys_reloaded") == 1


def test_a_file_that_could_not_be_read_is_read_though_it_stays_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if its owner were wrong or, on Windows, another program had it open."""
    key = make_key(path, "sa:read")
    keys = ApiKeyStore(path)
    run_keys("revoke", id_of(key), path=path)
    failures = [KeysUnreadable("in use")] * 2 + [KeysUnreadable("denied")] * 2

    def fail_at_first(read: Path) -> RegularFile:
        if failures:
            raise failures.pop()
        return read_content(read)

    monkeypatch.setattr(api_keys, "read_content", fail_at_first)
    with capture_logs() as log:
        for _ in range(4):
            keys.reload_if_changed()
            keys.caller_of(key)
        for _ in range(3):
            keys.reload_if_changed()
            assert rejection(keys, key) is RejectionReason.REVOKED

    logged = [(entry["event"], entry.get("reason")) for entry in log]
    assert logged == [
        ("api_keys_unreadable", "denied"),
        ("api_keys_unreadable", "in use"),
        ("api_keys_reloaded", None),
    ]


def test_what_a_bad_file_says_is_not_repeated(path: Path) -> None:
    key = make_key(path, "sa:read")
    secret = read_keys(path).secret
    change(path, key, hash="secret" * 9, name="", scopes=["sa:write"])

    with pytest.raises(KeysUnreadable) as error:
        ApiKeyStore(path)

    assert "secret" not in str(error.value)
    assert secret not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_there_is_nothing_to_begin_with_is_said(path: Path) -> None:
    with pytest.raises(KeysUnreadable, match=r"keys\.json: No such file"):
        ApiKeyStore(path)


def test_keys_of_an_unreadable_file_are_rejected_after_the_grace_period(path: Path) -> None:
    key, time = make_key(path, "sa:read"), Time()
    keys = ApiKeyStore(path, 60, monotonic=time)
    caller, good = keys.caller_of(key), path.read_bytes()
    path.unlink()

    with capture_logs() as log:
        time.now += 3600  # the file was not read meanwhile, so no failure is known
        keys.reload_if_changed()
        assert (keys.is_readable, keys.are_rejected) == (False, False)
        time.now += 59
        keys.reload_if_changed()
        assert keys.caller_of(key) == caller
        assert keys.has(caller)
        time.now += 1
        assert keys.are_rejected
        for text in (key, key[:-1] + "~", "sak_ffffffffffff_" + "A" * 43):
            assert rejection(keys, text) is RejectionReason.API_KEYS_UNAVAILABLE
        assert not keys.has(caller)
        keys.reload_if_changed()
        keys.reload_if_changed()
        path.touch(mode=0o600)
        path.write_bytes(good)
        keys.reload_if_changed()
        assert (keys.is_readable, keys.are_rejected) == (True, False)
        assert keys.caller_of(key) == caller
        path.unlink()
        keys.reload_if_changed()
        assert keys.caller_of(key) == caller  # for another grace period

    logged = [entry["event"] for entry in log]
    assert logged == [
        "api_keys_unreadable",
        "api_keys_rejected",
        "api_keys_reloaded",
        "api_keys_unreadable",
    ]


def test_without_a_grace_period_keys_are_rejected_at_once(path: Path) -> None:
    key = make_key(path, "sa:read")
    keys = ApiKeyStore(path, 0)
    keys.reload_if_changed()
    keys.caller_of(key)
    path.write_text("{", encoding="utf-8")

    keys.reload_if_changed()

    assert rejection(keys, key) is RejectionReason.API_KEYS_UNAVAILABLE


@pytest.mark.anyio
async def test_keys_on_a_disk_that_does_not_answer_are_rejected(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(path, "sa:read")
    keys = ApiKeyStore(path, 0)
    answers, open_ = Event(), reading._open  # noqa: SLF001  # where a disk hangs

    def read(there: str, flags: int) -> int:
        answers.wait(SECONDS)
        return open_(there, flags)

    monkeypatch.setattr(reading, "_open", read)
    monkeypatch.setattr(reading, "READ_SECONDS", 0.05)
    monkeypatch.setattr(watching, "POLL_SECONDS", 0.001)
    with capture_logs() as log, anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(keys.run)
            while not keys.are_rejected:
                await anyio.lowlevel.checkpoint()
            assert rejection(keys, key) is RejectionReason.API_KEYS_UNAVAILABLE
            answers.set()
            while "api_keys_reloaded" not in {entry["event"] for entry in log}:
                await anyio.lowlevel.checkpoint()
            keys.caller_of(key)
            tasks.cancel_scope.cancel()
    events = [entry["event"] for entry in log]
    assert events[:2] == ["api_keys_unreadable", "api_keys_rejected"]
