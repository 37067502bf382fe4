"""API keys: verification against a file that is reloaded while the server runs.

A key's text is `sak_<id>_<secret>`. The store looks the key up by its id and accepts it if the
text's hash matches the stored hash. Hashes are compared in constant time, and an unknown id costs
the same work as a known one, so response times do not reveal which ids exist.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from app.auth.callers import Caller
from app.auth.key_file import (
    KEY_BYTES,
    PREFIX,
    KeysUnreadable,
    hash_of,
    parse_keys,
    read_content,
)
from app.auth.rejections import CredentialRejected, RejectionReason
from app.files.permissions import is_group_or_world_accessible
from app.files.reading import RegularFile
from app.files.watching import watch_files


log = structlog.get_logger(__name__)

MAX_LOGGED_KEYS: Final = 20
"""Ids of added, changed or removed keys in the entry of a reload."""


class _StoredKey(NamedTuple):
    """A key from the file."""

    hash: bytes
    caller: Caller
    is_revoked: bool


class ApiKeyStore:
    """The API keys in a file, which `run` reads about once a second.

    After construction, only `run` and `reload_if_changed` read the disk. While the file cannot be
    read, the store cannot learn of revocations: the loaded keys stay valid for a grace period, and
    then all keys are rejected until the file can be read again.
    """

    def __init__(
        self,
        path: Path,
        grace_seconds: float = 60,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Load the keys.

        Args:
            path: the key file.
            grace_seconds: how long keys are accepted while the file cannot be read.
            clock: returns the time, in Unix seconds.
            monotonic: returns a monotonic time, in seconds.

        Raises:
            KeysUnreadable: the file cannot be read, or is not a valid key file.
        """
        self._path = path
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._monotonic = monotonic
        self._failure: str | None = None
        self._unreadable_since: float | None = None
        self._read_began_at = monotonic()
        self._is_rejection_logged = False
        self._keys: tuple[bytes, dict[str, _StoredKey]] = b"", {}  # replaced atomically
        self._dummy_hash = secrets.token_bytes(KEY_BYTES)
        self._content = read_content(path)
        self._load(self._content)

    @property
    def is_readable(self) -> bool:
        """Whether the last read of the file succeeded."""
        return self._unreadable_since is None

    @property
    def are_rejected(self) -> bool:
        """Whether all keys are rejected, because the file has been unreadable for too long."""
        since = self._unreadable_since
        return since is not None and self._monotonic() - since >= self._grace_seconds

    def caller_of(self, text: str) -> Caller:
        """Return the caller of a key.

        Raises:
            CredentialRejected: the key is unknown, revoked or expired, or the store rejects all
                keys.
        """
        if self.are_rejected:
            raise CredentialRejected(RejectionReason.API_KEYS_UNAVAILABLE)
        secret, keys = self._keys
        key_id = text.removeprefix(PREFIX).partition("_")[0]
        stored = keys.get(key_id)
        expected = self._dummy_hash if stored is None else stored.hash
        is_match = hmac.compare_digest(hash_of(text, secret), expected)
        if stored is None or not is_match:
            raise CredentialRejected(RejectionReason.UNKNOWN)
        if stored.is_revoked:
            raise CredentialRejected(RejectionReason.REVOKED)
        if self._is_expired(stored.caller):
            raise CredentialRejected(RejectionReason.EXPIRED)
        return stored.caller

    def has(self, caller: Caller) -> bool:
        """Return whether the caller's key is still valid and still grants the caller's scopes."""
        _, keys = self._keys
        stored = keys.get(caller.credential)
        return (
            stored is not None
            and not self.are_rejected
            and not stored.is_revoked
            and caller.scopes <= stored.caller.scopes
            and not self._is_expired(stored.caller)
        )

    def _is_expired(self, caller: Caller) -> bool:
        return caller.expires_at is not None and self._clock() >= caller.expires_at

    async def run(self) -> None:
        """Reload the file when it changes, until cancelled."""
        await watch_files(self.reload_if_changed)

    def reload_if_changed(self) -> None:
        """Read the file and load the keys if its content has changed.

        The whole content is compared, because the result of `stat` may not change with an edit: the
        size and times may stay the same, and on Windows so may all other fields.
        """
        self._read_began_at = self._monotonic()
        before = self._keys[1]
        try:
            content = read_content(self._path)
            if content != self._content:
                self._load(content)
        except KeysUnreadable as error:
            self._fail(str(error))
            return
        if content != self._content or self._failure is not None:
            after = self._keys[1]
            log.info("api_keys_reloaded", keys=len(after), **_changes(before, after))
        self._content = content
        self._failure = self._unreadable_since = None
        self._is_rejection_logged = False

    def _fail(self, failure: str) -> None:
        """Record a failed read; log the reason if it differs from the previous one."""
        if self._unreadable_since is None:
            self._unreadable_since = self._read_began_at
        previous, self._failure = self._failure, failure
        if previous != failure:
            note = f"all keys are rejected once this has lasted {self._grace_seconds:g} s"
            log.error("api_keys_unreadable", reason=failure, note=note)
        if self.are_rejected and not self._is_rejection_logged:
            self._is_rejection_logged = True
            log.error("api_keys_rejected", reason=failure, note="until the file can be read")

    def _load(self, read: RegularFile) -> None:
        """Replace the keys with those in the content of the file.

        Raises:
            KeysUnreadable: the content is not that of a valid key file.
        """
        file = parse_keys(read.content, self._path)
        keys = {
            key.id: _StoredKey(
                bytes.fromhex(key.hash),
                Caller(
                    key.name,
                    "api_key",
                    frozenset(key.scopes),
                    key.id,
                    None if key.expires is None else key.expires.timestamp(),
                ),
                key.revoked is not None,
            )
            for key in file.keys
        }
        self._keys = bytes.fromhex(file.secret), keys
        if is_group_or_world_accessible(read.mode):
            log.warning("api_keys_file_too_permissive", path=str(self._path), note="chmod 600")


def _changes(before: dict[str, _StoredKey], after: dict[str, _StoredKey]) -> dict[str, list[str]]:
    """Return the ids of added, changed (for example revoked) and removed keys."""
    changes = {
        "added": after.keys() - before.keys(),
        "changed": {id_ for id_ in after.keys() & before.keys() if after[id_] != before[id_]},
        "removed": before.keys() - after.keys(),
    }
    return {name: sorted(ids)[:MAX_LOGGED_KEYS] for name, ids in changes.items() if ids}
