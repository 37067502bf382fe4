"""What the server reads to learn whether a main mode SA has ended, and how much of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answers.ended import main_modes
from app.answers.ended.main_modes import MAX_LISTED, MAX_LISTINGS, MAX_READS, MainModes, Remote
from app.answers.ended.main_modes import remotes_of as remotes_of_key
from app.resources.sa_contexts.index import index_key
from app.schemas.names import Baseline
from bindings.enums import KeyModule
from bindings.errors import EngineGone, IkeextNotRunning, NotFound
from bindings.records import SaContext
from tests.resources.contexts import CONTEXTS


IKEEXT_NOT_RUNNING = IkeextNotRunning(0x80320044, "IkeextSaCreateEnumHandle0")


def ike_sa(remote: bytes, port: int = 0, module: int = KeyModule.IKEV2) -> Any:
    return SimpleNamespace(
        key_module_type=module,
        ike_traffic=SimpleNamespace(remote_address=remote),
        v4_udp_encapsulation=SimpleNamespace(remote_udp_encap_port=port) if port else None,
    )


class Host:
    """An engine with these main mode SAs, none of which has an id that is asked for."""

    def __init__(self, *ike_sas: Any, error: Exception | None = None) -> None:
        self.incarnation, self.error = 1, error
        self.ike_sas = ike_sas
        self.reads = self.listings = 0
        self.restarts = False

    def with_ike_sas(self, work: Callable[[Any], Any]) -> Any:
        if self.restarts:
            self.incarnation += 1
        return work(self)

    def read(self, _id: int) -> Any:
        self.reads += 1
        raise NotFound(0x80320008, "IkeextSaGetById2")

    def pages(self, template: Any) -> Iterator[list[Any]]:
        self.listings += 1
        if self.error is not None:
            raise self.error
        yield from (
            [each]
            for each in self.ike_sas
            if template is None or ip_address(each.ike_traffic.remote_address) in template.remote
        )


def gone(host: Any, remote: Remote, id_: int = 7) -> int | None:
    return MainModes(host).gone((id_,), [remote])


REMOTES = st.builds(
    Remote,
    st.sampled_from([b"\x0a\0\0\1", b"\x0a\0\0\2", bytes(15) + b"\1", bytes(15) + b"\2"]),
    st.sampled_from([0, 4500, 4501]),
)


@given(
    remote=REMOTES,
    others=st.lists(st.tuples(REMOTES, st.sampled_from([*KeyModule])), max_size=4),
)
def test_a_main_mode_is_known_to_have_ended_without_another_that_may_replace_it(
    remote: Remote, others: list[tuple[Remote, KeyModule]]
) -> None:
    host = Host(*(ike_sa(*other, module) for other, module in others))

    may_be_replaced = any(
        module is KeyModule.IKEV2
        and other.address == remote.address
        and (other.udp_port == remote.udp_port or not other.udp_port or not remote.udp_port)
        for other, module in others
    )
    assert gone(host, remote) == (None if may_be_replaced else 7)


@given(context=CONTEXTS)
def test_the_remotes_are_those_of_the_sas(context: SaContext) -> None:
    expected = set()
    for sa in (context.inbound_sa, context.outbound_sa):
        if sa is not None and sa.traffic.remote_address:
            udp = sa.udp_encapsulation
            port = 0 if udp is None else udp.remote_udp_encap_port
            expected.add(Remote(sa.traffic.remote_address, port))

    assert remotes_of_key(index_key(context, Baseline.NIST_SP_800_77R1)) == expected


def test_an_unknown_peer_proves_nothing() -> None:
    assert remotes_of_key(b"") == set()
    assert MainModes(Host()).gone((7,), []) is None  # type: ignore[arg-type]
    assert MainModes(Host()).gone((), [Remote(bytes(4), 0)]) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "expected"), [(IKEEXT_NOT_RUNNING, 7), (EngineGone(1722, "IkeextSaEnum2"), None)]
)
def test_an_error_proves_nothing_unless_it_says_that_there_are_none(
    error: Exception, expected: int | None
) -> None:
    assert gone(Host(error=error), Remote(bytes(4), 0)) == expected


def test_another_session_proves_nothing() -> None:
    host: Any = Host()
    modes = MainModes(host)
    assert modes.gone((7,), [Remote(bytes(4), 0)]) == 7
    host.restarts = True

    assert modes.gone((8,), [Remote(bytes(4), 0)]) is None
    host.restarts = False
    assert modes.gone((7,), [Remote(bytes(4), 0)]) == 7
    host.restarts = True
    assert modes.gone((7,), [Remote(b"\x0a\0\0\1", 0)]) is None


@pytest.mark.parametrize("size", [4, 16])
@pytest.mark.parametrize(("count", "expected"), [(MAX_LISTED, 7), (MAX_LISTED + 1, None)])
def test_a_long_listing_is_given_up(size: int, count: int, expected: int | None) -> None:
    remote = Remote(bytes(size - 1) + b"\1", 0)
    host = Host(*[ike_sa(remote.address, module=KeyModule.IKE)] * count)

    assert gone(host, remote) == expected


def test_reads_and_listings_are_bounded() -> None:
    host: Any = Host()
    modes = MainModes(host)

    found = [
        modes.gone((number,), [Remote(number.to_bytes(4), 0)])
        for _ in range(2)
        for number in range(1, MAX_READS + 50)
    ]

    assert (host.reads, host.listings) == (MAX_READS, MAX_LISTINGS)
    assert found.count(None) == 2 * (MAX_READS + 49 - MAX_LISTINGS)


def test_all_main_modes_with_ipv6_are_listed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main_modes, "MAX_LISTINGS", 1)
    host: Any = Host(ike_sa(bytes(15) + b"\1"))
    modes = MainModes(host)

    found = [modes.gone((7,), [Remote(bytes(15) + bytes((last,)), 0)]) for last in (1, 2, 3)]

    assert (found, host.listings) == ([None, 7, 7], 1)
