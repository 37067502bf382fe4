"""What a capture reads of each struct, against Microsoft's interface definitions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bindings._fwpuclnt import ffi
from bindings.capture.structs import STRUCTS, Field

from .test_unions import UNREAD, pointer_name, walk
from .union_walk import CAPTURED
from .wild_memory import FACTS, NUMBERS, unions_of


LEFT_OUT = {
    "FWPM_FILTER0": {"providerData", "reserved"},
    "FWP_VALUE0": {"tokenAccessInformation"},
    "FWP_CONDITION_VALUE0": {"tokenAccessInformation"},
    "IPSEC_ID0": {"explicitCredentials", "logonId"},
    "IPSEC_TOKEN0": {"token"},
    "IPSEC_KEYMODULE_STATE0": {"stateBlob"},
    "IPSEC_SA_AUTH_INFORMATION0": {"authKey"},
    "IPSEC_SA_CIPHER_INFORMATION0": {"cipherKey"},
    **{f"IKEEXT_SA_DETAILS{n}": {"correlationKey"} for n in (1, 2)},
    **{f"IKEEXT_CREDENTIAL{n}": {"presharedKey"} for n in range(3)},
    "IKEEXT_CERTIFICATE_CREDENTIAL1": {"certificate"},
    **{
        f"FWPM_PROVIDER_CONTEXT{n}": {
            *("flags", "providerData", "keyingPolicy", "dataBuffer", "classifyOptions"),
            *("ikeQmTransportPolicy", "authipQmTransportPolicy", "ikeMmPolicy", "authIpMmPolicy"),
            *(("ikeV2MmPolicy", "idpOptions") if n else ()),
            *(("ikeV2QmTransportPolicy",) if n > 1 else ()),
            *(("networkConnectionPolicy",) if n > 2 else ()),
        }
        for n in range(4)
    },
    **{
        f"IPSEC_TUNNEL_POLICY{n}": {
            *("numIpsecProposals", "ipsecProposals", "emPolicy"),
            *(("fwdPathSaLifetime",) if n > 1 else ()),
            *(("compartmentId", "numTrafficSelectorPolicy") if n > 2 else ()),
            *(("trafficSelectorPolicies",) if n > 2 else ()),
        }
        for n in range(4)
    },
    "FWPM_NET_EVENT_HEADER0": {"appId", "userId"},
    "FWPM_NET_EVENT_HEADER1": {
        *("appId", "userId"),
        *(f"reserved{number}" for number in range(1, 11)),
    },
    "FWPM_NET_EVENT_HEADER2": {"appId", "userId", "addressFamily", "packageSid"},
    "FWPM_NET_EVENT_HEADER3": {
        *("appId", "userId", "addressFamily", "packageSid"),
        *("enterpriseId", "policyFlags", "effectiveName"),
    },
    **{
        f"FWPM_NET_EVENT_IKEEXT_{failure}": {
            *("numLocalPrincipalGroupSids", "localPrincipalGroupSids"),
            *("numRemotePrincipalGroupSids", "remotePrincipalGroupSids"),
        }
        for failure in ("MM_FAILURE1", "MM_FAILURE2", "EM_FAILURE1")
    },
    "FWPM_NET_EVENT0": {"classifyDrop"},
    "FWPM_NET_EVENT1": {"classifyDrop"},
    **{
        f"FWPM_NET_EVENT{n}": {
            *("classifyDrop", "classifyAllow", "classifyDropMac"),
            *("capabilityDrop", "capabilityAllow"),
            *(("lpmPacketArrival",) if n == 5 else ()),
        }
        for n in range(2, 6)
    },
}
"""Fields that are never read: keys, credentials, policies, opaque data, users, other traffic."""


def fields_of(name: str) -> dict[str, Field]:
    return {field.name: field for field in STRUCTS[name]}


def members(ctype: Any) -> Iterator[str]:
    for name, field in ctype.fields:
        if name:
            yield name
        else:
            yield from members(field.type)


@pytest.mark.parametrize("name", STRUCTS)
def test_every_field_is_captured_unless_it_is_listed(name: str) -> None:
    left_out = set(members(ffi.typeof(name))) - set(fields_of(name))

    assert left_out == LEFT_OUT.get(name, set())


@pytest.mark.parametrize("name", [name for name in STRUCTS if FACTS.get(name)])
def test_arms_exist_as_in_microsofts_definitions(name: str) -> None:
    fields = fields_of(name)
    for union in unions_of(name):
        for arm in union["arms"]:
            values = {NUMBERS[case] for case in arm["cases"]}
            for field in (fields[member] for member in arm["members"] if member in fields):
                (when,) = [each for each in field.conditions if each.switch == union["switch"]]
                assert when.values == values
                assert when.mask == NUMBERS.get(union.get("mask", ""), 0xFFFFFFFF)


@pytest.mark.parametrize("name", [name for name in STRUCTS if FACTS.get(name)])
def test_arrays_are_counted_as_in_microsofts_definitions(name: str) -> None:
    expected = FACTS[name].get("counts", {})
    counts = {field.name: field.count for field in STRUCTS[name] if field.count}

    assert counts == {array: expected[array] for array in expected if array in fields_of(name)}


@pytest.mark.parametrize("name", STRUCTS)
def test_a_switch_and_a_count_precede_what_depends_on_them(name: str) -> None:
    names = [field.name for field in STRUCTS[name]]
    for field in STRUCTS[name]:
        for needed in (*(when.switch for when in field.conditions), field.count):
            assert needed is None or names.index(needed) < names.index(field.name)


@pytest.mark.parametrize("root", CAPTURED)
def test_a_capture_neither_follows_nor_shows_what_does_not_exist(root: str) -> None:
    assert walk(root, "captured")["wrong"] == []


@pytest.mark.parametrize("root", CAPTURED)
def test_a_capture_shows_what_pointers_lead_to_unless_it_is_listed(root: str) -> None:
    assert {pointer_name(path) for path in walk(root, "captured")["unread"]} <= UNREAD


def test_no_secret_is_listed() -> None:
    text = json.dumps({name: [*fields_of(name)] for name in STRUCTS})

    for secret in (
        *("authKey", "cipherKey", "stateBlob", "explicitCredentials", '"token"', "logonId"),
        *("presharedKey", "correlationKey", '"certificate"]', "tokenAccessInformation"),
    ):
        assert secret not in text
