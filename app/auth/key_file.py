"""The file of API keys: JSON, replaced as a whole, and readable by its owner only.

For each API key, the file stores a keyed hash (BLAKE2b, RFC 7693). The secret that keys the hash is
in the same file. An API key has 256 random bits, so a fast hash is enough: nobody who reads the
file can find an API key by brute force. A hash is useless in another file, which has another
secret, and to someone who lacks the secret. Hashing does not protect against someone who can write
the file: they can add a key.

On Windows, the folder's DACL controls access (`app.windows_service.spec`).
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections import Counter
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)
from pydantic_core import PydanticCustomError

from app.auth.scopes import Scope
from app.files.reading import FileUnreadable, RegularFile, read_file


PREFIX: Final = "sak_"
"""The start of every key, by which secret scanners recognize keys."""
KEY_BYTES: Final = 32
MAX_NAME: Final = 64
"""Maximum number of characters of a key's name."""
MAX_BYTES: Final = 1 << 20
"""Maximum size of the file, enough for about 3,000 keys."""
DUPLICATE: Final = "duplicate_key_id"

_Hex32 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", repr=False)]


class KeysUnreadable(Exception):
    """The key file cannot be read or changed, or is invalid; the message contains no hash."""


class ApiKey(BaseModel):
    """The stored record of a key, without its secret.

    Attributes:
        id: the public id, part of the key's text.
        name: the owner or purpose.
        scopes: the scopes that the key grants.
        created: when the key was created.
        expires: when the key expires; None: never.
        revoked: when the key was revoked; None: not revoked.
        hash: the hash of the key's text, in hexadecimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
    scopes: tuple[Scope, ...]
    created: AwareDatetime
    expires: AwareDatetime | None = None
    revoked: AwareDatetime | None = None
    hash: _Hex32


class KeyFile(BaseModel):
    """The content of the file.

    Attributes:
        version: the version of the file format.
        secret: the secret of the keyed hash, in hexadecimal.
        keys: the records of the keys.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    version: Literal[1] = 1
    secret: _Hex32
    keys: tuple[ApiKey, ...] = ()

    @field_validator("keys")
    @classmethod
    def _reject_duplicates(cls, keys: tuple[ApiKey, ...]) -> tuple[ApiKey, ...]:
        """Reject duplicate ids: it must be unambiguous which key is revoked."""
        for key_id, count in Counter(key.id for key in keys).items():
            if count > 1:
                raise PydanticCustomError(
                    DUPLICATE,
                    "{count} keys have the id {key_id}",
                    {"count": count, "key_id": key_id},
                )
        return keys

    def hash_of(self, text: str) -> bytes:
        """Return the hash of a key's text under this file's secret."""
        return hash_of(text, bytes.fromhex(self.secret))


_MEMBERS: Final = KeyFile.model_fields.keys() | ApiKey.model_fields.keys()
"""The member names of the format. Error messages contain no other names from the file."""


def hash_of(text: str, secret: bytes) -> bytes:
    """Return the hash of a key's text under a file's secret."""
    return hashlib.blake2b(text.encode(), key=secret, digest_size=KEY_BYTES).digest()


def new_key_text() -> tuple[str, str]:
    """Generate a key and return its id and text."""
    key_id = secrets.token_hex(6)
    return key_id, f"{PREFIX}{key_id}_{secrets.token_urlsafe(KEY_BYTES)}"


def read_keys(path: Path) -> KeyFile:
    """Read and parse the key file.

    Raises:
        KeysUnreadable: the file cannot be read or is invalid.
    """
    return parse_keys(read_content(path).content, path)


def parse_keys(text: bytes, path: Path) -> KeyFile:
    """Parse the text of a key file.

    Args:
        text: the text.
        path: the file, for error messages.

    Raises:
        KeysUnreadable: the text is invalid.
    """
    try:
        file = KeyFile.model_validate_json(text)
        _reject_duplicate_members(text)  # pydantic accepts them
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(_shown(each) for each in first["loc"]) or "the file"
        what = first["msg"] if first["type"] == DUPLICATE else first["type"]
        raise KeysUnreadable(f"{path} is no file of keys: {where}: {what}") from None
    except ValueError as error:
        raise KeysUnreadable(f"{path} is no file of keys: {error}") from None
    return file


def _reject_duplicate_members(text: bytes) -> None:
    """Reject a text in which an object has two members with the same name (RFC 8259, 4).

    Raises:
        ValueError: a member is repeated; the message names only members of the format.
    """

    def check(pairs: list[tuple[str, object]]) -> None:
        for name, count in Counter(name for name, _ in pairs).items():
            if count > 1:
                raise ValueError(f"{_shown(name)} is given twice in one object")

    json.loads(text, object_pairs_hook=check)


def _shown(part: str | int) -> str:
    """Return the number of an element, or the name of a member that the format defines."""
    return str(part) if isinstance(part, int) or part in _MEMBERS else "a member"


def read_content(path: Path) -> RegularFile:
    """Read a key file without parsing it.

    Raises:
        KeysUnreadable: the file cannot be read, is not regular, or is too large.
    """
    try:
        return read_file(path, MAX_BYTES)
    except FileUnreadable as error:
        raise KeysUnreadable(f"cannot read the keys in {path}: {error}") from None


def keys_text(keys: KeyFile, path: Path) -> bytes:
    """Serialize the content of a key file.

    Args:
        keys: the content.
        path: the file, for error messages.

    Raises:
        KeysUnreadable: the file would be larger than `MAX_BYTES`.
    """
    text = keys.model_dump_json(indent=2).encode() + b"\n"
    if len(text) > MAX_BYTES:
        raise KeysUnreadable(f"{path} would be larger than {MAX_BYTES:,} bytes")
    return text
