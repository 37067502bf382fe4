"""Filters of lists of tunnels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import ClassVar

from app.answers.kind import AnswerSelection
from app.answers.tunnels.item import (
    KEY_MODULES,
    STATES,
    indexed,
    names_in_key,
    remotes_in_key,
)
from app.repository.query.filters import Address, Key, filter_field
from app.resources.wfp.indexed_names import NameKind, name_condition
from app.schemas.names import KeyModule, TunnelState


@dataclass(frozen=True)
class TunnelSelection(AnswerSelection):
    """Filters on tunnels, all of which a tunnel must meet."""

    LIST: ClassVar[str] = "tunnels"

    state: tuple[TunnelState, ...] = filter_field(TunnelState)
    key_module: tuple[KeyModule, ...] = filter_field(KeyModule)
    local_address: tuple[Address, ...] = filter_field(ip_address)
    remote_address: tuple[Address, ...] = filter_field(ip_address)
    name: tuple[str, ...] = filter_field(str)

    def matcher(self) -> Callable[[Key], bool]:
        """Return a function that returns whether an index key matches the filters."""
        states = {STATES.index(state) for state in self.state}
        modules = {KEY_MODULES.index(module) for module in self.key_module}
        locals_ = {address.packed for address in self.local_address}
        remotes = {address.packed for address in self.remote_address}
        has_name = name_condition({NameKind.RULE: self.name})

        def matches(key: Key) -> bool:
            tunnel = indexed(key)
            return (
                (not states or tunnel.state in states)
                and (not modules or tunnel.key_module in modules)
                and (not locals_ or tunnel.local in locals_)
                and (not remotes or not remotes.isdisjoint(remotes_in_key(key)))
                and (not self.name or has_name(names_in_key(key)))
            )

        return matches

    @property
    def needs_failures(self) -> bool:
        """Whether only callers who may see failures may ask for this."""
        return TunnelState.FAILING in self.state
