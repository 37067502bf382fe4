"""What an engine leaves out of its structs is neither followed nor shown.

Microsoft's interface definitions say which arm of a union exists for which value of its
discriminator, and which field counts an array. Memory outside of that may be stale.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import pytest

from bindings._fwpuclnt import ffi
from bindings.capture.walk import walk as walk_struct
from bindings.enums import DataType
from bindings.errors import MalformedAnswer, reading
from bindings.filters import read_filter
from bindings.limits import LIMITS
from bindings.memory import MAX_ARRAY_BYTES
from bindings.values import read_condition_value, read_sid
from tests.conftest import SIMULATOR_PATH

from .union_walk import CAPTURED, COPIERS, READERS, Read, cases
from .wild_memory import (
    ABI,
    FACTS,
    NOWHERE,
    OUT_OF_REACH,
    Target,
    WildMemory,
    fields_of,
    struct_name,
    unions_of,
)


ROOT: Final = Path(__file__).parents[2]
TIMEOUT_SECONDS: Final = 300

UNREAD: Final = {
    *("authKey.data", "cipherKey.data", "stateBlob.data", "correlationKey.data"),
    *("presharedKey", "presharedKey.data", "certificate.data"),
    *("tokenAccessInformation", "tokenAccessInformation.data", "providerData.data", "reserved"),
    *("appId.data", "userId", "packageSid", "enterpriseId", "effectiveName.data"),
    *("localPrincipalGroupSids", "remotePrincipalGroupSids"),
    *("classifyDrop", "classifyAllow", "classifyDropMac", "lpmPacketArrival"),
    *("capabilityDrop", "capabilityAllow"),
    *("keyingPolicy", "ikeQmTransportPolicy", "authipQmTransportPolicy", "ikeV2QmTransportPolicy"),
    *("ikeMmPolicy", "authIpMmPolicy", "ikeV2MmPolicy", "dataBuffer", "classifyOptions"),
    *("idpOptions", "networkConnectionPolicy"),
    *("ipsecProposals", "emPolicy", "trafficSelectorPolicies"),
}
"""Pointers that no reader follows: keys, credentials, policies, users, other opaque data."""

OPTION: Final = "FWP_VALUE0"
"""The root of an engine's option, a number: none of its pointers is followed."""

IN_UNION: Final = {
    *(DataType.UINT8, DataType.UINT16, DataType.UINT32),
    *(DataType.INT8, DataType.INT16, DataType.INT32, DataType.FLOAT),
}
"""Types whose value is in the union itself (FWP_VALUE0, fwptypes.h)."""

_WRITTEN: Final = "the bindings fill it in; the engine reads it"
_HOST: Final = "Windows' own, in memory of the bindings; no pointer of it is read"
NOT_WALKED: Final = {
    "FWPM_SESSION0": _WRITTEN,
    "FWPM_CONNECTION_SUBSCRIPTION0": _WRITTEN,
    "FWPM_NET_EVENT_SUBSCRIPTION0": _WRITTEN,
    "FWPM_NET_EVENT_ENUM_TEMPLATE0": _WRITTEN,
    "FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0": _WRITTEN,
    "IPSEC_SA_CONTEXT_SUBSCRIPTION0": _WRITTEN,
    "QUERY_SERVICE_CONFIGW": _HOST,
    "CRYPT_HASH_BLOB": "the bindings fill it in; crypt32 reads it",
    "CERT_CONTEXT": "crypt32's; test_certificates gives hostile values to what is read",
}
"""Declared structs with pointers that no reader reads, and why."""


@cache
def walk(root: str, *library: str) -> dict[str, list[str]]:
    """Walk through a struct in a process of its own, for a wrong reader ends it."""
    program = f"import sys; sys.path[:0] = {sys.path!r}; from tests.bindings.union_walk import main"
    walked = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", f"{program}; main()", root, *library],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    last = (walked.stdout.splitlines() or [""])[-1]
    if walked.returncode:
        pytest.fail(f"{last}: the reader crashed\n{walked.stderr}")
    found: dict[str, list[str]] = json.loads(last)
    return found


@pytest.mark.parametrize("root", READERS)
def test_reader_neither_follows_nor_shows_what_does_not_exist(root: str) -> None:
    assert walk(root)["wrong"] == []


@pytest.mark.parametrize("root", [root for root in READERS if root != OPTION])
def test_reader_shows_what_pointers_lead_to_unless_it_is_listed(root: str) -> None:
    """Otherwise a reader that reads nothing would pass."""
    assert {pointer_name(path) for path in walk(root)["unread"]} <= UNREAD


@pytest.mark.parametrize("address", OUT_OF_REACH)
@pytest.mark.parametrize("root", [root for root in READERS if root != OPTION])
def test_pointer_out_of_reach_is_a_malformed_answer(root: str, address: int) -> None:
    spots = WildMemory(root, chosen={}, targets={}).spots
    pointers = [spot.path for spot in spots if not spot.values]

    for path in pointers:
        memory = WildMemory(root, chosen={}, targets={path: Target(address)})
        try:
            with reading("Function0"):
                READERS[root](memory.address)
        except MalformedAnswer:
            continue
        assert pointer_name(path) in UNREAD


@pytest.mark.parametrize(
    ("readers", "root"),
    [(readers, root) for readers in (READERS, CAPTURED) for root in readers if root != OPTION],
)
def test_absurd_count_is_a_malformed_answer(readers: dict[str, Read], root: str) -> None:
    """Each count of each arm: a reader that believed one would crash at the first element."""
    counted = [
        (case.chosen, path)
        for case in cases(root, {}, set())
        for path, target in case.targets.items()
        if target == Target(NOWHERE, 0)
    ]
    for chosen, path in counted:
        for count in (LIMITS.max_record_elements + 1, 2**32 - 1):
            memory = WildMemory(root, chosen=chosen, targets={path: Target(NOWHERE, count)})
            try:
                with reading("Function0"):
                    readers[root](memory.address)
            except MalformedAnswer:
                continue
            assert pointer_name(path) in UNREAD

    assert counted or root.startswith("FWPM_NET_EVENT")


@pytest.mark.parametrize("read", [read_filter, partial(walk_struct, "FWPM_FILTER0")])
def test_array_whose_elements_share_one_long_blob_is_a_malformed_answer(
    read: Callable[[int], object],
) -> None:
    """A few megabytes of memory that read as four gigabytes."""
    count = LIMITS.max_record_elements
    content = ffi.new("UINT8[]", count)
    blob = ffi.new("FWP_BYTE_BLOB *", {"size": count, "data": content})
    value = {"type": DataType.BYTE_BLOB, "byteBlob": blob}
    conditions = ffi.new("FWPM_FILTER_CONDITION0[]", count)
    conditions[0].conditionValue = value
    part = ffi.buffer(conditions)[: ffi.sizeof("FWPM_FILTER_CONDITION0")]
    ffi.buffer(conditions)[:] = part * count
    filter_ = ffi.new(
        "FWPM_FILTER0 *", {"numFilterConditions": count, "filterCondition": conditions}
    )
    tracemalloc.start()

    with pytest.raises(MalformedAnswer), reading("Function0"):
        read(int(ffi.cast("uintptr_t", filter_)))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * MAX_ARRAY_BYTES


@pytest.mark.parametrize("data_type", DataType)
@pytest.mark.parametrize("address", OUT_OF_REACH)
def test_value_out_of_reach_is_a_malformed_answer(data_type: DataType, address: int) -> None:
    try:
        with reading("Function0"):
            _, content = read_condition_value(data_type, address)
    except MalformedAnswer:
        return
    assert data_type in IN_UNION or content is None


@pytest.mark.parametrize(("count", "is_read"), [(0, True), (15, True), (16, False), (255, False)])
def test_sid_has_at_most_15_sub_authorities(count: int, is_read: bool) -> None:
    """SID_MAX_SUB_AUTHORITIES (winnt.h)."""
    content = bytes((1, count, 0, 0, 0, 0, 0, 5)) + bytes((7, 0, 0, 0)) * count
    memory = ffi.from_buffer(content)

    sid = read_sid(int(ffi.cast("uintptr_t", memory)))

    assert sid == ("-".join(["S-1-5", *["7"] * count]) if is_read else None)


def pointer_name(path: str) -> str:
    """Return the field's name, with that of the blob before it if it is a blob's."""
    *before, name = path.replace("[0]", "").split(".")
    return f"{before[-1]}.{name}" if name == "data" else name


@pytest.mark.parametrize("root", COPIERS)
def test_simulator_does_not_copy_what_does_not_exist(root: str) -> None:
    """Or it would hide from the other tests that a reader follows it."""
    assert walk(root, str(SIMULATOR_PATH))["wrong"] == []


def test_every_declared_struct_with_a_choice_is_walked_or_listed() -> None:
    walked = {name for root in READERS for name in walk(root)["structs"]}
    wanted = {name for name in _declared() if _has_a_choice(name)}

    assert wanted - walked == set(NOT_WALKED)


def _declared() -> dict[str, Any]:
    typedefs, _, _ = ffi.list_types()
    types = {name: ffi.typeof(name) for name in typedefs}
    return {struct_name(ctype): ctype for ctype in types.values() if ctype.kind == "struct"}


def _has_a_choice(name: str) -> bool:
    """Tell whether a struct has unions, counts or pointers."""
    fields = fields_of(_declared()[name])
    return bool(FACTS.get(name)) or any(field.type.kind == "pointer" for field in fields.values())


def test_facts_are_of_the_declared_structs() -> None:
    """A new declaration needs its facts from Microsoft's definitions, if only an empty entry."""
    assert set(FACTS) == set(ABI["structs"])


@pytest.mark.parametrize("name", _declared())
def test_fields_share_memory_only_as_arms_of_a_known_union(name: str) -> None:
    arms = {
        member: number
        for number, union in enumerate(unions_of(name))
        for arm in union["arms"]
        for member in arm["members"]
    }
    end, last = 0, ""
    for member, field in fields_of(_declared()[name]).items():
        if field.offset < end:
            assert member in arms, member
            assert arms[member] == arms[last], member
        end, last = max(end, field.offset + ffi.sizeof(field.type)), member
