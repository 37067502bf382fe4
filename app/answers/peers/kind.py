"""Peers as a list: their selection and their events."""

from __future__ import annotations

from app.answers.kind import AnswerEvents, AnswerKind
from app.answers.peers.filters import PeerSelection
from app.answers.peers.parts import peer_of_number
from app.answers.peers.snapshot import NUMBERS
from app.resources.wfp.addresses import address_text


class PeerKind(AnswerKind):
    """Peers."""

    selection = PeerSelection
    events = AnswerEvents(
        "peer", lambda id_: f'"address":"{address_text(peer_of_number(id_)) or ""}"'
    )
    NUMBERS = NUMBERS
