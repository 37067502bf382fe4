"""Tunnel policies: all tunnels and nothing else, without keys, leaving nothing behind."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sa_contexts_simulator import Option, Simulator

from bindings import tunnel_policies
from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.capture.record import record
from bindings.engine import Engine
from bindings.enums import IpVersion, PolicyFlag, ProviderContextType, TrafficType
from bindings.errors import (
    AccessDenied,
    EngineError,
    EngineGone,
    EnumerationTooLarge,
    MalformedAnswer,
    NotSupported,
)
from bindings.library import REQUIRED, Library
from bindings.policy import (
    MAX_ADDRESSES,
    NEWEST,
    ProviderContext,
    TunnelEndpoints,
    TunnelPolicy,
    read_provider_context,
)
from bindings.session import Session
from bindings.tunnel_policies import TunnelTemplate, enumerate_tunnel_policies
from tests.conftest import SIMULATOR_PATH

from .test_enumeration import CODES, assert_nothing_is_left
from .test_library import compile_library
from .wild_memory import WildMemory


NAME: Final = "FwpmProviderContext"
FUNCTIONS: Final = (
    "FwpmEngineOpen0",
    "FwpmEngineClose0",
    f"{NAME}CreateEnumHandle0",
    f"{NAME}Enum3",
    f"{NAME}DestroyEnumHandle0",
)
TUNNELS: Final[dict[int, tuple[int, ...]]] = {
    0: (2, 4),  # Windows Vista has no IKEv2
    **dict.fromkeys((1, 2, 3), (2, 4, 9)),
}
"""The tunnels' types in each generation (fwpmtypes.idl)."""
MAIN_MODES: Final = {5, 6, 10}
V4, V6 = int(IpVersion.V4), int(IpVersion.V6)

numbers = st.integers(0, 2**32 - 1)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


@dataclass
class Made:
    """A provider context in memory, and what a reader should make of it.

    Attributes:
        context_id: its id.
        type: its type.
        key: its key, as in memory.
        name: its display name.
        version: the IP version of its endpoints.
        local: the local endpoint, in network order.
        remote: the remote endpoint, likewise.
        luid: the local interface.
        fqdn: the name of the remote endpoint.
        addresses: what that name stands for, each with its IP version.
        flags: the policy's flags.
        idle: the idle timeouts.
        has_policy: whether it has a policy.
    """

    context_id: int
    type: int
    key: bytes
    name: str | None
    version: int
    local: bytes
    remote: bytes
    luid: int
    fqdn: str | None
    addresses: list[tuple[int, bytes]]
    flags: int
    idle: tuple[int, int]
    has_policy: bool
    parts: list[Any] = field(default_factory=list, repr=False)

    def _new(self, ctype: str, *content: Any) -> Any:
        part = ffi.new(ctype, *content)
        self.parts.append(part)
        return part

    def tree(self) -> int:
        """Return the address of the FWPM_PROVIDER_CONTEXT3."""
        context = self._new("FWPM_PROVIDER_CONTEXT3 *")
        ffi.buffer(ffi.addressof(context, "providerContextKey"))[:] = self.key
        if self.name is not None:
            context.displayData.name = self._new("char16_t[]", self.name)
        context.type, context.providerContextId = self.type, self.context_id
        if self.has_policy:
            context.ikeQmTunnelPolicy = self._policy()
        return int(ffi.cast("uintptr_t", context))

    def _policy(self) -> Any:
        policy = self._new("IPSEC_TUNNEL_POLICY3 *")
        policy.flags = self.flags
        policy.saIdleTimeout = self.idle
        endpoints = policy.tunnelEndpoints
        endpoints.ipVersion, endpoints.localIfLuid = self.version, self.luid
        for at, address in (("localV6Address", self.local), ("remoteV6Address", self.remote)):
            ffi.buffer(ffi.addressof(endpoints, at))[:] = in_memory(self.version, address)
        if self.fqdn is not None:
            endpoints.remoteFqdn = self._new("char16_t[]", self.fqdn)
        endpoints.numAddresses = len(self.addresses)
        endpoints.remoteAddresses = self._new("IPSEC_TUNNEL_ENDPOINT0[]", len(self.addresses) + 1)
        for number, (version, address) in enumerate(self.addresses):
            endpoint = endpoints.remoteAddresses[number]
            endpoint.ipVersion = version
            ffi.buffer(ffi.addressof(endpoint, "v6Address"))[:] = in_memory(version, address)
        return policy

    def expected(self, generation: int = NEWEST) -> ProviderContext:
        """Return the record of a tunnel."""
        policy = None
        if self.has_policy:
            has_names = generation >= 2
            endpoints = TunnelEndpoints(
                self.version,
                shown(self.version, self.local),
                shown(self.version, self.remote),
                self.luid if generation >= 1 else None,
                self.fqdn if has_names else None,
                tuple(
                    address
                    for each in (self.addresses if has_names else ())
                    if (address := shown(*each)) is not None
                ),
            )
            policy = TunnelPolicy(self.flags, endpoints, *self.idle)
        key = self.key
        text = (key[3::-1] + key[5:3:-1] + key[7:5:-1] + key[8:]).hex()
        guid = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
        return ProviderContext(guid, self.name, None, None, self.type, policy, self.context_id)


def in_memory(version: int, address: bytes) -> bytes:
    """Return an address as WFP has it: an IPv4 address is a number in the host's order."""
    return address[:4][::-1] + bytes(12) if version == V4 else address


def shown(version: int, address: bytes) -> bytes | None:
    """Return an address in network order; None for an unknown IP version."""
    return {V4: address[:4], V6: address}.get(version)


addresses = st.binary(min_size=16, max_size=16)
contexts = st.builds(
    Made,
    context_id=st.integers(1, 2**64 - 1),
    type=st.integers(0, 14) | st.sampled_from(TUNNELS[NEWEST]),
    key=addresses,
    name=st.none() | texts,
    version=st.integers(0, 3),
    local=addresses,
    remote=addresses | st.just(bytes(16)),
    luid=st.integers(0, 2**64 - 1),
    fqdn=st.none() | texts,
    addresses=st.lists(st.tuples(st.integers(0, 3), addresses), max_size=3),
    flags=numbers,
    idle=st.tuples(numbers, numbers),
    has_policy=st.sampled_from((True, True, True, False)),
    parts=st.builds(list),
)


def made(context_id: int, type_: int) -> Made:
    return Made(
        context_id,
        type_,
        bytes(16),
        "a tunnel",
        V4,
        bytes((10, 0, 0, 1, *[0] * 12)),
        bytes((10, 0, 0, 2, *[0] * 12)),
        7,
        None,
        [],
        0,
        (300, 60),
        has_policy=True,
    )


@pytest.fixture
def session(library: Library, simulator: Simulator) -> Iterator[Session]:
    with Session(library) as session:
        yield session
    assert_nothing_is_left(simulator)


def by_id(found: list[ProviderContext]) -> list[ProviderContext]:
    return sorted(found, key=lambda context: context.provider_context_id)


# ---- all tunnels, and nothing else ----


@settings(max_examples=80, deadline=None)
@given(
    many=st.lists(contexts, max_size=10, unique_by=lambda each: each.context_id),
    size=st.integers(1, 7),
    generation=st.integers(0, NEWEST),
    options=st.sets(st.sampled_from((Option.SHUFFLE, Option.EMPTY_BLOCK))),
)
def test_any_contexts_give_the_tunnels_among_them(
    library: Library,
    simulator: Simulator,
    many: list[Made],
    size: int,
    generation: int,
    options: set[Option],
) -> None:
    simulator.reset()
    for option in options:
        simulator.set_option(option)
    for each in many:
        simulator.put_provider_context(each.tree())

    with Session(library) as session:
        found = enumerate_tunnel_policies(session, size=size, generation=generation)

    assert by_id(found) == by_id(
        [each.expected(generation) for each in many if each.type in TUNNELS[generation]]
    )
    assert [each.type for each in found] == sorted(each.type for each in found)
    assert "CANARY" not in repr(found)
    assert_nothing_is_left(simulator)


def test_ipv6_endpoints_are_read_in_the_engines_order(
    session: Session, simulator: Simulator
) -> None:
    one = made(7, 9)
    one.version, one.local, one.remote = V6, bytes(range(16)), bytes(range(16, 32))
    one.addresses = [(V6, one.remote), (V4, one.local)]
    simulator.put_provider_context(one.tree())
    simulator.set_option(Option.REVERSED_IPV6)

    (found,) = enumerate_tunnel_policies(session, ipv6_order=Ipv6Order.REVERSED)

    assert found == one.expected()


def test_tunnels_of_contexts_are_those_that_their_ids_lead_to(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(300, seed=5)
    with Engine(library) as engine:
        found = {each.provider_context_id: each for each in engine.tunnel_policies()}
        sas = [sa for page in engine.pages() for context in page for sa in context[1:] if sa]
        tunnels = {
            sa.traffic.policy_id: sa.traffic
            for sa in sas
            if sa.traffic.traffic_type == TrafficType.TUNNEL
        }
        assert len(tunnels) > 50
        for policy_id, traffic in tunnels.items():
            assert policy_id is not None
            assert found[policy_id] == engine.with_policy(
                lambda policy, one=policy_id: policy.get_context(one)  # type: ignore[misc]
            )
            tunnel = found[policy_id].tunnel_policy
            assert tunnel is not None
            assert tunnel.endpoints[1:4] == (
                traffic.local_address,
                traffic.remote_address,
                traffic.local_if_luid,
            )
    assert_nothing_is_left(simulator)


def test_simulated_host_has_idle_tunnels_and_templates_of_every_kind(
    session: Session, simulator: Simulator
) -> None:
    simulator.populate(1, seed=5)
    policies = enumerate_tunnel_policies(session)
    tunnels = [(each.type, each.tunnel_policy) for each in policies if each.tunnel_policy]

    assert {type_ for type_, _ in tunnels} == {*TUNNELS[NEWEST]}
    templates = [each for _, each in tunnels if not any(each.endpoints.remote_address or b"")]
    assert {each.endpoints.ip_version for each in templates} == {V4, V6}
    assert [each for each in templates if each.endpoints.remote_fqdn]
    assert [each for each in templates if each.flags & PolicyFlag.POINT_TO_SITE_TUNNEL]
    assert {(each.idle_timeout_seconds, each.failover_idle_timeout_seconds) for _, each in tunnels}
    simulator.populate(0)
    assert enumerate_tunnel_policies(session) == []


# ---- never anything with a key ----


@pytest.mark.parametrize("type_", ProviderContextType)
def test_only_the_types_of_tunnels_can_be_enumerated(type_: ProviderContextType) -> None:
    if type_ in TUNNELS[NEWEST]:
        memory = TunnelTemplate(type_).as_c(
            Ipv6Order.NETWORK, "FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0"
        )
        assert memory.pointer.providerContextType == type_
        assert memory.pointer.providerKey == ffi.NULL
        return
    with pytest.raises(ValueError, match="not the type of a tunnel"):
        TunnelTemplate(type_)


@pytest.mark.parametrize(
    "read",
    [enumerate_tunnel_policies, lambda session: [*record(session, lambda _luid: None)]],
    ids=["enumerated", "captured"],
)
def test_no_enumeration_begins_without_the_type_of_a_tunnel(
    session: Session,
    simulator: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[Session], list[Any]],
) -> None:
    simulator.populate(100, seed=5)
    simulator.net_events(20, 1)
    requested: list[int] = []
    call = Session.call

    def watched(session: Session, function: str, *arguments: Any) -> None:
        if function == f"{NAME}CreateEnumHandle0":
            requested.append(arguments[0].providerContextType)  # a NULL template would fail here
        call(session, function, *arguments)

    monkeypatch.setattr(Session, "call", watched)
    found = read(session)

    assert requested[:3] == [2, 4, 9]
    assert {*requested} == {2, 4, 9}
    assert "Tunnel policy" in repr(found)
    assert "CANARY" not in repr(found)
    assert repr(b"CANARY")[2:-1] not in repr(found)


HOSTILE: Final = """
static unsigned long long address;
void give(unsigned long long array) { address = array; }
int FwpmProviderContextEnum3(void *s, void *h, unsigned wanted, void **array, unsigned *entries)
{
    *array = (void *)address;
    *entries = 1;
    return 0;
}
int FwpmProviderContextCreateEnumHandle0(void) { return 0; }
int FwpmProviderContextDestroyEnumHandle0(void) { return 0; }
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")
@pytest.mark.parametrize("type_", [each for each in range(15) if each != 2])
def test_entry_of_another_type_than_requested_is_a_malformed_answer(
    tmp_path: Path, type_: int
) -> None:
    """Its policy leads nowhere: a reader that followed it would crash."""
    stubs = "".join(f"int {name}(void) {{ return 0; }}" for name in REQUIRED)
    path = compile_library(tmp_path, HOSTILE + stubs)
    struct = "FWPM_PROVIDER_CONTEXT3"
    memory = WildMemory(struct, chosen={f"{struct}.type": type_}, targets={})
    array = (ctypes.c_uint64 * 1)(memory.address)
    give = ctypes.CDLL(str(path)).give
    give.argtypes = (ctypes.c_uint64,)
    give(ctypes.addressof(array))

    with (
        Session(Library(path)) as session,
        pytest.raises(MalformedAnswer, match=f"{NAME}Enum3 gave a malformed answer"),
    ):
        enumerate_tunnel_policies(session)


# ---- what an engine may lack ----


@pytest.mark.parametrize("known", range(NEWEST))
def test_older_engine_is_read_by_the_newest_generation_that_it_knows(
    session: Session, simulator: Simulator, known: int
) -> None:
    simulator.populate(100, seed=5)
    expected = enumerate_tunnel_policies(session, generation=known)
    before = {n: simulator.calls(f"{NAME}Enum{n}") for n in range(NEWEST + 1)}
    for generation in range(known + 1, NEWEST + 1):
        simulator.fail(f"{NAME}Enum{generation}", 1745, times=0)

    found = enumerate_tunnel_policies(session)

    assert found == expected
    calls = [simulator.calls(f"{NAME}Enum{n}") - before[n] for n in range(NEWEST + 1)]
    assert calls[known + 1 :] == [1] * (NEWEST - known)  # not again for each type
    assert sum(calls[:known]) == 0


def test_functions_of_vista_can_be_asked_for(library: Library, simulator: Simulator) -> None:
    simulator.populate(100, seed=5)
    with Engine(library, generation=0) as engine:
        found = engine.tunnel_policies()

    assert {each.type for each in found} == {2, 4}
    assert [simulator.calls(f"{NAME}Enum{n}") for n in (1, 2, 3)] == [0, 0, 0]
    assert_nothing_is_left(simulator)


def test_library_without_the_functions_is_reported(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = Library.function

    def lacking(library: Library, name: str) -> object:
        if name.startswith(NAME):
            raise NotSupported(1745, name)
        return function(library, name)

    monkeypatch.setattr(Library, "function", lacking)

    with pytest.raises(NotSupported):
        enumerate_tunnel_policies(session)


# ---- limits ----


def test_policies_that_take_too_much_memory_are_an_error(
    session: Session, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = made(1, 9)
    long.name = "x" * 60_000
    for number in range(1, 40):
        long.context_id = number
        simulator.put_provider_context(long.tree())
    assert len(enumerate_tunnel_policies(session)) == 39
    monkeypatch.setattr(tunnel_policies, "MAX_BYTES", 1 << 20)

    with pytest.raises(EnumerationTooLarge, match=f"{NAME}Enum3 gave more than 1 MiB"):
        enumerate_tunnel_policies(session, size=5)

    assert simulator.open_enumerations() == simulator.unfreed_blocks() == 0


def test_policies_are_weighed_one_by_one(
    session: Session, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = made(1, 9)
    one.addresses = [(V6, bytes(16))] * MAX_ADDRESSES
    for number in range(1, 80):
        one.context_id = number
        simulator.put_provider_context(one.tree())
    monkeypatch.setattr(tunnel_policies, "MAX_BYTES", 1 << 20)
    read: list[int] = []

    def counted(address: int, generation: int, ipv6_order: Ipv6Order) -> ProviderContext:
        read.append(address)
        return read_provider_context(address, generation, ipv6_order)

    monkeypatch.setattr(tunnel_policies, "read_provider_context", counted)

    with pytest.raises(EnumerationTooLarge, match="more than 1 MiB"):
        enumerate_tunnel_policies(session)

    assert len(read) * MAX_ADDRESSES * sys.getsizeof(bytes(16)) < 2 << 20  # not the whole page
    assert simulator.open_enumerations() == simulator.unfreed_blocks() == 0


def test_name_with_too_many_addresses_is_a_malformed_answer(
    session: Session, simulator: Simulator
) -> None:
    one = made(1, 9)
    one.addresses = [(V4, bytes(16))] * MAX_ADDRESSES
    simulator.put_provider_context(one.tree())
    assert enumerate_tunnel_policies(session) == [one.expected()]
    one.addresses.append(one.addresses[0])
    simulator.put_provider_context(one.tree())

    with pytest.raises(MalformedAnswer, match=f"{NAME}Enum3 gave a malformed answer"):
        enumerate_tunnel_policies(session)


def test_page_has_an_entry(session: Session) -> None:
    with pytest.raises(ValueError, match="at least one"):
        enumerate_tunnel_policies(session, size=0)


# ---- failures ----


@pytest.mark.parametrize(("function", "code"), list(product(FUNCTIONS, CODES)))
def test_nothing_is_left_when_any_call_fails_in_any_way(
    library: Library, simulator: Simulator, function: str, code: int
) -> None:
    simulator.populate(50)
    with Session(library) as session:
        expected = enumerate_tunnel_policies(session)
    for after in range(5):
        simulator.clear_failures()
        simulator.fail(function, code, after=after, times=2)
        with suppress(EngineError), Engine(library) as engine:
            for _ in range(2):
                found = engine.tunnel_policies()
                if code != 1745:  # an older generation has fewer tunnels
                    assert found == expected
        assert_nothing_is_left(simulator)


def test_rejection_is_reported(session: Session, simulator: Simulator) -> None:
    simulator.fail(f"{NAME}CreateEnumHandle0", 5, after=1)

    with pytest.raises(AccessDenied):
        enumerate_tunnel_policies(session)


def test_dead_session_is_reopened_once(library: Library, simulator: Simulator) -> None:
    simulator.populate(100)
    with Engine(library) as engine:
        expected = engine.tunnel_policies()
        simulator.fail(f"{NAME}Enum3", 1726, after=1)

        assert engine.tunnel_policies() == expected
        assert engine.incarnation == 2
        simulator.stop_engine()
        with pytest.raises(EngineGone):
            engine.tunnel_policies()
    assert_nothing_is_left(simulator)


class Tunnels(RuleBasedStateMachine):
    """Tunnels under any order of work, change and failure."""

    def __init__(self) -> None:
        super().__init__()
        self.simulator = Simulator(SIMULATOR_PATH)
        self.simulator.reset()
        self.there: dict[int, Made] = {}
        self.engine = Engine(Library(SIMULATOR_PATH))

    @rule(one=contexts, number=st.integers(1, 5))
    def put(self, one: Made, number: int) -> None:
        one.context_id = number
        self.simulator.put_provider_context(one.tree())
        self.there[number] = one

    @rule(number=st.integers(1, 5))
    def delete(self, number: int) -> None:
        was_there = self.there.pop(number, None) is not None
        assert self.simulator.delete_provider_context(number) == was_there

    @rule(
        function=st.sampled_from(FUNCTIONS),
        code=st.sampled_from([code for code in CODES if code != 1745]),
        after=st.integers(0, 6),
        times=st.integers(0, 4),
    )
    def fail(self, function: str, code: int, after: int, times: int) -> None:
        self.simulator.fail(function, code, after=after, times=times)

    @rule()
    def heal(self) -> None:
        self.simulator.clear_failures()

    @rule(option=st.sampled_from((Option.SHUFFLE, Option.EMPTY_BLOCK, Option.SNAPSHOT_CONTENTS)))
    def decide(self, option: Option) -> None:
        self.simulator.set_option(option)

    @rule()
    def restart(self) -> None:
        self.simulator.stop_engine()
        self.simulator.start_engine()

    @rule(size=st.integers(1, 4))
    def enumerate_all(self, size: int) -> None:
        expected = [each.expected() for each in self.there.values() if each.type in TUNNELS[NEWEST]]
        with suppress(EngineError):
            found = self.engine.run_in_session(
                lambda session: enumerate_tunnel_policies(session, size=size)
            )
            assert by_id(found) == by_id(expected)

    @invariant()
    def nothing_is_left(self) -> None:
        assert self.simulator.open_handles() <= 1  # the session
        assert self.simulator.unfreed_blocks() == 0
        assert self.simulator.misuses() == 0

    def teardown(self) -> None:
        self.engine.close()
        assert_nothing_is_left(self.simulator)
        self.simulator.reset()


def test_nothing_is_left_after_any_order_of_work_and_failures() -> None:
    run_state_machine_as_test(
        Tunnels, settings=settings(max_examples=50, stateful_step_count=30, deadline=None)
    )
