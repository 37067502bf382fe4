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
from app.auth.key_file import KEY_BYTES, PREFIX, KeysUnreadable, hash_of, read_keys
from app.auth.permissions import is_open_to_others
from app.auth.rejections import Reason, Refused


log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
"""How often to look whether the file has changed."""
STALL_SECONDS: Final = 5.0
"""How long a look may take without being told of."""


class _Known(NamedTuple):
    """What is known of a key."""

    hash: bytes
    caller: Caller
    is_revoked: bool


class ApiKeys:
    """The keys of a file, which is read again when it has changed.

    Who asks is told what is known; only `run` and `look` wait for the disk. A file that cannot be
    read any more leaves things as they are, and is told of in the log.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Read the keys.

        Args:
            path: of the file.
            clock: tells the time, in Unix seconds.

        Raises:
            KeysUnreadable: there is nothing to begin with.
        """
        self._path = path
        self._clock = clock
        self._seen: tuple[int, ...] | None = None
        self._failure: str | None = None
        self._keys: tuple[bytes, dict[str, _Known]] = b"", {}  # replaced at once, by any thread
        self._nobody = secrets.token_bytes(KEY_BYTES)
        self._read(self._signature())

    def caller_of(self, text: str) -> Caller:
        """Who has this key.

        Raises:
            Refused: nobody has, or not any more.
        """
        secret, all_known = self._keys
        key_id = text.removeprefix(PREFIX).partition("_")[0]
        known = all_known.get(key_id)
        kept = self._nobody if known is None else known.hash
        is_right = hmac.compare_digest(hash_of(text, secret), kept)
        if known is None or not is_right:
            raise Refused(Reason.UNKNOWN)
        if known.is_revoked:
            raise Refused(Reason.REVOKED)
        if self._is_over(known.caller):
            raise Refused(Reason.EXPIRED)
        return known.caller

    def has(self, caller: Caller) -> bool:
        """Whether a key that was taken is still taken, for the same scopes at least."""
        _, all_known = self._keys
        known = all_known.get(caller.credential)
        return (
            known is not None
            and not known.is_revoked
            and caller.scopes <= known.caller.scopes
            and not self._is_over(known.caller)
        )

    def _is_over(self, caller: Caller) -> bool:
        return caller.expires_at is not None and self._clock() >= caller.expires_at

    async def run(self) -> None:
        """Look at the file again and again, in a thread, which a disk may keep for as long."""
        while True:
            await anyio.sleep(LOOK_SECONDS)
            async with anyio.create_task_group() as tasks:
                looked = anyio.Event()
                tasks.start_soon(self._look_in_a_thread, looked)
                with anyio.move_on_after(STALL_SECONDS):
                    await looked.wait()
                if not looked.is_set():
                    self._tell(f"{self._path} takes more than {STALL_SECONDS:g} s to read")

    async def _look_in_a_thread(self, looked: anyio.Event) -> None:
        await anyio.to_thread.run_sync(self.look, abandon_on_cancel=True)
        looked.set()

    def look(self) -> None:
        """Read the file again, where it has changed or could not be read the last time."""
        signature = self._signature()
        if signature == self._seen and self._failure is None:
            return
        try:
            self._read(signature)
        except KeysUnreadable as error:
            self._tell(str(error))
        else:
            self._failure = None
            log.info("keys_read", keys=len(self._keys[1]))

    def _tell(self, failure: str) -> None:
        """Log why the file is not read, unless that was the reason already."""
        before, self._failure = self._failure, failure
        if before != failure:
            log.error("keys_not_read", reason=failure, note="the keys from before stay")

    def _signature(self) -> tuple[int, ...] | None:
        """What changes with the file; None where there is none."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode

    def _read(self, signature: tuple[int, ...] | None) -> None:
        file = read_keys(self._path)
        self._seen = signature
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
        if signature is not None and is_open_to_others(signature[-1]):
            log.warning("keys_open_to_others", path=str(self._path), note="chmod 600")
