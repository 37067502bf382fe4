"""Tunnels as a list: their selection and their events."""

from __future__ import annotations

from app.answers.kind import AnswerEvents, AnswerKind
from app.answers.tunnels.configured import key_of_number
from app.answers.tunnels.filters import TunnelSelection
from app.answers.tunnels.item import NUMBERS


class TunnelKind(AnswerKind):
    """Tunnels."""

    selection = TunnelSelection
    events = AnswerEvents("tunnel", lambda id_: f'"providerContextKey":"{key_of_number(id_)}"')
    NUMBERS = NUMBERS
