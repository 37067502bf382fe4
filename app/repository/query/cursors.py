"""Cursors: self-contained, authenticated positions in a list.

A cursor is `1.KEY.PAYLOAD.MAC`: the format's version; the key's name; epoch,
revision, last id, list, selection and view as base64url of JSON; and the first 16
bytes of an HMAC-SHA-256 over all text before it, as base64url. A cursor grants no
access. The key lives as long as the process; its name distinguishes a cursor made
before a restart from a forged one.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.repository.query.filters import Selection
from app.schemas.names import View


FORMAT: Final = "1"
MAX_LENGTH: Final = 14 << 10
_MAC_BYTES: Final = 16
_WELL_FORMED: Final = re.compile(r"1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """A position in a list of one epoch, selection and view: after the id `after`.

    A cursor without a revision resumes in the newest snapshot of the epoch.
    """

    epoch: str
    revision: int | None
    after: int
    selection: Selection
    view: View = View.FULL


class InvalidCursor(Exception):
    """The text is not a cursor, or the cursor is forged."""


class CursorForOtherList(Exception):
    """The cursor belongs to another list; it may be valid there."""


class CursorFromOtherProcess(Exception):
    """The cursor names the key of another process; it may have been valid there.

    It cannot be authenticated: its content is untrusted input and must be validated like
    request parameters.

    Attributes:
        filters: the values of the cursor's filters as text, by field.
        view: the cursor's view.
    """

    def __init__(self, filters: dict[str, list[str]], view: str) -> None:
        super().__init__("the cursor was made by another process")
        self.filters = filters
        self.view = view


class _Payload(BaseModel):
    """The JSON of a cursor: epoch, revision, after, list (kind), selection and view."""

    model_config = ConfigDict(extra="forbid", strict=True)

    e: Annotated[str, Field(max_length=32)]
    r: Annotated[int, Field(ge=1)] | None
    a: Annotated[str, Field(pattern=r"^[0-9]{1,41}$")]
    k: Annotated[str, Field(max_length=32)]
    s: dict[str, list[str]] = {}
    v: str = View.FULL.value


class CursorKey:
    """Writes cursors, and reads those that it wrote."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._name = sha256(b"name of the key\0" + self._key).hexdigest()[:8]

    def write(self, cursor: Cursor) -> str:
        """Return the text of a cursor; equal cursors have equal texts."""
        payload = _Payload(
            e=cursor.epoch,
            r=cursor.revision,
            a=str(cursor.after),
            k=cursor.selection.LIST,
            s=cursor.selection.texts(),
            v=cursor.view.value,
        ).model_dump_json(exclude_defaults=True)
        signed = f"{FORMAT}.{self._name}.{_to_base64(payload.encode())}"
        return f"{signed}.{self._mac(signed)}"

    def read(self, text: str, selection: type[Selection]) -> Cursor:
        """Return the cursor of a text, for the list whose filters `selection` defines.

        Raises:
            InvalidCursor: the text or one of its values is malformed, or its MAC does not match.
            CursorForOtherList: the cursor belongs to another list.
            CursorFromOtherProcess: the cursor names another key.
        """
        parts = _WELL_FORMED.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if parts is None:
            raise InvalidCursor
        name, payload, mac = parts.groups()
        if name != self._name:
            unverified = _read_payload(payload, selection)
            raise CursorFromOtherProcess(unverified.s, unverified.v)
        if not hmac.compare_digest(mac, self._mac(text[: parts.end(2)])):
            raise InvalidCursor
        verified = _read_payload(payload, selection)
        try:
            selected, view = selection.parse(verified.s), View(verified.v)
        except ValueError as error:
            raise InvalidCursor from error
        return Cursor(verified.e, verified.r, int(verified.a), selected, view)

    def _mac(self, signed: str) -> str:
        return _to_base64(hmac.digest(self._key, signed.encode(), "sha256")[:_MAC_BYTES])


def _read_payload(text: str, selection: type[Selection]) -> _Payload:
    """Return the payload of a cursor after checking its format and its list."""
    try:
        json = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        payload = _Payload.model_validate_json(json)
    except (Base64Error, ValidationError) as error:
        raise InvalidCursor from error
    if payload.k != selection.LIST:
        raise CursorForOtherList
    return payload


def _to_base64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
