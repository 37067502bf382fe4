"""Cursors: where a walk through a list goes on.

`1.KEY.PAYLOAD.MAC`: the format's version and the key's name in clear, then
epoch, revision, last id, list and selection as base64url of JSON, then the first
16 bytes of an HMAC-SHA-256 over all of that. A cursor carries no rights, and says
all that is needed to go on. The key lives as long as the process; that its
name is in the cursor tells one from before a restart from a forged one.
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
MAX_LENGTH: Final = 8192
_MAC_BYTES: Final = 16
_WELL_FORMED: Final = re.compile(r"1\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]{22})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """Go on after the id `after`, in this epoch, with this selection and view.

    A cursor without a revision goes on in the newest version of the epoch.
    """

    epoch: str
    revision: int | None
    after: int
    selection: Selection
    view: View = View.FULL


class InvalidCursor(Exception):
    """This is no cursor, or not one that a server made."""


class CursorForOtherList(Exception):
    """The cursor of a list of something else, which may well be valid there."""


class CursorFromOtherProcess(Exception):
    """A cursor of another process, which may well have been valid there.

    It cannot be authenticated: what it says is as good as what any client makes up, and to be
    validated as parameters are.

    Attributes:
        filters: the texts of the filters that the cursor says it was made for, by field.
        view: the view that it says it was made for.
    """

    def __init__(self, filters: dict[str, list[str]], view: str) -> None:
        super().__init__("the cursor was made by another run of the server")
        self.filters = filters
        self.view = view


class _Payload(BaseModel):
    """What a cursor says, with names as short as they may be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    e: Annotated[str, Field(max_length=32)]
    r: Annotated[int, Field(ge=1)] | None
    a: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    k: Annotated[str, Field(max_length=32)]
    s: dict[str, list[str]] = {}
    v: str = View.FULL.value


class CursorKey:
    """Makes cursors, and reads those that it made."""

    def __init__(self, key: bytes | None = None) -> None:
        self._key = key or secrets.token_bytes(32)
        self._name = sha256(b"name of the key\0" + self._key).hexdigest()[:8]

    def write(self, cursor: Cursor) -> str:
        """The text of a cursor; the same cursor has the same text."""
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
        """The cursor of a text, for lists with such a selection.

        Raises:
            InvalidCursor: the text is not what `write` gives, or not for this key.
            CursorForOtherList: it goes on in a list of another name.
            CursorFromOtherProcess: it names another key.
        """
        parts = _WELL_FORMED.fullmatch(text) if len(text) <= MAX_LENGTH else None
        if parts is None:
            raise InvalidCursor
        name, payload, mac = parts.groups()
        if name != self._name:
            unproven = _read_payload(payload, selection)
            raise CursorFromOtherProcess(unproven.s, unproven.v)
        if not hmac.compare_digest(mac, self._mac(text[: parts.end(2)])):
            raise InvalidCursor
        proven = _read_payload(payload, selection)
        try:
            selected, view = selection.parse(proven.s), View(proven.v)
        except ValueError as error:
            raise InvalidCursor from error
        return Cursor(proven.e, proven.r, int(proven.a), selected, view)

    def _mac(self, signed: str) -> str:
        return _to_base64(hmac.digest(self._key, signed.encode(), "sha256")[:_MAC_BYTES])


def _read_payload(text: str, selection: type[Selection]) -> _Payload:
    """Return what a cursor says, as far as it is of the right shape and for this list."""
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
