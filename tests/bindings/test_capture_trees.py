"""From memory to JSON and back: what is built is what was captured, and keys are in neither."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.capture.build import UNBUILDABLE, Tree
from bindings.capture.file import encoded
from bindings.capture.layout import MAX_ELEMENTS
from bindings.capture.walk import walk
from bindings.connections import decode_connection, read_connection
from bindings.errors import UNREADABLE
from bindings.ike_decode import decode_ike_sa
from bindings.ike_tree import read_ike_sa
from bindings.limits import LIMITS

from . import trees as made
from .connections import AnyConnection, any_connections
from .ike_trees import ike_trees
from .second_reader import read_context
from .test_second_reader import differences


any_tree = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


NEW_IN_TRAFFIC = ("localPort", "ipProtocol", "localIfLuid", "realIfProfileId")


def through_json(name: str, address: int) -> Tree:
    """Build what was captured, after it was text."""
    return Tree(name, json.loads(encoded(walk(name, address))))


@any_tree
@given(st.data())
@pytest.mark.parametrize("generation", [0, 1])
def test_a_context_is_built_as_it_was(generation: int, data: st.DataObject) -> None:
    tree = data.draw(made.trees(generation))
    name = f"IPSEC_SA_CONTEXT{generation}"

    built = through_json(name, tree.address)

    assert walk(name, built.address) == walk(name, tree.address)
    first, second = (read_context(address, generation) for address in (tree.address, built.address))
    assert not differences(first, second)


@any_tree
@given(st.data())
@pytest.mark.parametrize("generation", [0, 1, 2])
def test_a_main_mode_sa_is_built_as_it_was(generation: int, data: st.DataObject) -> None:
    tree = data.draw(ike_trees(generation))
    name = f"IKEEXT_SA_DETAILS{generation}"

    built = through_json(name, tree.address)

    first, second = (
        decode_ike_sa(read_ike_sa(address, generation, Ipv6Order.NETWORK))
        for address in (tree.address, built.address)
    )
    assert not differences(first, second)


@any_tree
@given(any_connections())
def test_a_connection_is_built_as_it_was(connection: AnyConnection) -> None:
    built = through_json("FWPM_CONNECTION0", connection.address)

    first, second = (
        decode_connection(read_connection(address, 0, Ipv6Order.NETWORK))
        for address in (connection.address, built.address)
    )
    assert not differences(first, second)


@any_tree
@given(made.trees(0))
def test_an_older_context_also_builds_a_newer_one(tree: made.Tree) -> None:
    older = walk("IPSEC_SA_CONTEXT0", tree.address)

    built = Tree("IPSEC_SA_CONTEXT1", older)
    newer = walk("IPSEC_SA_CONTEXT1", built.address)

    for name in ("inboundSa", "outboundSa"):
        if older[name] is not None:
            traffic, bundle = newer[name].pop("traffic"), newer[name].pop("saBundle")
            assert [traffic.pop(each) for each in NEW_IN_TRAFFIC] == [0] * len(NEW_IN_TRAFFIC)
            assert traffic == older[name].pop("traffic")
            assert (bundle.pop("qmFilterId"), UUID(bundle.pop("saLookupContext")).int) == (0, 0)
            assert bundle == older[name].pop("saBundle")
            assert set(newer[name].pop("virtualIfTunnelInfo").values()) == {0}
    assert newer == older


@any_tree
@given(made.trees(copyable=True))
def test_no_key_is_captured(tree: made.Tree) -> None:
    text = encoded(walk("IPSEC_SA_CONTEXT1", tree.address))

    assert made.CANARY not in text
    assert made.CANARY.hex().encode() not in text


def valid() -> dict[str, Any]:
    return {
        "fieldKey": "d9ee00de-c1ef-4617-bfe3-ffd8f5a08957",
        "matchType": 0,
        "conditionValue": {"type": 12, "byteBlob": {"size": 2, "data": "00ff"}},
    }


def test_the_valid_condition_is_built() -> None:
    name = "FWPM_FILTER_CONDITION0"

    built = Tree(name, valid())
    assert walk(name, built.address) == valid()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("fieldKey", 5),
        ("fieldKey", "d9ee00de"),
        ("matchType", -1),
        ("matchType", 2**32),
        ("matchType", 0.5),
        ("matchType", None),
        ("other", 1),
        ("conditionValue", []),
        ("conditionValue", 7),
        ("conditionValue.type", "FWP_UINT8"),
        ("conditionValue.type", 1),
        ("conditionValue.uint64", 1),
        ("conditionValue.tokenAccessInformation", {"size": 0, "data": None}),
        ("conditionValue.byteBlob", "00ff"),
        ("conditionValue.byteBlob.size", 3),
        ("conditionValue.byteBlob.size", None),
        ("conditionValue.byteBlob.data", "0"),
        ("conditionValue.byteBlob.data", 12),
        ("conditionValue.byteBlob.data", ["00", "ff"]),
    ],
)
def test_what_does_not_fit_a_struct_is_not_built(path: str, value: object) -> None:
    changed = valid()
    *before, last = path.split(".")
    place = changed
    for name in before:
        place = place[name]
    place[last] = value

    with pytest.raises(UNBUILDABLE):
        Tree("FWPM_FILTER_CONDITION0", changed)


@pytest.mark.parametrize(
    "text", ["", "S-1", "S-1-", "S-999-5", "S-1-5-4294967296", "S-1-5" + "-1" * 16, "S-1-5-x", 5]
)
def test_what_is_no_sid_is_not_built(text: object) -> None:
    with pytest.raises(UNBUILDABLE):
        Tree("FWP_VALUE0", {"type": 13, "sid": text})


@pytest.mark.parametrize("text", ["S-1-5", "S-1-5-32-544", "S-1-0x010000000000-7", "S-255-0-0"])
def test_a_sid_is_built(text: str) -> None:
    value = {"type": 13, "sid": text}

    built = Tree("FWP_VALUE0", value)
    assert walk("FWP_VALUE0", built.address) == value


def test_bytes_are_copied_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LIMITS, "max_record_elements", MAX_ELEMENTS)
    value = {"type": 12, "byteBlob": {"size": MAX_ELEMENTS, "data": "5a" * MAX_ELEMENTS}}
    began = time.process_time()

    built = Tree("FWP_VALUE0", value)

    assert time.process_time() - began < 0.5  # byte by byte: 2 seconds
    assert walk("FWP_VALUE0", built.address) == value


def test_an_impossible_count_is_not_followed() -> None:
    size = LIMITS.max_record_elements + 1
    blob = ffi.new("FWP_BYTE_BLOB *", {"size": size, "data": ffi.cast("UINT8 *", 1)})

    with pytest.raises(UNREADABLE):
        walk("FWP_BYTE_BLOB", int(ffi.cast("uintptr_t", blob)))
