"""The file of API keys: JSON, replaced as a whole, and readable by its owner only.

Of a key the file has a hash, keyed (BLAKE2b, RFC 7693) with a secret that stands in the same file.
A key has 256 random bits, so that a fast hash is enough: whoever reads the file cannot find a key
by trying. The hash's secret makes hashes of one file mean nothing in another, and a hash that leaks
without it mean nothing at all. Neither protects against someone who can write the file, for they
can add a key of their own.

On Windows, who may read and write is what the folder says (`app.settings.paths`).
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from app.auth.scopes import Scope


PREFIX: Final = "sak_"
"""What a key begins with, so that programs that look for leaked secrets know it."""
KEY_BYTES: Final = 32
MOST_NAME: Final = 64
"""Characters of a key's name."""
MOST_BYTES: Final = 1 << 20
"""Of the file; some thousand keys."""
REPLACE_TRIES: Final = 20
REPLACE_SECONDS: Final = 0.05
"""Between two tries. Windows refuses to replace a file that somebody is reading."""

_Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]


class KeysUnreadable(Exception):
    """The file of keys is missing, out of reach, or not one; tells nothing of what is in it."""


class KeysBusy(Exception):
    """Another program is changing the file, or left off while it did."""


class ApiKey(BaseModel):
    """A key, without the key itself.

    Attributes:
        id: names it, in the key's text and elsewhere.
        name: whose it is, or what for.
        scopes: what it opens.
        created: when it was made.
        expires: when it ceases to be taken, if it does by itself.
        revoked: when it was revoked, if it was.
        hash: of the key's text.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    name: Annotated[str, Field(min_length=1, max_length=MOST_NAME)]
    scopes: tuple[Scope, ...]
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None
    hash: _Hex32


class KeyFile(BaseModel):
    """What the file holds.

    Attributes:
        secret: of the hashes.
        keys: in the order in which they were made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Literal[1] = 1
    secret: _Hex32
    keys: tuple[ApiKey, ...] = ()

    def hash_of(self, text: str) -> bytes:
        """The hash of a key's text, as this file keeps it."""
        return hash_of(text, bytes.fromhex(self.secret))


def hash_of(text: str, secret: bytes) -> bytes:
    """The hash of a key's text under a file's secret."""
    return hashlib.blake2b(text.encode(), key=secret, digest_size=KEY_BYTES).digest()


def new_key_text() -> tuple[str, str]:
    """The id and the text of a key that nobody has yet."""
    key_id = secrets.token_hex(6)
    return key_id, f"{PREFIX}{key_id}_{secrets.token_urlsafe(KEY_BYTES)}"


def read_keys(path: Path) -> KeyFile:
    """What the file holds.

    Raises:
        KeysUnreadable: it cannot be read.
    """
    try:
        return KeyFile.model_validate_json(_content(path))
    except OSError as error:
        raise KeysUnreadable(f"cannot read the keys in {path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise KeysUnreadable(f"{path} is no file of keys: {where}: {first['type']}") from None


def _content(path: Path) -> bytes:
    """What is in a file of keys, which is a regular file: others may give nothing, or no end."""

    def opened(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))  # or a FIFO waits for a writer

    with open(path, "rb", opener=opened) as file:  # Path.open takes no opener
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise KeysUnreadable(f"{path} is no regular file")
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise KeysUnreadable(f"{path} is larger than {MOST_BYTES:,} bytes")
    return content


def _written(keys: KeyFile, path: Path) -> bytes:
    """What a file of keys says."""
    content = keys.model_dump_json(indent=2).encode() + b"\n"
    if len(content) > MOST_BYTES:
        raise KeysUnreadable(f"{path} would be larger than {MOST_BYTES:,} bytes")
    return content


def change_keys(path: Path, change: Callable[[KeyFile], KeyFile]) -> None:
    """Replace the file by a changed one, so that who reads it finds the one or the other whole.

    What is written stands in a file beside it meanwhile, which keeps others from doing the same.
    Where there is no file of keys yet, it is made, with its folder. One that there is stays its
    owner's and its group's, so that a server that reads it under an account of its own goes on.

    Raises:
        KeysBusy: another program is changing it.
        KeysUnreadable: it cannot be read or written.
    """
    new = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeysBusy(f"another program is changing the keys; if none is, remove {new}") from None
    except OSError as error:
        raise KeysUnreadable(f"cannot write {new}: {error.strerror}") from None
    try:
        with os.fdopen(opened, "wb") as file:
            is_first = not path.exists()
            before = KeyFile(secret=secrets.token_hex(KEY_BYTES)) if is_first else read_keys(path)
            if not is_first:
                _keep_owner(path, file.fileno())
            file.write(_written(change(before), path))
            file.flush()
            os.fsync(file.fileno())
        _replace(new, path)
    except BaseException as error:
        with suppress(OSError):
            new.unlink()
        if isinstance(error, OSError):  # a full disk, for instance
            raise KeysUnreadable(f"cannot write {new}: {error.strerror}") from None
        raise


def _keep_owner(path: Path, new: int) -> None:
    """Give a new file the owner, the group and the group's right to read of the one there is."""
    if sys.platform != "win32":
        there = path.stat()
        try:
            os.fchown(new, there.st_uid, there.st_gid)
            os.fchmod(new, stat.S_IMODE(there.st_mode) & 0o640 | 0o600)
        except OSError as error:
            raise KeysUnreadable(
                f"{path} belongs to user {there.st_uid} and group {there.st_gid} and would not any "
                f"more: {error.strerror}; change the keys as that user or as root"
            ) from None


def _replace(new: Path, path: Path) -> None:
    for tries_left in reversed(range(REPLACE_TRIES)):
        try:
            new.replace(path)
        except PermissionError as error:
            if not tries_left:
                raise KeysUnreadable(f"cannot replace {path}: {error.strerror}") from None
            time.sleep(REPLACE_SECONDS)
        else:
            return
