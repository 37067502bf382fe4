"""The JSON of a tunnel, and the index key by which lists are filtered.

The text has all members whose changes make a revision. Counts, bytes, rates and the last failure
make none, so a list adds them at the end of each text.
"""

from __future__ import annotations

from struct import Struct
from typing import Any, Final, NamedTuple

import orjson

from app.answers.peers.failures import Failure
from app.answers.peers.parts import number_of
from app.answers.peers.snapshot import numbers_text
from app.answers.peers.traffic import Totals, Traffic
from app.answers.tunnels.configured import ConfiguredTunnel, key_of_number
from app.answers.tunnels.counts import Counted
from app.answers.tunnels.states import Shown
from app.repository.query.filters import Key
from app.repository.snapshot.model import Item
from app.schemas.hexadecimal import hex32
from app.schemas.names import KeyModule, TunnelState


STATES: Final = (*TunnelState,)
KEY_MODULES: Final = (*KeyModule,)

NUMBERS: Final = b',"saContexts":'
"""The beginning of the members that make no revision; no text in JSON can contain it."""

_FIXED: Final = Struct("<BB17pH")
_REMOTE: Final = Struct("<17p")


class Indexed(NamedTuple):
    """The fields of an index key, which the remote addresses and the packed name follow.

    Attributes:
        state: the position of the state in `STATES`.
        key_module: the position of the keying module in `KEY_MODULES`.
        local: the packed local address; empty: any.
        remote_count: the number of remote addresses.
    """

    state: int
    key_module: int
    local: bytes
    remote_count: int


def indexed(key: Key) -> Indexed:
    """Return the fixed fields of an index key."""
    return Indexed._make(_FIXED.unpack_from(key))


def remotes_in_key(key: Key) -> list[bytes]:
    """Return the packed remote addresses in an index key."""
    end = _names_at(key)
    return [remote for (remote,) in _REMOTE.iter_unpack(key[_FIXED.size : end])]


def names_in_key(key: Key) -> bytes:
    """Return the packed name in an index key."""
    return key[_names_at(key) :]


def _names_at(key: Key) -> int:
    return _FIXED.size + indexed(key).remote_count * _REMOTE.size


class Observation(NamedTuple):
    """What is known of a tunnel at one time.

    Attributes:
        tunnel: the tunnel.
        counted: the SA contexts between its endpoints.
        failure: the last failed negotiation between them; None if none is known.
        is_failing: whether one failed in the last hour, and the tunnel has not been up since then.
        is_expected: whether the settings name the remote endpoint.
    """

    tunnel: ConfiguredTunnel
    counted: Counted
    failure: Failure | None
    is_failing: bool
    is_expected: bool


def item_of(tunnel: ConfiguredTunnel, shown: Shown, *, is_expected: bool) -> Item:
    """Return the item of a tunnel, without the members whose changes make no revision.

    Args:
        tunnel: the tunnel.
        shown: its state.
        is_expected: whether the settings name the remote endpoint.
    """
    members = orjson.dumps(
        {
            "providerContextKey": key_of_number(tunnel.number),
            "state": shown.state,
            "since": shown.since,
            "isFlapping": shown.is_flapping,
            "isExpected": is_expected,
        },
        option=orjson.OPT_UTC_Z,
    )
    fixed = _FIXED.pack(
        STATES.index(shown.state),
        KEY_MODULES.index(tunnel.key_module),
        tunnel.local or b"",
        len(tunnel.remotes),
    )
    remotes = [_REMOTE.pack(remote) for remote in tunnel.remotes]
    return Item(
        b"".join([fixed, *remotes, tunnel.names]), b"%b,%b}" % (members[:-1], tunnel.members)
    )


def numbers_of(observation: Observation, totals: Totals, *, sees_failures: bool) -> bytes:
    """Return the members of a tunnel whose changes make no revision, each after a comma.

    Args:
        observation: what is known of the tunnel.
        totals: the traffic of all peers.
        sees_failures: whether the last failure may be shown.
    """
    contexts, complete = observation.counted
    traffic = _sum_of([totals.of(number_of(remote)) for remote in observation.tunnel.remotes])
    text = b'%b%d,"completeSaContexts":%d%b' % (NUMBERS, contexts, complete, numbers_text(traffic))
    if not sees_failures:
        return text
    failure = observation.failure
    shown: dict[str, Any] | None = failure and {
        "code": failure.code,
        "codeHex": hex32(failure.code),
        "name": failure.name,
        "time": failure.at,
    }
    return b'%b,"lastFailure":%b' % (text, orjson.dumps(shown, option=orjson.OPT_UTC_Z))


def _sum_of(known: list[Traffic | None]) -> Traffic | None:
    """Return the traffic of several peers together; None if the engine does not count bytes."""
    counted = [each for each in known if each is not None]
    if not counted or len(counted) == 1:
        return counted[0] if counted else None
    inbound, outbound, *rates = zip(*counted, strict=True)
    return Traffic(
        sum(inbound), sum(outbound), *(None if None in each else sum(each) for each in rates)
    )
