"""API keys: who has one, and whether it is still taken.

A key's text is `sak_<id>_<secret>`. It is found by its id, and taken if its hash is the kept one;
that is compared in constant time, and an id that nobody has costs the same work as one that
somebody has, so that the time of an answer tells nothing.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import anyio
import anyio.to_thread
import structlog

from app.auth.callers import Caller
from app.auth.key_file import (
    KEY_BYTES,
    PREFIX,
    Content,
    KeysUnreadable,
    hash_of,
    parse_keys,
    read_content,
)
from app.auth.permissions import is_group_or_world_accessible
from app.auth.rejections import CredentialRejected, RejectionReason


log = structlog.get_logger(__name__)

RELOAD_SECONDS: Final = 1.0
"""How often to read the file."""
STALL_SECONDS: Final = 5.0
"""How long a look may take without being told of."""


class _Known(NamedTuple):
    """What is known of a key."""

    hash: bytes
    caller: Caller
    is_revoked: bool


class ApiKeyStore:
    """The keys of a file, which is read every second.

    Who asks is told what is known; only `run` and `look` wait for the disk. A file that cannot be
    read may revoke keys: those that are known stay for a grace period, then all are rejected until
    the file can be read again.
    """

    def __init__(
        self,
        path: Path,
        grace_seconds: float = 60,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the keys.

        Args:
            path: of the file.
            grace_seconds: how long keys are accepted while the file cannot be read.
            clock: tells the time, in Unix seconds.
            monotonic: tells seconds that nobody sets.

        Raises:
            KeysUnreadable: there is nothing to begin with.
        """
        self._path = path
        self._grace_seconds = grace_seconds
        self._clock = clock
        self._monotonic = monotonic
        self._one_look = anyio.CapacityLimiter(1)  # its own, for others may hold all threads
        self._failure: str | None = None
        self._unreadable_since: float | None = None
        self._is_rejection_logged = False
        self._keys: tuple[bytes, dict[str, _Known]] = b"", {}  # replaced at once, by any thread
        self._dummy_hash = secrets.token_bytes(KEY_BYTES)
        self._content = read_content(path)
        self._take(self._content)

    @property
    def is_readable(self) -> bool:
        """Whether the file could be read the last time that this was tried."""
        return self._unreadable_since is None

    @property
    def are_rejected(self) -> bool:
        """Whether all keys are rejected, because the file has been unreadable for too long."""
        since = self._unreadable_since
        return since is not None and self._monotonic() - since >= self._grace_seconds

    def caller_of(self, text: str) -> Caller:
        """Who has this key.

        Raises:
            Refused: nobody has, or not any more.
        """
        if self.are_rejected:
            raise CredentialRejected(RejectionReason.KEYS_UNAVAILABLE)
        secret, all_known = self._keys
        key_id = text.removeprefix(PREFIX).partition("_")[0]
        known = all_known.get(key_id)
        kept = self._dummy_hash if known is None else known.hash
        is_right = hmac.compare_digest(hash_of(text, secret), kept)
        if known is None or not is_right:
            raise CredentialRejected(RejectionReason.UNKNOWN)
        if known.is_revoked:
            raise CredentialRejected(RejectionReason.REVOKED)
        if self._is_over(known.caller):
            raise CredentialRejected(RejectionReason.EXPIRED)
        return known.caller

    def has(self, caller: Caller) -> bool:
        """Whether a key that was taken is still taken, for the same scopes at least."""
        _, all_known = self._keys
        known = all_known.get(caller.credential)
        return (
            known is not None
            and not self.are_rejected
            and not known.is_revoked
            and caller.scopes <= known.caller.scopes
            and not self._is_over(known.caller)
        )

    def _is_over(self, caller: Caller) -> bool:
        return caller.expires_at is not None and self._clock() >= caller.expires_at

    async def run(self) -> None:
        """Look at the file again and again, in a thread, which a disk may keep for as long."""
        while True:
            await anyio.sleep(RELOAD_SECONDS)
            began = self._monotonic()
            async with anyio.create_task_group() as tasks:
                looked = anyio.Event()
                tasks.start_soon(self._look_in_a_thread, looked)
                while not looked.is_set():
                    with anyio.move_on_after(STALL_SECONDS):
                        await looked.wait()
                    if not looked.is_set():
                        self._fail(
                            f"{self._path} takes more than {STALL_SECONDS:g} s to read", began
                        )

    async def _look_in_a_thread(self, looked: anyio.Event) -> None:
        await anyio.to_thread.run_sync(
            self.reload_if_changed, abandon_on_cancel=True, limiter=self._one_look
        )
        looked.set()

    def reload_if_changed(self) -> None:
        """Read the file, and take what it says if that has changed.

        It is read and compared whole: an edit may keep a file's size and times, and on Windows
        nothing that `stat` tells need change with it.
        """
        began = self._monotonic()
        try:
            content = read_content(self._path)
            if content != self._content:
                self._take(content)
        except KeysUnreadable as error:
            self._fail(str(error), began)
            return
        if content != self._content or self._failure is not None:
            log.info("keys_read", keys=len(self._keys[1]))
        self._content = content
        self._failure = self._unreadable_since = None
        self._is_rejection_logged = False

    def _fail(self, failure: str, began: float) -> None:
        """Note that a look has failed; log why, unless that was the reason already."""
        if self._unreadable_since is None:
            self._unreadable_since = began
        before, self._failure = self._failure, failure
        if before != failure:
            note = f"all keys are rejected once this has lasted {self._grace_seconds:g} s"
            log.error("keys_not_read", reason=failure, note=note)
        if self.are_rejected and not self._is_rejection_logged:
            self._is_rejection_logged = True
            log.error("keys_rejected", reason=failure, note="until the file can be read")

    def _take(self, content: Content) -> None:
        """Let the keys be those of a file.

        Raises:
            KeysUnreadable: it is no file of keys.
        """
        file = parse_keys(content.text, self._path)
        known = {
            key.id: _Known(
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
        self._keys = bytes.fromhex(file.secret), known
        if is_group_or_world_accessible(content.mode):
            log.warning("keys_open_to_others", path=str(self._path), note="chmod 600")
