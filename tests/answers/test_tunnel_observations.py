"""The states of any tunnels, against a second implementation that looks at each object."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import anyio
import anyio.lowlevel
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.answers.peers.aggregate import by_peer
from app.answers.peers.part import PeersPart
from app.answers.peers.store import Sources as PeerSources
from app.answers.peers.traffic import Sample
from app.answers.tunnels import counts
from app.answers.tunnels.configured import ConfiguredTunnel, tunnel_of
from app.answers.tunnels.part import TunnelsPart
from app.answers.tunnels.policies import PolicyRead
from app.resources.connections.kind import ConnectionKind
from app.resources.ike_sas.kind import IkeSaKind
from app.resources.net_events.buffer import BufferedEvent
from app.resources.net_events.collector import NetEventCollector
from app.resources.net_events.names import NetEventType
from app.resources.sa_contexts.index import index_key, remote_addresses
from app.resources.sa_contexts.kind import SaContextKind
from app.schemas.names import Baseline
from app.service import Capacity
from app.settings.model import Settings
from bindings import enums as wfp
from bindings.addresses import Ipv6Order
from bindings.policy import ProviderContext, TunnelEndpoints, TunnelPolicy
from bindings.records import SaContext
from tests.answers.any_peers import sa_details


LOCALS = (bytes(4), ip_address("192.0.2.53").packed, ip_address("192.0.2.54").packed)
REMOTES = (bytes(4), ip_address("198.51.100.7").packed, ip_address("203.0.113.9").packed)
NAMES = ("Gateway.Branch.example", "hq.example")
NOW = datetime.now(UTC)
TYPES = (
    wfp.ProviderContextType.IPSEC_IKE_QM_TUNNEL_CONTEXT,
    wfp.ProviderContextType.IPSEC_AUTHIP_QM_TUNNEL_CONTEXT,
    wfp.ProviderContextType.IPSEC_IKEV2_QM_TUNNEL_CONTEXT,
)
ENDS = st.tuples(st.sampled_from(LOCALS), st.sampled_from(REMOTES))


@st.composite
def policies(draw: st.DrawFn, number: int) -> ProviderContext:
    local, remote = draw(ENDS)
    fqdn = draw(st.none() | st.none() | st.sampled_from(NAMES))
    resolved = draw(st.lists(st.sampled_from(REMOTES), max_size=2)) if fqdn else []
    endpoints = TunnelEndpoints(int(wfp.IpVersion.V4), local, remote, None, fqdn, tuple(resolved))
    return ProviderContext(
        str(UUID(int=number)),
        f"tunnel {number}",
        None,
        None,
        draw(st.sampled_from(TYPES)),
        TunnelPolicy(0, endpoints, 300, 60),
        number,
    )


@st.composite
def contexts(draw: st.DrawFn, number: int) -> SaContext:
    """Both SAs have one remote address, and nearly always one local address."""
    remote = draw(st.sampled_from(REMOTES[1:]))
    directions = []
    for _ in range(2):
        details = draw(st.none() | sa_details(remote))
        if details is not None:
            traffic = details.traffic._replace(
                local_address=draw(st.sampled_from(LOCALS[1:])),
                traffic_type=draw(
                    st.sampled_from(
                        [wfp.TrafficType.TUNNEL, wfp.TrafficType.TUNNEL, wfp.TrafficType.TRANSPORT]
                    )
                ),
            )
            details = details._replace(traffic=traffic)
        directions.append(details)
    return SaContext(number, *directions)


class Failed:
    """A failed negotiation, or what does not count as one."""

    def __init__(self, ends: tuple[bytes, bytes], minutes: int, what: str) -> None:
        self.local, self.remote = ends
        self.at = NOW - timedelta(minutes=minutes)
        self.what = what

    def __repr__(self) -> str:
        return f"Failed({self.local!r}, {self.remote!r}, {self.at}, {self.what})"

    def buffered(self, number: int) -> BufferedEvent:
        """The event as the collector keeps it."""
        is_drop = self.what == "drop"
        shown = {
            "localAddress": str(ip_address(self.local)) if any(self.local) else None,
            "error": {"code": 13801 + number, "name": None},
            "ikeMmFailure": {"flags": {"names": ["benign"] if self.what == "benign" else []}},
        }
        type_ = NetEventType.IPSEC_KERNEL_DROP if is_drop else NetEventType.IKE_MAIN_MODE_FAILURE
        facts: Any = None
        return BufferedEvent(number, self.at, type_, self.remote, facts, orjson.dumps(shown))


FAILURES = st.builds(
    Failed, ENDS, st.sampled_from([1, 30, 61, 100]), st.sampled_from(["fatal", "benign", "drop"])
)


def state_by_hand(
    policy: ProviderContext,
    contexts: list[SaContext],
    failures: list[Failed],
    expected: set[str],
    *,
    sees_failures: bool,
) -> tuple[str, int, int, bool]:
    """The state of a tunnel, its numbers of contexts and whether it is expected, one by one."""
    assert policy.tunnel_policy is not None
    ends = policy.tunnel_policy.endpoints
    remotes = {
        remote
        for remote in (ends.remote_address, *ends.remote_addresses)
        if remote is not None and remote != bytes(4)
    }
    is_any_local = ends.local_address == bytes(4)
    found = complete = 0
    for context in contexts:
        fitting = [
            sa
            for sa in (context.inbound_sa, context.outbound_sa)
            if sa is not None
            and sa.traffic.traffic_type == wfp.TrafficType.TUNNEL
            and sa.traffic.remote_address in remotes
            and (is_any_local or sa.traffic.local_address == ends.local_address)
        ]
        found += bool(fitting)
        complete += len(fitting) == 2
    is_expected = any(str(ip_address(remote)) in expected for remote in remotes) or (
        ends.remote_fqdn is not None and ends.remote_fqdn.lower() in expected
    )
    has_failed = sees_failures and any(
        failure.what == "fatal"
        and failure.at > NOW - timedelta(hours=1)
        and failure.remote in remotes
        and (is_any_local or failure.local in {ends.local_address, bytes(4)})
        for failure in failures
    )
    is_template = is_any_local or not remotes or ends.remote_fqdn is not None
    if complete:
        state = "up"
    elif not remotes or (is_template and not is_expected):
        state = "template"
    elif has_failed:
        state = "failing"
    else:
        state = "down" if is_expected else "idle"
    return state, found, complete, is_expected


def parts_with(failures: list[Failed], expected: set[str]) -> tuple[PeersPart, TunnelsPart]:
    """The parts of a service that has read nothing but these failures."""
    events = [failure.buffered(number) for number, failure in enumerate(failures, 1)]
    buffer = SimpleNamespace(
        epoch="a",
        after=lambda event, limit: [each for each in events if each.number > event.number][:limit],
    )
    parts: dict[Any, Any] = {
        kind: SimpleNamespace(store=SimpleNamespace(notifier=None))
        for kind in (SaContextKind, IkeSaKind, ConnectionKind)
    }
    parts[NetEventCollector] = SimpleNamespace(buffer=buffer)
    given: dict[str, Any] = {"expected_peers": ",".join(sorted(expected)) or None}
    foundation: Any = SimpleNamespace(
        settings=Settings(**given),
        capacity=Capacity(),
        library=None,
        ipv6_order=SimpleNamespace(order=lambda: Ipv6Order.NETWORK),
    )
    peers = parts[PeersPart] = PeersPart(foundation, parts)
    return peers, TunnelsPart(foundation, parts)


def configured(policies: list[ProviderContext]) -> tuple[ConfiguredTunnel, ...]:
    """The tunnels of policies, in order."""
    found = {
        tunnel.number: tunnel for each in policies if (tunnel := tunnel_of(each, lambda _: None))
    }
    return tuple(found[number] for number in sorted(found))


def shown_states(
    policies: list[ProviderContext],
    contexts: list[SaContext],
    failures: list[Failed],
    expected: set[str],
) -> dict[bool, list[dict[str, Any]]]:
    """What callers with and without the right to see failures get."""
    peers, part = parts_with(failures, expected)
    keys = [(each[0], index_key(each, Baseline.NIST_SP_800_77R1)) for each in contexts]
    tunnels = configured(policies)

    async def publish() -> None:
        await peers.peers.replace_contexts(by_peer(keys, remote_addresses), None)
        sources = PeerSources(NOW, 0.0, Sample(), {})
        await part._publish(PolicyRead(tunnels, NOW, 0.0), sources)  # noqa: SLF001

    asyncio.run(publish())
    shown = {}
    for sees in (False, True):
        snapshot = part.view(sees_failures=sees).store.current
        assert snapshot is not None
        shown[sees] = [orjson.loads(snapshot.blocks[at]) for at in range(len(snapshot.ids))]
    return shown


@given(data=st.data(), many=st.sampled_from([0, 2, 256]))
def test_states_and_numbers_are_those_of_a_second_implementation(
    data: st.DataObject, many: int
) -> None:
    given_policies = [data.draw(policies(n)) for n in range(data.draw(st.integers(0, 4)))]
    given_contexts = [data.draw(contexts(n)) for n in range(data.draw(st.integers(0, 5)))]
    failures = data.draw(st.lists(FAILURES, max_size=4))
    expected = data.draw(
        st.sets(st.sampled_from(["198.51.100.7", "192.0.2.53", *map(str.lower, NAMES)]))
    )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counts, "MANY", many)
        shown = shown_states(given_policies, given_contexts, failures, expected)

    for sees, items in shown.items():
        assert [
            (
                item["state"],
                item["saContexts"],
                item["completeSaContexts"],
                item["isExpected"],
            )
            for item in items
        ] == [
            state_by_hand(each, given_contexts, failures, expected, sees_failures=sees)
            for each in given_policies
        ]
        assert all(("lastFailure" in item) is sees for item in items)
        assert all(item["since"] is None for item in items)


def many_policies(number: int) -> list[ProviderContext]:
    """Policies with equal endpoints, the highest key first."""
    endpoints = TunnelEndpoints(int(wfp.IpVersion.V4), LOCALS[1], REMOTES[1], None, None, ())
    return [
        ProviderContext(
            str(UUID(int=key)), None, None, None, TYPES[0], TunnelPolicy(0, endpoints, 0, 0), 1
        )
        for key in reversed(range(number))
    ]


def test_many_tunnels_are_observed_in_order() -> None:
    many = many_policies(250)
    failed = Failed((LOCALS[1], REMOTES[1]), 1, "fatal")

    shown = shown_states(many, [], [failed], set())

    for sees, items in shown.items():
        keys = [item["providerContextKey"] for item in items]
        assert keys == sorted(each.provider_context_key for each in many)
        assert {item["state"] for item in items} == {"failing" if sees else "idle"}
        assert {item["name"] for item in items} == {None}


def test_requests_at_one_time_share_a_publication(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many requests wait, the tunnels are observed once for all of them."""
    peers, part = parts_with([], set())
    policies = PolicyRead(configured(many_policies(250)), NOW, time.monotonic(), {})
    part.policies.current = policies
    observed = 0
    original = TunnelsPart._observe  # noqa: SLF001  # what a publication costs

    async def read(_max_age: float) -> PolicyRead:
        await anyio.lowlevel.checkpoint()
        return policies

    async def known(_max_age: float = 0) -> PeerSources:
        await anyio.lowlevel.checkpoint()
        return PeerSources(NOW, time.monotonic(), Sample(), {})

    async def count(part: TunnelsPart, tunnels: tuple[ConfiguredTunnel, ...]) -> Any:
        nonlocal observed
        observed += 1
        return await original(part, tunnels)

    monkeypatch.setattr(part.policies, "read", read)
    monkeypatch.setattr(peers, "refresh", known)
    monkeypatch.setattr(peers, "catch_up", known)
    monkeypatch.setattr(TunnelsPart, "_observe", count)

    async def main() -> None:
        async with anyio.create_task_group() as running:
            running.start_soon(part._publications.run)  # noqa: SLF001  # without the others
            for publications in (1, 2):
                async with anyio.create_task_group() as requests:
                    for _ in range(100):
                        requests.start_soon(part.refresh, 0)
                assert observed == publications
            running.cancel_scope.cancel()

    anyio.run(main)
    assert part.view(sees_failures=True).store.current is not None
