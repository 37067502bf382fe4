"""What a peer shows: its JSON, and the index key by which lists are filtered and sorted.

The text has everything that makes a revision. Bytes, rates and failure counts change without one,
so a list adds them at the end of each text (`app.answers.peers.snapshot`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from struct import Struct
from typing import Final, NamedTuple

import orjson

from app.answers.peers.aggregate import Peer
from app.answers.peers.parts import NatClient, PeerKey, nat_client_of
from app.repository.query.filters import Key
from app.repository.snapshot.model import Item
from app.resources.sa_contexts.suites import SUITES
from app.resources.wfp.addresses import IPV4_BYTES, address_text
from app.resources.wfp.endpoints import key_module_of_ends, names_of_ends
from app.resources.wfp.indexed_names import NameKind, pack_names
from app.schemas.names import IpVersion, KeyModule, PeerState, Weakness


MAX_NAMES: Final = 10
"""Maximum number of principal names in an item: a NAT may hide thousands of clients."""
BOTH: Final = 2
"""The number of SAs of a complete context."""

STATES: Final = (*PeerState,)
WEAKNESSES: Final = (*Weakness,)

_KEY: Final = Struct("<BQIQ17p")
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class Indexed(NamedTuple):
    """The fields of an index key, which the peer's packed names follow.

    Attributes:
        state: the position of the peer's state in `STATES`.
        weaknesses: a bit for each weakness, at its position in `WEAKNESSES`.
        sa_contexts: the number of SA contexts.
        changed_at: the time of the last change, in microseconds since 1970; 0: none.
        address: the packed address.
    """

    state: int
    weaknesses: int
    sa_contexts: int
    changed_at: int
    address: PeerKey


def indexed(key: Key) -> Indexed:
    """Return the fields of an index key."""
    return Indexed._make(_KEY.unpack_from(key))


def names_in_key(key: Key) -> bytes:
    """Return the packed names in an index key."""
    return key[_KEY.size :]


class PeerNumbers(NamedTuple):
    """The counts of a peer, made from its SA contexts and main mode SAs.

    Attributes:
        complete: the number of contexts with both SAs.
        protections: the number of contexts by the words of their protection.
        weaknesses: the weaknesses of any SA.
        key_modules: the keying modules of any SA or main mode SA.
        names: the number of contexts and main mode SAs by principal name.
        nat_clients: the number of contexts by client behind a NAT.
    """

    complete: int
    protections: Counter[str]
    weaknesses: frozenset[str]
    key_modules: frozenset[str]
    names: Counter[str]
    nat_clients: Counter[NatClient]


def numbers_of(peer: Peer) -> PeerNumbers:
    """Return the counts of a peer."""
    complete = 0
    protections: Counter[str] = Counter()
    names: Counter[str] = Counter()
    nat_clients: Counter[NatClient] = Counter()
    weaknesses: set[str] = set()
    key_modules: set[str] = set()
    for part, count in peer.parts().items():
        suites = [SUITES[suite] for suite in part.suites]
        complete += count if len(suites) >= BOTH else 0
        protections[suites[-1].protection[0]] += count  # the outbound SA's, if there is one
        for suite in suites:
            weaknesses.update(suite.weakness)
            key_modules.update(suite.key_module)
        for name in part.names:
            names[name] += count
        client = nat_client_of(part)
        if client is not None:
            nat_clients[client] += count
    for key in peer.ike_sas.values():
        key_modules.add(key_module_of_ends(key))
        names.update(names_of_ends(key))
    return PeerNumbers(
        complete,
        protections,
        frozenset(weaknesses),
        frozenset(key_modules) - {KeyModule.UNKNOWN.value},
        names,
        nat_clients,
    )


def item_of(
    key: PeerKey,
    peer: Peer | None,
    *,
    is_expected: bool,
    is_failing: bool,
    expected_names: Iterable[str] = (),
) -> Item | None:
    """Return what a peer shows; None if it is not shown.

    Args:
        key: the peer's key.
        peer: the peer; None if it has no SA.
        is_expected: whether the settings name the peer.
        is_failing: whether a negotiation failed in the last hour, as far as may be shown.
        expected_names: the names that are expected there, shown if the peer has no SA.
    """
    if peer is not None:
        if peer.item is None:
            numbers = numbers_of(peer)
            state = state_of(peer, numbers)
            peer.item = _item(key, peer, numbers, state, is_expected=is_expected)
        return peer.item
    if not is_failing and not is_expected:
        return None
    state = PeerState.FAILING if is_failing else PeerState.DOWN
    nothing = Peer()
    numbers = numbers_of(nothing)._replace(names=Counter(expected_names))
    return _item(key, nothing, numbers, state, is_expected=is_expected)


def state_of(peer: Peer, numbers: PeerNumbers) -> PeerState:
    """Return the state of a peer that has an SA."""
    if numbers.complete:
        return PeerState.PROTECTED
    return PeerState.PARTIAL if peer.contexts else PeerState.NEGOTIATING


def _item(
    key: PeerKey, peer: Peer, numbers: PeerNumbers, state: PeerState, *, is_expected: bool
) -> Item:
    names = most_common(numbers.names)
    version = IpVersion.V4 if len(key) == IPV4_BYTES else IpVersion.V6
    shown = {
        "address": address_text(key),
        "ipVersion": version,
        "state": state,
        "isExpected": is_expected,
        "saContexts": len(peer.contexts),
        "completeSaContexts": numbers.complete,
        "ikeSas": len(peer.ike_sas),
        "keyModules": sorted(numbers.key_modules),
        "protections": [
            {"protection": words, "saContexts": numbers.protections[words]}
            for words in most_common(numbers.protections)
        ],
        "weaknesses": [name for name in WEAKNESSES if name in numbers.weaknesses],
        "principalNames": names[:MAX_NAMES],
        "principalNameCount": len(names),
        "natClients": len(numbers.nat_clients),
        "lastChange": peer.changed_at,
    }
    changed = 0
    if peer.changed_at is not None:
        changed = (peer.changed_at - _EPOCH) // timedelta(microseconds=1)
    bits = sum(1 << at for at, name in enumerate(WEAKNESSES) if name in numbers.weaknesses)
    fixed = _KEY.pack(STATES.index(state), bits, len(peer.contexts), changed, key)
    text = orjson.dumps(shown, option=orjson.OPT_UTC_Z)
    # A copy, because orjson's own object keeps a buffer of 8 kB.
    return Item(fixed + pack_names(NameKind.PRINCIPAL, names), bytes(memoryview(text)))


def most_common(counts: Counter[str]) -> list[str]:
    """Return the counted texts, those with the highest counts first."""
    return sorted(counts, key=lambda text: (-counts[text], text))
