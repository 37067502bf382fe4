"""Answers as lists: filters, events, and JSON without the members that make no revision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final

from app.api.sse import encode_time, format_event, format_timed
from app.repository.query.filters import Key, Selection
from app.repository.resource import ListKind
from app.repository.snapshot.model import ChangeKind
from app.schemas.names import View


class AnswerEvents:
    """Encodes the events of an answer (see `app.repository.changes.events`)."""

    def __init__(self, name: str, identity_of: Callable[[int], str]) -> None:
        """Create an encoder.

        Args:
            name: the member that holds an object.
            identity_of: returns the member that identifies the object with an id, as JSON text.
        """
        self._name: Final = f'"{name}":'.encode()
        self._identity_of = identity_of

    def change(
        self,
        kind: ChangeKind,
        event_id: str | None,
        revision: int,
        object_id: int,
        json: bytes | None,
        rekey_of: int | None = None,  # noqa: ARG002  # only SA contexts are rekeyed
        *,
        time: datetime,
        old_index_key: Key | None = None,  # noqa: ARG002  # the identity says all
        ending: bytes = b"",  # noqa: ARG002  # only SA contexts end
    ) -> bytes:
        """Encode a change of an object; arguments as for `EventEncoder.change`."""
        shown = self._identity_of(object_id).encode() if json is None else self._name + json
        members = (encode_time(time), revision, shown)
        return format_event(kind, event_id, b'{"time":%b,"revision":%d,%b}' % members)

    def position(self, kind: str, event_id: str | None, epoch: str, revision: int) -> bytes:
        """Encode an event that carries only the stream's position, and the time of the call."""
        position = b'"epoch":"%b","revision":%d' % (epoch.encode(), revision)
        return format_timed(kind, event_id, position)


@dataclass(frozen=True)
class AnswerSelection(Selection):
    """Filters on the objects of an answer that has a view without failures."""

    @property
    def needs_failures(self) -> bool:
        """Whether only callers who may see failures may ask for this."""
        raise NotImplementedError


class AnswerKind(ListKind):
    """The objects of an answer. Events show the basic view.

    Attributes:
        NUMBERS: the beginning of the members whose changes make no revision, which end the JSON of
            an object; no text in JSON can contain it.
    """

    NUMBERS: ClassVar[bytes]

    def in_view(self, texts: bytes, view: View) -> bytes:  # noqa: ARG002  # the only one is basic
        """Remove the numbers at the end of the JSON of one object, if it has them."""
        text, numbers, _ = texts.partition(self.NUMBERS)
        return text + b"}" if numbers else text
