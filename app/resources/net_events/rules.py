"""The names of the rule and the policy behind a failure or a dropped packet."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from bindings.net_event import (
    ExtendedModeFailure,
    KernelDrop,
    MainModeFailure,
    NetEvent,
    QuickModeFailure,
)
from bindings.rule_names import ContextKey, FilterId, PolicyName, Reference


class EventNames(NamedTuple):
    """The names behind an event; None if they are unknown.

    Attributes:
        rule: the name of the filter.
        policy: the name of the provider context.
    """

    rule: str | None = None
    policy: str | None = None


UNNAMED = EventNames()


def names_of(event: NetEvent, lookup: Callable[[Reference], PolicyName]) -> EventNames:
    """Return the names behind an event.

    The policy is the one that a failure of main mode reports, else the one that the filter leads
    to.
    """
    key: str | None = None
    match event.failure:
        case MainModeFailure() as failure:
            filter_id, key = failure.mm_filter_id, failure.provider_context_key
        case QuickModeFailure() | ExtendedModeFailure() as failure:
            filter_id = failure.qm_filter_id
        case KernelDrop() as drop:
            filter_id = drop.filter_id
        case _:
            return UNNAMED
    rule = lookup(FilterId(filter_id)) if filter_id else PolicyName(None)
    key = key or rule.provider_context_key
    return EventNames(rule.text, lookup(ContextKey(key)).text if key else None)
