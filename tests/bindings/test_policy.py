"""Filters and provider contexts: looked up one by one, without keys, leaving nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from ipaddress import ip_address
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.engine import Engine
from bindings.enums import IpVersion, ProviderContextType, TrafficType
from bindings.errors import EngineError, NotFound, NotSupported
from bindings.library import Library
from bindings.net_event import MainModeFailure, NetEvent
from bindings.net_events import enumerate_net_events
from bindings.policy import NEWEST, Policy, ProviderContext, read_provider_context
from bindings.records import SaDetails
from bindings.session import Session

from .structs import Struct, guid_at
from .test_enumeration import CODES, assert_nothing_is_left


FUNCTIONS = (
    "FwpmEngineOpen0",
    "FwpmEngineClose0",
    "FwpmFilterGetById0",
    "FwpmProviderContextGetById3",
    "FwpmProviderContextGetByKey3",
)
NEWER = [f"FwpmProviderContextGetBy{by}{n}" for by in ("Id", "Key") for n in (1, 2, 3)]
TUNNELS = {
    0: {2, 4},  # Windows Vista has no IKEv2
    **{generation: {2, 4, 9} for generation in (1, 2, 3)},
}
"""The types for which each generation of the union has a tunnel's policy (fwpmtypes.idl)."""


@pytest.fixture
def engine(library: Library, simulator: Simulator) -> Iterator[Engine]:
    with Engine(library) as engine:
        yield engine
    assert_nothing_is_left(simulator)


def sas_of(engine: Engine) -> list[SaDetails]:
    return [sa for page in engine.pages() for context in page for sa in context[1:] if sa]


def main_mode_keys(events: list[NetEvent]) -> set[str]:
    return {
        event.failure.provider_context_key
        for event in events
        if isinstance(event.failure, MainModeFailure) and event.failure.provider_context_key
    }


def key_of(context_id: int, engine: Engine) -> str:
    return engine.with_policy(lambda policy: policy.get_context(context_id)).provider_context_key


# ---- what is read, against memory that is written by Microsoft's layouts ----


@given(
    generation=st.integers(0, NEWEST),
    type_=st.integers(0, 14) | st.just(0xFFFF_FFF0),
    version=st.integers(0, 3),
    v6=st.binary(min_size=16, max_size=16),
    remotes=st.lists(st.tuples(st.integers(0, 3), st.binary(min_size=16, max_size=16)), max_size=4),
    luid=st.integers(0, 2**64 - 1),
    flags=st.integers(0, 2**32 - 1),
    idle_timeouts=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    fqdn=st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30),
)
def test_context_is_read_as_microsofts_layouts_say(
    generation: int,
    type_: int,
    version: int,
    v6: bytes,
    remotes: list[tuple[int, bytes]],
    luid: int,
    flags: int,
    idle_timeouts: tuple[int, int],
    fqdn: str | None,
) -> None:
    parts: list[Any] = []

    def memory(name: str, **fields: int | bytes) -> int:
        struct = Struct(name, 0)
        content = ffi.new("char[]", b"\xee" * struct.size)
        parts.append(content)
        address = int(ffi.cast("uintptr_t", content))
        for field, value in fields.items():
            raw = value if isinstance(value, bytes) else value.to_bytes(8, "little")
            offset = struct.place(field)
            size = min(len(raw), len(Struct(name, address).raw(field)))
            ffi.buffer(content)[offset : offset + size] = raw[:size]
        return address

    def text(value: str | None) -> int:
        if value is None:
            return 0
        parts.append(ffi.new("char16_t[]", value))
        return int(ffi.cast("uintptr_t", parts[-1]))

    endpoint_size = Struct("IPSEC_TUNNEL_ENDPOINT0", 0).size
    array = ffi.new("char[]", endpoint_size * len(remotes) + 1)
    for number, (each_version, raw) in enumerate(remotes):
        start = number * endpoint_size
        ffi.buffer(array)[start : start + 20] = each_version.to_bytes(4, "little") + raw
    outer = f"IPSEC_TUNNEL_ENDPOINTS{min(generation, 2)}"
    newer: dict[str, int | bytes] = {}
    if generation >= 1:
        newer["localIfLuid"] = luid
    if generation >= 2:
        newer |= {
            "remoteFqdn": text(fqdn),
            "numAddresses": len(remotes),
            "remoteAddresses": int(ffi.cast("uintptr_t", array)),
        }
    endpoints = memory(
        outer, ipVersion=version, localV6Address=v6, remoteV6Address=v6[::-1], **newer
    )
    policy = memory(
        f"IPSEC_TUNNEL_POLICY{generation}",
        flags=flags,
        saIdleTimeout=b"".join(each.to_bytes(4, "little") for each in idle_timeouts),
        tunnelEndpoints=ffi.buffer(ffi.cast("char *", endpoints), Struct(outer, 0).size)[:],
    )
    is_tunnel = type_ in TUNNELS[generation]
    address = memory(
        f"FWPM_PROVIDER_CONTEXT{generation}",
        providerContextKey=bytes(range(16)),
        displayData=text("a policy").to_bytes(8, "little") + bytes(8),
        providerKey=0,
        type=type_,
        ikeQmTunnelPolicy=policy if is_tunnel else 0xBAD0,  # following this address crashes
        providerContextId=2**63 + 1,
    )

    found = read_provider_context(address, generation, Ipv6Order.NETWORK)

    def expected_address(packed_version: int, raw: bytes) -> bytes | None:
        return {0: raw[:4][::-1], 1: raw}.get(packed_version)

    assert found[:5] == (guid_at(address), "a policy", None, None, type_)
    assert found.provider_context_id == 2**63 + 1
    if not is_tunnel:
        assert found.tunnel_policy is None
        return
    has_names = generation >= 2
    assert found.tunnel_policy is not None
    assert found.tunnel_policy[0] == flags
    assert found.tunnel_policy[2:] == idle_timeouts
    assert found.tunnel_policy.endpoints == (
        version,
        expected_address(version, v6),
        expected_address(version, v6[::-1]),
        luid if generation >= 1 else None,
        fqdn if has_names else None,
        tuple(a for one in remotes if (a := expected_address(*one))) if has_names else (),
    )


# ---- what ids lead to ----


def test_filter_of_an_id_is_the_transport_filter_itself(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.populate(300, seed=5)
    found = gone = 0
    for sa in sas_of(engine):
        rule = sa.transport_filter
        if rule is None:
            continue
        try:
            read = engine.with_policy(
                lambda policy, rule=rule: policy.get_filter(rule.filter_id)  # type: ignore[misc]
            )
        except NotFound:
            gone += 1
            continue
        found += 1
        assert read.name == rule.name
        assert (read.filter_id, read.filter_key) == (rule.filter_id, rule.filter_key)
        assert (read.layer_key, read.provider_key) == (rule.layer_key, rule.provider_key)
        assert (read.action_type, read.effective_weight) == (
            rule.action_type,
            rule.effective_weight,
        )
    assert 0 < gone < found / 4


def test_tunnel_leads_to_its_policy_with_its_addresses(
    engine: Engine, simulator: Simulator
) -> None:
    simulator.populate(300, seed=5)
    tunnels = [sa for sa in sas_of(engine) if sa.traffic.traffic_type == TrafficType.TUNNEL]
    assert len(tunnels) > 50
    for sa in tunnels:
        policy_id = sa.traffic.policy_id
        assert policy_id is not None
        context = engine.with_policy(
            lambda policy, policy_id=policy_id: policy.get_context(policy_id)  # type: ignore[misc]
        )
        assert context.tunnel_policy is not None
        endpoints = context.tunnel_policy.endpoints
        assert endpoints.local_address == sa.traffic.local_address
        assert endpoints.remote_address == sa.traffic.remote_address
        assert endpoints.local_if_luid == sa.traffic.local_if_luid
        assert context.provider_context_id == policy_id


def test_context_is_the_same_by_id_and_by_key(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(20, seed=5)
    simulator.net_events(60, 1)
    with Session(engine.library) as session:
        events = enumerate_net_events(session)
    keys = main_mode_keys(events)
    assert len(keys) > 5
    for key in keys:
        by_key = engine.with_policy(
            lambda policy, key=key: policy.get_context_by_key(key)  # type: ignore[misc]
        )
        by_id = engine.with_policy(
            lambda policy, found=by_key: policy.get_context(found.provider_context_id)  # type: ignore[misc]
        )
        assert by_key == by_id
        assert ProviderContextType(by_key.type).name.endswith("MM_CONTEXT")
        assert by_key.tunnel_policy is None


@pytest.mark.parametrize("known", range(NEWEST))
def test_older_engine_is_read_by_the_newest_generation_that_it_knows(
    engine: Engine, simulator: Simulator, known: int
) -> None:
    simulator.populate(300, seed=5)
    policy_ids = [
        sa.traffic.policy_id
        for sa in sas_of(engine)
        if sa.traffic.traffic_type == TrafficType.TUNNEL and sa.traffic.policy_id
    ]
    newest = [_context(engine, each) for each in policy_ids]
    for by, generation in product(("Id", "Key"), range(known + 1, NEWEST + 1)):
        simulator.fail(f"FwpmProviderContextGetBy{by}{generation}", 1745, times=0)

    older = [_context(engine, each) for each in policy_ids]

    assert [each[:5] for each in older] == [each[:5] for each in newest]
    for old, new in zip(older, newest, strict=True):
        assert new.tunnel_policy is not None
        if new.type == ProviderContextType.IPSEC_IKEV2_QM_TUNNEL_CONTEXT and known == 0:
            assert old.tunnel_policy is None
            continue
        assert old.tunnel_policy is not None
        before, after = old.tunnel_policy.endpoints, new.tunnel_policy.endpoints
        assert before[:3] == after[:3]
        assert before.local_if_luid == (after.local_if_luid if known else None)
        assert old.tunnel_policy._replace(endpoints=after) == new.tunnel_policy
    assert any(new.tunnel_policy and new.tunnel_policy.endpoints.remote_fqdn for new in newest)
    assert key_of(policy_ids[0], engine) == newest[0].provider_context_key


def _context(engine: Engine, context_id: int) -> ProviderContext:
    return engine.with_policy(lambda policy: policy.get_context(context_id))


def test_functions_of_vista_can_be_asked_for(library: Library, simulator: Simulator) -> None:
    simulator.populate(300, seed=5)
    with Engine(library, generation=0) as engine:
        sa = next(sa for sa in sas_of(engine) if sa.traffic.traffic_type == TrafficType.TUNNEL)
        assert sa.traffic.policy_id is not None
        _context(engine, sa.traffic.policy_id)

    assert [simulator.calls(function) for function in NEWER] == [0] * len(NEWER)


def test_ipv6_endpoints_are_read_in_the_engines_order(
    library: Library, simulator: Simulator
) -> None:
    address = ip_address("2001:db8::1").packed
    tree, _keep = tunnel(address)
    simulator.put_provider_context(tree)
    with Engine(library, ipv6_order=lambda: Ipv6Order.REVERSED) as engine:
        policy = _context(engine, 7).tunnel_policy

    assert policy is not None
    endpoints = policy.endpoints
    assert endpoints.local_address == address[::-1]
    assert endpoints.remote_addresses == (address[::-1],)


def tunnel(address: bytes) -> tuple[int, list[Any]]:
    """Return the address of an IKEv2 tunnel's provider context with the id 7, and its memory."""
    remote = ffi.new("IPSEC_TUNNEL_ENDPOINT0[1]", [{"ipVersion": IpVersion.V6}])
    ffi.buffer(remote)[4:20] = address
    policy = ffi.new("IPSEC_TUNNEL_POLICY3 *")
    endpoints = policy.tunnelEndpoints
    endpoints.ipVersion = IpVersion.V6
    for field in (endpoints.localV6Address, endpoints.remoteV6Address):
        ffi.buffer(field)[:] = address
    endpoints.numAddresses, endpoints.remoteAddresses = 1, remote
    context = ffi.new("FWPM_PROVIDER_CONTEXT3 *")
    context.type = ProviderContextType.IPSEC_IKEV2_QM_TUNNEL_CONTEXT
    context.ikeV2QmTunnelPolicy = policy
    context.providerContextId = 7
    return int(ffi.cast("uintptr_t", context)), [remote, policy, context]


@pytest.mark.parametrize("object_id", [0, 1, 2**64 - 1])
def test_unknown_id_is_not_found(engine: Engine, simulator: Simulator, object_id: int) -> None:
    simulator.populate(1)
    for read, name in (
        (Policy.get_filter, "FWP_E_FILTER_NOT_FOUND"),
        (Policy.get_context, "FWP_E_PROVIDER_CONTEXT_NOT_FOUND"),
    ):
        with pytest.raises(NotFound) as caught:
            engine.with_policy(lambda policy, read=read: read(policy, object_id))  # type: ignore[misc]
        assert caught.value.name == name
    with pytest.raises(NotFound):
        engine.with_policy(
            lambda policy: policy.get_context_by_key("c38d57d1-05a7-4c33-904f-7fbceee60e82")
        )


def test_library_without_the_functions_is_reported(
    engine: Engine, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.populate(3)
    function = Library.function

    def lacking(library: Library, name: str) -> object:
        if name.startswith(("FwpmFilter", "FwpmProviderContext")):
            raise NotSupported(1745, name)
        return function(library, name)

    monkeypatch.setattr(Library, "function", lacking)

    with pytest.raises(NotSupported):
        engine.with_policy(lambda policy: policy.get_filter(1))
    with pytest.raises(NotSupported):
        _context(engine, 1)


def test_no_record_has_a_secret(engine: Engine, simulator: Simulator) -> None:
    simulator.populate(200, seed=5)
    simulator.net_events(100, 1)
    with Session(engine.library) as session:
        events = enumerate_net_events(session)
        policy = Policy(session)
        keys = main_mode_keys(events)
        ids = {sa.traffic.policy_id for sa in sas_of(engine)}
        text = ""
        for key in keys:
            text += repr(policy.get_context_by_key(key))
        for context_id in ids:
            with suppress(NotFound):
                text += repr(policy.get_context(context_id or 0))

    assert "Main mode policy" in text
    assert "Tunnel policy" in text
    assert "CANARY" not in text
    assert repr(b"CANARY")[2:-1] not in text


@pytest.mark.parametrize(("function", "code"), list(product(FUNCTIONS, CODES)))
def test_nothing_is_left_when_any_call_fails_in_any_way(
    library: Library, simulator: Simulator, function: str, code: int
) -> None:
    tree, _keep = tunnel(bytes(16))
    simulator.put_provider_context(tree)
    for after in range(3):
        simulator.clear_failures()
        simulator.fail(function, code, after=after, times=2)
        with Engine(library) as engine:
            for _ in range(2):
                with suppress(EngineError):
                    engine.with_policy(lambda policy: policy.get_filter(1))
                with suppress(EngineError):
                    engine.with_policy(lambda policy: policy.get_context(7))
                with suppress(EngineError):
                    engine.with_policy(lambda policy: policy.get_context_by_key(ZERO_KEY))
        assert_nothing_is_left(simulator)


ZERO_KEY = "00000000-0000-0000-0000-000000000000"
