"""Results that hold nothing or contradict themselves.

No array behind a count, no count before an array, no notification; entries that are NULL, that no
process can have, or that nobody asked for.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from bindings.connection_events import subscribe_to_connections
from bindings.connections import Connections
from bindings.enums import ProviderContextType
from bindings.errors import EnumerationTooLarge, MalformedAnswer
from bindings.ike_sas import IkeSas
from bindings.library import REQUIRED, Library
from bindings.limits import LIMITS
from bindings.net_events import enumerate_net_events, subscribe_to_net_events
from bindings.sa_contexts import SaContexts
from bindings.session import Session
from bindings.subscriptions import Subscription, subscribe_to_sa_contexts
from bindings.tunnel_policies import enumerate_tunnel_policies

from .test_library import compile_library
from .wild_memory import NOWHERE, OUT_OF_REACH, WildMemory


ENUMERATIONS: Final[dict[str, tuple[str, Callable[[Session], list[object]]]]] = {
    "IPsecSaContext": ("Enum1", lambda session: [*SaContexts(session).pages(size=3)]),
    "IkeextSa": ("Enum2", lambda session: [*IkeSas(session).pages(size=3)]),
    "FwpmConnection": ("Enum0", lambda session: [*Connections(session).pages(size=3)]),
    "FwpmNetEvent": ("Enum5", lambda session: [*enumerate_net_events(session, size=3)]),
    "FwpmProviderContext": (
        "Enum3",
        lambda session: [*enumerate_tunnel_policies(session, size=3)],
    ),
}
"""Each enumeration: the start of its functions' names, its newest function, what reads it."""

SOURCE: Final = """
static unsigned long long address;
static unsigned count;

void give(unsigned long long array, unsigned entries)
{
    address = array;
    count = entries;
}

static int enumerate(void *session, void *handle, unsigned wanted, void **array, unsigned *entries)
{
    *array = (void *)address;
    *entries = count;
    return 0;
}
"""


@pytest.fixture
def session(simulator: Simulator) -> Iterator[Session]:
    with Session(Library(simulator.path)) as session:
        yield session


@pytest.fixture
def empty_library(tmp_path: Path) -> Path:
    """A library whose enumerations return what a test chooses."""
    stubs = [*REQUIRED]
    enumerations = ""
    for name, (newest, _) in ENUMERATIONS.items():
        stubs += [f"{name}CreateEnumHandle0", f"{name}DestroyEnumHandle0"]
        enumerations += (
            f"int {name}{newest}(void *s, void *h, unsigned n, void **a, unsigned *c)"
            "{ return enumerate(s, h, n, a, c); }"
        )
    source = "".join(f"int {name}(void) {{ return 0; }}" for name in dict.fromkeys(stubs))
    return compile_library(tmp_path, SOURCE + source + enumerations)


@pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")
@pytest.mark.parametrize("name", ENUMERATIONS)
@pytest.mark.parametrize(("array", "count"), [(0, 0), (0, 3), (NOWHERE, 0), (2**64 - 1, 0)])
def test_enumeration_without_entries_ends(
    empty_library: Path, name: str, array: int, count: int
) -> None:
    assert enumerated(empty_library, name, array, count) in ([], [[]])


def enumerated(library: Path, name: str, array: int, count: int) -> list[object]:
    """Return what is read of an enumeration of pages of 3 that gives this."""
    _, read = ENUMERATIONS[name]
    give = ctypes.CDLL(str(library)).give
    give.argtypes = (ctypes.c_uint64, ctypes.c_uint32)
    give(array, count)
    with Session(Library(library)) as session:
        return read(session)


@pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")
@pytest.mark.parametrize("name", ENUMERATIONS)
@pytest.mark.parametrize("entries", [(0,), (0, 0, 0), *((each,) for each in OUT_OF_REACH)], ids=str)
def test_entries_that_lead_nowhere_are_a_malformed_answer(
    empty_library: Path, name: str, entries: tuple[int, ...]
) -> None:
    array = (ctypes.c_uint64 * len(entries))(*entries)

    with pytest.raises(MalformedAnswer, match=name):
        enumerated(empty_library, name, ctypes.addressof(array), len(entries))


@pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")
@pytest.mark.parametrize("name", ENUMERATIONS)
@pytest.mark.parametrize(
    ("array", "count"),
    [(NOWHERE, 4), (NOWHERE, 2**32 - 1), *((each, 1) for each in OUT_OF_REACH)],
    ids=str,
)
def test_array_of_more_than_was_asked_for_or_out_of_reach_is_a_malformed_answer(
    empty_library: Path, name: str, array: int, count: int
) -> None:
    with pytest.raises(MalformedAnswer, match=name):
        enumerated(empty_library, name, array, count)


@pytest.mark.skipif(os.name == "nt", reason="there is no compiler under Wine")
@pytest.mark.parametrize(
    ("name", "struct"),
    [
        ("IPsecSaContext", "IPSEC_SA_CONTEXT1"),
        ("IkeextSa", "IKEEXT_SA_DETAILS2"),
        ("FwpmConnection", "FWPM_CONNECTION0"),
        ("FwpmNetEvent", "FWPM_NET_EVENT5"),
        ("FwpmProviderContext", "FWPM_PROVIDER_CONTEXT3"),
    ],
)
def test_endless_enumeration_is_ended(
    empty_library: Path, name: str, struct: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library returns the same full page for ever."""
    monkeypatch.setattr(LIMITS, "max_enumeration_objects", 1000)
    tunnel = {"FWPM_PROVIDER_CONTEXT3.type": int(ProviderContextType.IPSEC_IKE_QM_TUNNEL_CONTEXT)}
    memory = WildMemory(struct, chosen=tunnel, targets={})
    array = (ctypes.c_uint64 * 3)(*[memory.address] * 3)

    with pytest.raises(EnumerationTooLarge, match=rf"{name}Enum\d gave more than 1,000 objects"):
        enumerated(empty_library, name, ctypes.addressof(array), 3)


@pytest.mark.parametrize(
    ("subscribe", "nothing"),
    [
        (subscribe_to_sa_contexts, (ffi.NULL,)),
        (subscribe_to_connections, (0, ffi.NULL)),
        (subscribe_to_net_events, (ffi.NULL,)),
    ],
)
def test_notification_of_nothing_is_ignored(
    session: Session, subscribe: Callable[..., Subscription], nothing: tuple[object, ...]
) -> None:
    received: list[object] = []
    with subscribe(session, lambda *event: received.append(event)) as subscription:
        subscription.receive(*nothing)

    assert received == []
