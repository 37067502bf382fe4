"""A replayed capture answers as the captured engine did; a damaged one is one error."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Crowd, Option, Simulator

from bindings._fwpuclnt import ffi
from bindings.capture import file as capture_file
from bindings.capture.file import CaptureUnreadable, Line, compressed, encoded, read_capture
from bindings.capture.record import record
from bindings.capture.replay import MAX_EXPLAINED, differences
from bindings.enums import ProviderContextType
from bindings.indirect_strings import display_name
from bindings.interfaces import interface_aliases, replay_aliases
from bindings.library import Library
from bindings.policy import ProviderContext
from bindings.session import Session
from bindings.tunnel_policies import TunnelTemplateMemory, enumerate_tunnel_policies
from tests.captures import capture

from . import trees as made
from .connections import AnyConnection, any_connections
from .ike_trees import ike_trees


SECRET_NUMBER = 0x4352414E41525921  # SA_SIMULATOR_CANARY_NUMBER (sa_simulator.h)
OTHER_TRAFFIC = 3  # FWPM_NET_EVENT_TYPE_CLASSIFY_DROP
ACCESS_DENIED, NOT_SUPPORTED, IKEEXT_NOT_RUNNING = 5, 1745, 0x80320044
RPC_BAD_STUB_DATA = 1783

GET_FILTER, GET_CONTEXT = "FwpmFilterGetById", "FwpmProviderContextGetBy"
FILTER_FIELDS = {
    *("filterKey", "displayData", "flags", "providerKey", "layerKey", "subLayerKey"),
    *("action", "rawContext", "providerContextKey", "filterId", "effectiveWeight"),
}
WITH_SECRETS = {
    ProviderContextType.IPSEC_IKE_MM_CONTEXT,
    ProviderContextType.IPSEC_AUTHIP_MM_CONTEXT,
    ProviderContextType.IPSEC_IKEV2_MM_CONTEXT,
}
"""The types of the provider contexts that may contain preshared keys."""

some_trees = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[*HealthCheck],
)


@pytest.fixture(autouse=True)
def _no_aliases() -> Iterator[None]:
    yield
    replay_aliases({})


def answers(library: Library) -> list[Line]:
    with Session(library) as session:
        return [*record(session, lambda _luid: None)]


def different(library: Library, path: Path) -> list[str]:
    with Session(library) as session:
        return [*differences(path, session)]


def populate(simulator: Simulator) -> None:
    simulator.populate(120, seed=3)
    simulator.churn(200)
    simulator.net_events(60, seed=5)
    for type_ in (OTHER_TRAFFIC, 77):
        simulator.net_event(type_, 0, seed=9)


def test_a_replay_answers_as_the_captured_engine(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    before = capture(library, tmp_path / "capture")

    simulator.replay(tmp_path / "capture")

    assert answers(library) == [
        line | {"leftOut": 0} if "leftOut" in line else line for line in before
    ]
    assert different(library, tmp_path / "capture") == []
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def test_a_capture_has_all_objects_in_every_generation(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    lines = capture(library, tmp_path / "capture")

    counts = {line["function"]: line["count"] for line in lines if "count" in line}
    assert counts == {
        **{f"IPsecSaContextEnum{n}": simulator.count() for n in (0, 1)},
        **{f"IkeextSaEnum{n}": simulator.count_ike_sas() for n in range(3)},
        "FwpmConnectionEnum0": len(simulator.connections()),
        **{f"FwpmNetEventEnum{n}": 61 for n in range(6)},
        **{f"FwpmProviderContextEnum{n}": len(tunnels(library, generation=n)) for n in range(4)},
    }
    contexts = [line["value"] for line in lines if line.get("struct") == "IPSEC_SA_CONTEXT1"]
    assert [value["saContextId"] for value in contexts] == simulator.ids()
    assert {
        line["leftOut"] for line in lines if "NetEvent" in line["function"] and "count" in line
    } == {1}


def test_connections_are_captured_from_an_engine_that_takes_0_for_an_id(
    simulator: Simulator, library: Library
) -> None:
    simulator.populate(20, seed=3)
    simulator.set_option(Option.ZERO_MATCHES_NONE)

    captured = [
        line["value"]["connectionId"]
        for line in answers(library)
        if line.get("struct") == "FWPM_CONNECTION0"
    ]

    assert sorted(captured, key=int) == simulator.connections()
    assert captured


def test_no_key_is_in_a_capture(simulator: Simulator, library: Library, tmp_path: Path) -> None:
    populate(simulator)
    lines = capture(library, tmp_path / "capture")

    assert {line["value"]["type"] for line in policy_of(lines, GET_CONTEXT)} >= WITH_SECRETS
    text = gzip.decompress((tmp_path / "capture").read_bytes()).decode()
    assert str(SECRET_NUMBER) not in text
    assert made.CANARY.decode() not in text
    assert made.CANARY.hex() not in text


def test_equal_answers_give_equal_files(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    for name in ("one", "other"):
        capture(library, tmp_path / name)

    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


@some_trees
@given(
    contexts=st.lists(
        made.trees(copyable=True), max_size=4, unique_by=lambda t: t.context.saContextId
    ),
    ike_sas=st.lists(ike_trees(copyable=True), max_size=4, unique_by=lambda t: t.context.saId),
    connections=st.lists(
        any_connections(copyable=True), max_size=4, unique_by=lambda c: c.struct.connectionId
    ),
)
def test_a_replay_of_any_objects_answers_as_the_captured_engine(
    library: Library,
    tmp_path_factory: pytest.TempPathFactory,
    contexts: list[made.Tree],
    ike_sas: list[made.Tree],
    connections: list[AnyConnection],
) -> None:
    simulator = Simulator(library.path)
    simulator.reset()
    for tree in contexts:
        simulator.put(tree.address)
    for tree in ike_sas:
        simulator.put_ike_sa(tree.address)
    for derived in simulator.connections():
        simulator.delete_connection(derived)
    for connection in connections:
        if connection.struct.connectionId:
            simulator.put_connection(connection.address)
    path = tmp_path_factory.mktemp("any") / "capture"
    before = capture(library, path)

    simulator.replay(path)

    assert answers(library) == before


def test_errors_are_captured_and_replayed(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(5)
    simulator.fail("IkeextSaCreateEnumHandle0", IKEEXT_NOT_RUNNING, times=0)
    simulator.fail("IPsecSaContextEnum1", NOT_SUPPORTED, times=0)
    simulator.fail("IPsecGetStatistics1", ACCESS_DENIED, times=0)
    before = capture(library, tmp_path / "capture")

    simulator.replay(tmp_path / "capture")

    assert answers(library) == before
    assert {line["function"]: line["error"] for line in before if "error" in line} == {
        "IkeextSaCreateEnumHandle0": IKEEXT_NOT_RUNNING,
        "IPsecSaContextEnum1": NOT_SUPPORTED,
        "IPsecGetStatistics1": ACCESS_DENIED,
    }


def test_an_error_that_passed_is_not_replayed(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(5)
    simulator.fail("FwpmConnectionCreateEnumHandle0", ACCESS_DENIED)
    capture(library, tmp_path / "capture")
    simulator.fail("IkeextSaCreateEnumHandle0", ACCESS_DENIED, times=1)
    capture(library, tmp_path / "other")

    simulator.replay(tmp_path / "other")

    errors = {line["function"] for line in answers(library) if "error" in line}
    assert errors == set()


def test_an_enumeration_that_failed_after_some_objects_is_replayed_as_failed(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(1200)
    simulator.fail("IPsecSaContextEnum1", ACCESS_DENIED, after=1, times=0)
    before = capture(library, tmp_path / "capture")

    simulator.replay(tmp_path / "capture")

    assert any(line["function"] == "IPsecSaContextEnum1" and "value" in line for line in before)
    assert {line["function"]: line["error"] for line in answers(library) if "error" in line} == {
        "IPsecSaContextEnum1": ACCESS_DENIED
    }


@pytest.mark.parametrize("is_on", [True, False])
def test_options_are_replayed(
    simulator: Simulator, library: Library, tmp_path: Path, is_on: bool
) -> None:
    populate(simulator)
    simulator.collect_net_events(is_on)
    simulator.monitor_connections(is_on)
    before = capture(library, tmp_path / "capture")

    simulator.replay(tmp_path / "capture")

    options = {line["argument"]: line["value"] for line in answers(library)[:6]}
    assert options == {line["argument"]: line["value"] for line in before[:6]}
    assert options[0] == options[3] == {"type": 3, "uint32": int(is_on)}
    assert different(library, tmp_path / "capture") == []


def test_functions_that_the_host_lacked_are_not_supported(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(5)
    lines = [line for line in answers(library) if line["function"] != "IPsecSaContextEnum1"]
    exported = library.functions() | {"IPsecSaContextEnum1": False, "IPsecSaContextGetById1": False}
    (tmp_path / "capture").write_bytes(compressed({"functions": exported}, lines))

    simulator.replay(tmp_path / "capture")

    lacking = {"function": "IPsecSaContextEnum1", "error": NOT_SUPPORTED}
    assert lacking in answers(library)
    contexts = [line for line in lines if line["function"] == "IPsecSaContextEnum0"]
    assert [
        line for line in answers(library) if line["function"] == "IPsecSaContextEnum0"
    ] == contexts


def test_names_of_interfaces_are_replayed(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(20)
    lines = capture(library, tmp_path / "capture", alias=lambda luid: f"Ethernet {luid}")
    luids = [line["argument"] for line in lines if "Alias" in line["function"]]

    simulator.replay(tmp_path / "capture")

    alias = interface_aliases()
    assert luids
    assert [alias(luid) for luid in luids] == [f"Ethernet {luid}" for luid in luids]
    assert alias(2**63) is None


def test_differences_name_the_field(simulator: Simulator, library: Library, tmp_path: Path) -> None:
    simulator.populate(3)
    lines = answers(library)
    older = [line for line in lines if line.get("struct") == "IPSEC_SA_CONTEXT0"]
    bundle = older[0]["value"]["inboundSa"]["saBundle"]
    was, bundle["idleTimeoutSeconds"] = bundle["idleTimeoutSeconds"], 7
    older[1]["value"]["saContextId"] = 1
    (tmp_path / "capture").write_bytes(compressed({"functions": {}}, lines))

    simulator.replay(tmp_path / "capture")
    changed, other, only = different(library, tmp_path / "capture")

    first, second, _ = (f"IPsecSaContextEnum0 {context_id}" for context_id in simulator.ids())
    where = "inboundSa.saBundle.idleTimeoutSeconds"
    assert changed == f"{first}.{where}: 7 in the capture, {was} here"
    assert other.startswith(f"{second}: None in the capture, {{'saContextId': ")
    assert only == "IPsecSaContextEnum0 1: only in the capture"


def test_only_the_first_differences_are_explained(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(MAX_EXPLAINED + 5)
    lines = answers(library)
    for line in lines:
        if line.get("struct") == "IPSEC_SA_CONTEXT0":
            line["value"]["flags"] = 77
    (tmp_path / "capture").write_bytes(compressed({"functions": {}}, lines))
    with Session(library) as session:
        found = [*differences(tmp_path / "capture", session)]

    keys = [f"IPsecSaContextEnum0 {each}" for each in simulator.ids()]
    assert found[:MAX_EXPLAINED] == [
        f"{key}.flags: 77 in the capture, None here" for key in keys[:MAX_EXPLAINED]
    ]
    assert found[MAX_EXPLAINED:] == [f"{key}: differs" for key in keys[MAX_EXPLAINED:]]


@pytest.mark.usefixtures("simulator")
def test_a_comparison_does_not_hold_the_capture(library: Library, tmp_path: Path) -> None:
    older = {"function": "IPsecSaContextEnum0", "value": {"a": [{}] * 10_000}}
    written(tmp_path / "capture", *[older] * 100)
    with Session(library) as session:
        tracemalloc.start()
        found = [*differences(tmp_path / "capture", session)]
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert sum(each.startswith("IPsecSaContextEnum0 ") for each in found) == 100
    assert peak < 8 << 20  # one answer has 0.7 MB


@pytest.mark.parametrize("extra", [{"function": 5}, {"function": "IkeextSaEnum0", "value": 5}])
def test_a_header_is_no_answer(
    simulator: Simulator, library: Library, tmp_path: Path, extra: Line
) -> None:
    simulator.populate(3)
    header = {"functions": library.functions(), **extra}
    (tmp_path / "capture").write_bytes(compressed(header, answers(library)))

    assert different(library, tmp_path / "capture") == []


def test_an_error_with_a_value_is_an_error(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    line = {"function": "IPsecSaContextEnum0", "error": ACCESS_DENIED, "value": 5}
    written(tmp_path / "capture", context_line(), line)
    simulator.replay(tmp_path / "capture")

    found = different(library, tmp_path / "capture")
    assert not [each for each in found if each.startswith("IPsecSaContextEnum")]


# ---- filters and provider contexts ----


def policy_of(lines: list[Line], function: str) -> list[Line]:
    """Return the lines with the filters or provider contexts that were found."""
    return [
        line
        for line in lines
        if line["function"].startswith(function) and line.get("value") is not None
    ]


def test_what_objects_refer_to_is_captured_once_and_without_its_conditions(
    simulator: Simulator, library: Library
) -> None:
    populate(simulator)
    lines = answers(library)

    filters, contexts = policy_of(lines, GET_FILTER), policy_of(lines, GET_CONTEXT)
    assert min(len(filters), len(contexts)) > 20
    assert [line["argument"] for line in filters] == [line["value"]["filterId"] for line in filters]
    for line in contexts:
        assert line["argument"] in (
            line["value"]["providerContextId"],
            line["value"]["providerContextKey"],
        )
    asked = [
        (line["function"], line["argument"])
        for line in lines
        if line["function"][:4] == "Fwpm" and "argument" in line
    ]
    assert len(asked) == len(set(asked))
    assert {name for line in filters for name in line["value"]} <= FILTER_FIELDS
    keys = {line["argument"] for line in contexts if "ByKey" in line["function"]}
    assert keys & {line["value"].get("providerContextKey") for line in filters}
    assert [line for line in contexts if "tunnelEndpoints" in json.dumps(line)]


def test_what_was_not_found_is_not_found_in_the_replay(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    found = policy_of(answers(library), GET_FILTER)[0]["argument"]
    simulator.delete_filter(found)
    lines = capture(library, tmp_path / "capture")

    simulator.replay(tmp_path / "capture")

    absent = {
        "function": GET_FILTER + "0",
        "argument": found,
        "struct": "FWPM_FILTER0",
        "value": None,
    }
    assert absent in lines
    assert absent in answers(library)


def test_a_capture_without_policy_is_replayed(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    lines = [
        line
        for line in answers(library)
        if not line["function"].startswith((GET_FILTER, "FwpmProviderContext"))
    ]
    (tmp_path / "capture").write_bytes(compressed({"functions": {}}, lines))

    simulator.replay(tmp_path / "capture")

    replayed = answers(library)
    assert policy_of(replayed, GET_FILTER) == policy_of(replayed, GET_CONTEXT) == []
    assert tunnels_of(replayed) == []
    assert different(library, tmp_path / "capture") == []


def test_lookups_are_bounded(
    simulator: Simulator, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(simulator)
    monkeypatch.setattr("bindings.capture.policy.MAX_REFERENCES", 5)
    answers(library)

    assert simulator.calls("FwpmFilterGetById0") == 5
    assert simulator.calls("FwpmProviderContextGetById3") == 5
    assert simulator.calls("FwpmProviderContextGetByKey3") == 5


def test_an_account_that_may_not_read_filters_is_told_once(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    simulator.fail("FwpmFilterGetById0", ACCESS_DENIED, times=0)
    before = capture(library, tmp_path / "capture")
    assert simulator.calls("FwpmFilterGetById0") == 1

    simulator.replay(tmp_path / "capture")

    assert {"function": "FwpmFilterGetById0", "error": ACCESS_DENIED} in before
    assert {"function": "FwpmFilterGetById0", "error": ACCESS_DENIED} in answers(library)
    assert different(library, tmp_path / "capture") == []


def test_the_newest_function_that_exists_is_used(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    for generation in (3, 2):
        simulator.fail(f"FwpmProviderContextGetById{generation}", NOT_SUPPORTED, times=0)
    before = capture(library, tmp_path / "capture")

    simulator.replay(tmp_path / "capture")

    by_id = policy_of(before, "FwpmProviderContextGetById")
    assert {(line["function"], line["struct"]) for line in by_id} == {
        ("FwpmProviderContextGetById1", "FWPM_PROVIDER_CONTEXT1")
    }
    assert policy_of(answers(library), "FwpmProviderContextGetById") == by_id


def test_names_are_captured_as_they_are_shown(
    simulator: Simulator, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(simulator)
    monkeypatch.setattr("bindings.capture.policy.display_name", lambda text: text and f"the {text}")

    for function in (GET_FILTER, GET_CONTEXT):
        for line in policy_of(answers(library), function):
            assert line["value"]["displayData"]["name"].startswith("the ")
    rules = [
        line["value"]["inboundSa"]["transportFilter"]
        for line in answers(library)
        if line.get("struct", "").startswith("IPSEC_SA_CONTEXT") and line["value"]["inboundSa"]
    ]
    names = [rule["displayData"]["name"] for rule in rules if rule]
    assert any(names)
    assert all(name.startswith("the ") for name in names if name)


# ---- tunnels ----


def tunnels(library: Library, generation: int = 3) -> list[ProviderContext]:
    with Session(library) as session:
        return enumerate_tunnel_policies(session, generation=generation)


def tunnels_of(lines: list[Line], generation: int = 3) -> list[Any]:
    """Return the provider contexts that an enumeration gave."""
    function = f"FwpmProviderContextEnum{generation}"
    return [line["value"] for line in lines if line["function"] == function and "value" in line]


def test_tunnels_are_captured_and_replayed_with_their_ids(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    before = tunnels(library)
    lines = capture(library, tmp_path / "capture")

    simulator.replay(tmp_path / "capture")

    assert len(before) > 40
    assert [value["providerContextId"] for value in tunnels_of(lines)] == [
        each.provider_context_id for each in before
    ]
    assert {value["type"] for value in tunnels_of(lines)} == {2, 4, 9}
    replayed = {each.provider_context_id: each for each in tunnels(library)}
    for each in before:
        assert replayed.pop(each.provider_context_id) == each._replace(
            name=display_name(each.name), description=display_name(each.description)
        )
    assert replayed == {}
    assert simulator.unfreed_blocks() == simulator.open_handles() == simulator.misuses() == 0


def test_older_generations_of_tunnels_are_captured_and_replayed(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    for generation in (3, 2):
        simulator.fail(f"FwpmProviderContextEnum{generation}", NOT_SUPPORTED, times=0)
    before = tunnels(library)
    lines = capture(library, tmp_path / "capture")

    simulator.replay(tmp_path / "capture")

    assert tunnels_of(lines, 3) == tunnels_of(lines, 2) == []
    assert {each.provider_context_id for each in tunnels(library)} == {
        each.provider_context_id for each in before
    }
    assert {line["error"] for line in answers(library) if "ContextEnum3" in line["function"]} == {
        NOT_SUPPORTED
    }


def test_policies_that_were_only_looked_up_are_found_but_not_enumerated(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    populate(simulator)
    simulator.add_crowd(Crowd.USERS, 20)
    lines = capture(library, tmp_path / "capture")
    enumerated = {value["providerContextId"] for value in tunnels_of(lines)}
    found = {line["value"]["providerContextId"] for line in policy_of(lines, GET_CONTEXT)}
    assert len(found - enumerated) > 20

    simulator.replay(tmp_path / "capture")

    assert {each.provider_context_id for each in tunnels(library)} == enumerated
    assert policy_of(answers(library), GET_CONTEXT) == policy_of(lines, GET_CONTEXT)
    assert different(library, tmp_path / "capture") == []


def test_a_difference_of_a_tunnel_is_named(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(3)
    lines = answers(library)
    (first, *_) = tunnels_of(lines, generation=2)
    first["ikeQmTunnelPolicy"]["saIdleTimeout"]["idleTimeoutSeconds"] = 7
    (tmp_path / "capture").write_bytes(compressed({"functions": {}}, lines))

    simulator.replay(tmp_path / "capture")
    (changed,) = different(library, tmp_path / "capture")

    key = f"FwpmProviderContextEnum2 {first['providerContextId']}"
    where = "ikeQmTunnelPolicy.saIdleTimeout.idleTimeoutSeconds"
    assert changed == f"{key}.{where}: 7 in the capture, 300 here"


def test_names_of_interfaces_of_tunnels_are_captured(
    simulator: Simulator, library: Library, tmp_path: Path
) -> None:
    simulator.populate(60, seed=3)
    luids = {
        each.tunnel_policy.endpoints.local_if_luid
        for each in tunnels(library)
        if each.tunnel_policy
    }
    for context_id in simulator.ids():
        simulator.delete(context_id)
    lines = capture(library, tmp_path / "capture", alias=lambda luid: f"Ethernet {luid}")

    named = {line["argument"] for line in lines if "Alias" in line["function"]}
    assert len(named) > 2
    assert named == luids


def test_an_entry_of_another_type_than_requested_ends_the_enumeration(
    simulator: Simulator, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    populate(simulator)
    monkeypatch.setattr(
        TunnelTemplateMemory, "__init__", lambda memory, *_: setattr(memory, "pointer", ffi.NULL)
    )

    lines = answers(library)

    for generation in range(4):
        function = f"FwpmProviderContextEnum{generation}"
        assert {"function": function, "error": RPC_BAD_STUB_DATA} in lines
        assert {value["type"] for value in tunnels_of(lines, generation)} <= {2}
    assert made.CANARY.decode() not in json.dumps(lines)


# ---- damaged files ----


def written(path: Path, *lines: Any, functions: Any = None) -> Path:
    """Write a valid header and lines; bytes are written unchanged, objects as JSON."""
    header = {"format": "sa-contexts capture", "formatVersion": 1, "functions": functions or {}}
    content = b"".join(
        line if isinstance(line, bytes) else encoded(line) for line in (header, *lines)
    )
    path.write_bytes(gzip.compress(content))
    return path


def assert_unreadable(simulator: Simulator, path: Path, reason: str) -> None:
    with pytest.raises(CaptureUnreadable, match=reason):
        simulator.replay(path)
    assert (simulator.count(), simulator.count_ike_sas(), simulator.connections()) == (0, 0, [])


@pytest.mark.parametrize("share", [0, 0.01, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_unreadable(
    simulator: Simulator, library: Library, tmp_path: Path, share: float
) -> None:
    populate(simulator)
    capture(library, tmp_path / "capture")
    content = (tmp_path / "capture").read_bytes()
    (tmp_path / "capture").write_bytes(content[: int(len(content) * share)])

    assert_unreadable(simulator, tmp_path / "capture", "capture")


def test_a_truncated_line_is_said_to_follow_the_last_whole_one(
    simulator: Simulator, tmp_path: Path
) -> None:
    header = encoded({"format": "sa-contexts capture", "formatVersion": 1, "functions": {}})
    line = b'{"function":'
    content = gzip.compress(header + line)
    (tmp_path / "text").write_bytes(content)
    (tmp_path / "gzip").write_bytes(content[:-8])  # without the checksum

    assert_unreadable(simulator, tmp_path / "text", "text, line 2: ")
    assert_unreadable(simulator, tmp_path / "gzip", "gzip, after line ")


@some_trees
@given(st.integers(10, 10**9), st.integers(1, 255))
def test_a_damaged_byte_is_noticed(
    library: Library, tmp_path_factory: pytest.TempPathFactory, place: int, change: int
) -> None:
    simulator = Simulator(library.path)
    simulator.reset()
    simulator.populate(3)
    path = tmp_path_factory.mktemp("damaged") / "capture"
    capture(library, path)
    content = bytearray(path.read_bytes())
    content[10 + place % (len(content) - 10)] ^= change
    path.write_bytes(content)

    assert_unreadable(simulator, path, "capture")


CONTEXT = {"saContextId": 7, "inboundSa": None, "outboundSa": None}


def context_line(**changes: Any) -> Line:
    return {
        "function": "IPsecSaContextEnum1",
        "struct": "IPSEC_SA_CONTEXT1",
        "value": CONTEXT | changes,
    }


def test_the_valid_line_is_replayed(simulator: Simulator, tmp_path: Path) -> None:
    simulator.replay(written(tmp_path / "capture", context_line(), {"report": {}}))

    assert simulator.ids() == [7]


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b"\n",
        b"[]\n",
        b"7\n",
        b'{"function":NaN}\n',
        b'"\xff"\n',
        b"[" * 100_000 + b"\n",
        b"1" * 5000 + b"\n",
        {"function": 7},
        {"function": "IPsecSaContextEnumX0", "value": CONTEXT},
        {"function": "FwpmEngineOpen9", "error": 5},
        {"function": "FwpmEngineOpen0", "error": 0},
        {"function": "FwpmEngineOpen0", "error": -1},
        {"function": "FwpmEngineOpen0", "error": "5"},
        {"function": "IPsecSaContextEnum1", "count": 2},
        {"function": "IPsecSaContextEnum1", "value": 7},
        {"function": "IPsecSaContextEnum0", "value": 5},
        {"function": "IPsecSaContextEnum0", "value": [0]},
        {"function": "IPsecSaContextEnum0"},
        {"function": "IkeextSaEnum2", "value": {"saId": 0}},
        {"function": "FwpmConnectionEnum0", "value": {"connectionId": 0}},
        {"function": "ConvertInterfaceLuidToAlias", "argument": "x", "value": "y"},
        {"function": "FwpmFilterGetById0", "argument": 7, "value": 7},
        {"function": "FwpmFilterGetById0", "argument": 7, "value": {"filterId": 0}},
        {"function": "FwpmFilterGetById1", "argument": 7, "value": {"filterId": 7}},
        {"function": "FwpmProviderContextGetById3", "value": {"providerContextKey": 7}},
        {
            "function": "FwpmProviderContextEnum3",
            "value": {"type": 9, "ikeV2QmTunnelPolicy": {"emPolicy": None}, "providerContextId": 7},
        },
        {"function": "FwpmProviderContextEnum3", "value": {"type": 9, "providerContextId": 0}},
        {"function": "FwpmProviderContextEnum3", "count": 1},
        {
            "function": "FwpmProviderContextGetById3",
            "value": {"type": 5, "ikeMmPolicy": None, "providerContextId": 7},
        },
        {
            "function": "FwpmProviderContextGetById3",
            "value": {"type": 5, "ikeQmTunnelPolicy": {}, "providerContextId": 7},
        },
        context_line(saContextId=2**64),
        context_line(saContextId="7"),
        context_line(inboundSa=[]),
        context_line(inboundSa=12345),
        context_line(inboundSa={"saBundle": {"numSAs": 2**32 - 1, "saList": []}}),
        context_line(inboundSa={"saBundle": {"ipsecId": 4096}}),
        context_line(authKey="00"),
    ],
)
def test_a_hostile_line_is_one_error(simulator: Simulator, tmp_path: Path, line: Any) -> None:
    path = written(tmp_path / "capture", context_line(), line)

    assert_unreadable(simulator, path, "capture")


@pytest.mark.parametrize(
    "header",
    [
        {"format": "other", "formatVersion": 1, "functions": {}},
        {"format": "sa-contexts capture", "formatVersion": 2, "functions": {}},
        {"format": "sa-contexts capture", "functions": {}},
        {"format": "sa-contexts capture", "formatVersion": 1},
        {"format": "sa-contexts capture", "formatVersion": 1, "functions": []},
    ],
)
def test_another_header_is_rejected(simulator: Simulator, tmp_path: Path, header: Line) -> None:
    path = tmp_path / "capture"
    path.write_bytes(gzip.compress(encoded(header)))

    assert_unreadable(simulator, path, "capture")


@pytest.mark.parametrize("content", [b"", b"text", b"\x1f\x8b", gzip.compress(b"")])
def test_another_file_is_rejected(simulator: Simulator, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "capture"
    path.write_bytes(content)

    assert_unreadable(simulator, path, "capture")


def test_a_missing_file_is_unreadable(simulator: Simulator, tmp_path: Path) -> None:
    assert_unreadable(simulator, tmp_path / "missing", "No such file")
    assert_unreadable(simulator, tmp_path, "cannot be read")


def test_a_file_is_read_only_up_to_a_size(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capture_file, "MAX_LINE_BYTES", 1 << 16)
    monkeypatch.setattr(capture_file, "MAX_BYTES", 1 << 20)
    bomb = written(tmp_path / "bomb", b" " * (1 << 24))
    long = written(tmp_path / "long", *[{"report": "x" * 60_000}] * 20)

    monkeypatch.setattr(capture_file, "MAX_LINES", 100)
    many = written(tmp_path / "many", *[{"report": {}}] * 100)

    for path in (bomb, long, many):
        assert_unreadable(simulator, path, "too large")


def test_lone_surrogates_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(compressed({}, [{"value": "a\ud800b🚶"}]))

    assert [line for _, line in read_capture(path)][1] == {"value": "a\ud800b🚶"}
    assert json.loads(gzip.decompress(path.read_bytes()).splitlines()[1]) == {"value": "a\ud800b🚶"}
