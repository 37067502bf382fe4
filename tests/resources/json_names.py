"""What the API makes of WFP's names: words of enumerations, and fields hidden, merged or added.

Names and values come from Microsoft's headers (tests/data/abi.json) by rules; the tables list the
exceptions. A table's key is a struct without its generation, and one of its fields.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Final

from tests.bindings.structs import ABI


HIDDEN: Final = {
    "FWPM_FILTER": {"providerData", "rawContext", "providerContextKey", "reserved"},
    "FWPM_ACTION": {"calloutKey"},  # `filterType` shows its memory, too
    "FWPM_NET_EVENT": {
        "classifyDrop",
        "classifyAllow",
        "capabilityDrop",
        "capabilityAllow",
        "classifyDropMac",
        "lpmPacketArrival",
    },
    "FWPM_NET_EVENT_HEADER": {
        "flags",
        "appId",
        "userId",
        "addressFamily",
        "packageSid",
        "enterpriseId",
        "policyFlags",
        "effectiveName",
        *(f"reserved{number}" for number in range(1, 11)),
    },
    "FWPM_NET_EVENT_IKEEXT_MM_FAILURE": {
        "failureErrorCode",  # in `error`, as of the other failures
        "localPrincipalGroupSids",
        "remotePrincipalGroupSids",
    },
    "FWPM_NET_EVENT_IKEEXT_QM_FAILURE": {"failureErrorCode"},
    "FWPM_NET_EVENT_IKEEXT_EM_FAILURE": {
        "failureErrorCode",
        "localPrincipalGroupSids",
        "remotePrincipalGroupSids",
    },
    "FWPM_NET_EVENT_IPSEC_KERNEL_DROP": {"failureStatus"},
    "FWPM_NET_EVENT_IPSEC_DOSP_DROP": {"failureStatus"},
    "IKEEXT_CERTIFICATE_CREDENTIAL": {"certificate"},
    "IKEEXT_CREDENTIAL": {"presharedKey"},
    "IKEEXT_SA_DETAILS": {"correlationKey"},
    "IPSEC_ID": {"explicitCredentials", "logonId"},
    "IPSEC_KEYMODULE_STATE": {"stateBlob"},
    "IPSEC_SA_AUTH_INFORMATION": {"authKey"},
    "IPSEC_SA_CIPHER_INFORMATION": {"cipherKey"},
    "IPSEC_TOKEN": {"token"},
}
"""Fields that the API does not show. It does not show the counts of arrays either."""

RENAMED: Final = {
    ("FWPM_NET_EVENT_HEADER", "timeStamp"): "time",
    ("IKEEXT_CREDENTIAL", "name"): "principalName",
    ("IPSEC_SA", "saTransformType"): "transformType",
}

FLATTENED: Final = {
    ("FWPM_FILTER", "displayData"),
    ("FWPM_NET_EVENT", "header"),
    ("IPSEC_AUTH_TRANSFORM", "authTransformId"),
    ("IPSEC_CIPHER_TRANSFORM", "cipherTransformId"),
    ("IPSEC_SA_AUTH_AND_CIPHER_INFORMATION", "saAuthInformation"),
    ("IPSEC_SA_AUTH_AND_CIPHER_INFORMATION", "saCipherInformation"),
}
"""Structs whose fields are members of the struct around them."""

UNWRAPPED: Final = {
    ("IKEEXT_SA_DETAILS", "ikeCredentials"): "credentials",
    ("IKEEXT_CREDENTIAL", "name"): "principalName",
}
"""Structs that are replaced by one of their fields."""

ABSENT_WITHOUT_ARM: Final = {
    ("IPSEC_TRAFFIC", "ipsecFilterId"),
    ("IPSEC_TRAFFIC", "tunnelPolicyId"),
    *(("FWPM_NET_EVENT", arm) for arm in ("ikeMmFailure", "ikeQmFailure", "ikeEmFailure")),
    *(("FWPM_NET_EVENT", arm) for arm in ("ipsecDrop", "idpDrop")),
}
"""Arms of unions that are absent if they do not exist; others are null."""

UNDER_ANY_ARM: Final = {("FWPM_ACTION", "filterType")}
"""Arms that are shown whatever the discriminator says: both arms are GUIDs in one place."""

NULL_FOR_ZERO: Final = {
    ("FWPM_NET_EVENT_IKEEXT_MM_FAILURE", "endCertHash"),
    ("FWPM_NET_EVENT_IKEEXT_MM_FAILURE", "mmId"),
    ("FWPM_NET_EVENT_IKEEXT_QM_FAILURE", "mmSaLuid"),
    ("FWPM_NET_EVENT_IKEEXT_EM_FAILURE", "endCertHash"),
    ("FWPM_NET_EVENT_IKEEXT_EM_FAILURE", "mmId"),
    ("IPSEC_SA_BUNDLE", "mmSaId"),
}

HEXADECIMAL: Final = {
    ("FWPM_NET_EVENT_IPSEC_KERNEL_DROP", "spi"): 8,
    ("IKEEXT_COOKIE_PAIR", "initiator"): 16,
    ("IKEEXT_COOKIE_PAIR", "responder"): 16,
}
"""Numbers that are shown in hexadecimal, too, and their digits."""

SUBNETS: Final = {
    ("FWPM_NET_EVENT_IKEEXT_QM_FAILURE", "localSubNet"),
    ("FWPM_NET_EVENT_IKEEXT_QM_FAILURE", "remoteSubNet"),
}
"""Values that are shown as the address, subnet or range that they hold."""

V4_ADDRESSES: Final = {("IPSEC_SA_BUNDLE", "peerV4PrivateAddress")}
"""Addresses that are no union."""

FLAGS: Final = {
    ("IPSEC_SA_BUNDLE", "flags"): "IPSEC_SA_BUNDLE_FLAG_",
    ("FWPM_FILTER", "flags"): "FWPM_FILTER_FLAG_",
    ("FWPM_NET_EVENT_IKEEXT_MM_FAILURE", "flags"): "FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_",
    ("FWPM_NET_EVENT_IKEEXT_EM_FAILURE", "flags"): "FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_",
}
"""The prefix of the constants that name the bits."""

ELSEWHERE: Final = {
    "weaknesses",  # test_weaknesses
    "localIfAlias",  # test_sa_context_encoding
    "ruleName",  # test_rule_names
    "policyName",  # test_rule_names
    "id",  # of a net event: test_net_event_buffer
    "explanation",  # test_failure_texts
    "check",  # test_failure_texts
    "sample",  # of statistics: test_statistics_routes
}
"""Fields that the API adds and that are not in the memory, with the tests that assert them."""

_WORDS: Final = {
    "IKEEXT_DH_GROUP_NONE": "none",
    "IKEEXT_INTEGRITY_SHA1": "sha_1",
    "FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE": "ike_main_mode_failure",
    "FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE": "ike_quick_mode_failure",
    "FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE": "ike_extended_mode_failure",
}
"""Words that no rule gives."""

_ALIASES: Final = {"IPSEC_PFS_2048", "IKEEXT_DH_GROUP_2048"}
"""Members that share their value with another one, whose word the API uses."""

_CONSTANTS: Final = {
    "FWP_ACTION_TYPE": "FWP_ACTION_",
    "IPSEC_AUTH_CONFIG": "IPSEC_AUTH_CONFIG_",
    "IPSEC_CIPHER_CONFIG": "IPSEC_CIPHER_CONFIG_",
}
"""Types that are numbers in C, whose values are constants with this prefix."""


@cache
def words_of(type_: str) -> dict[int, str]:
    """Return the API's words for an enumeration of WFP, by value."""
    if type_ in _CONSTANTS:
        prefix = _CONSTANTS[type_]
        members = {
            name: value
            for name, value in ABI["constants"].items()
            if name.startswith(prefix) and "_FLAG_" not in name
        }
    else:
        members = ABI["enums"][type_]
        prefix = _common_prefix([*members])
    return {
        value: _WORDS.get(name) or _word(type_, name.removeprefix(prefix))
        for name, value in members.items()
        if not name.endswith("_MAX") and name not in _ALIASES
    }


def has_words(type_: str) -> bool:
    """Return whether a C type is an enumeration."""
    return type_ in ABI["enums"] or type_ in _CONSTANTS


def _common_prefix(names: list[str]) -> str:
    first, last = min(names), max(names)
    length = next(
        i for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other
    )
    return first[: first.rindex("_", 0, length) + 1]


def _word(type_: str, name: str) -> str:
    if type_ == "FWP_DATA_TYPE":
        name = name.removesuffix("_TYPE")
    if name.isdigit():
        name = f"GROUP_{name}"
    return name.lower()


def flags_of(key: tuple[str, str], value: int) -> dict[str, object]:
    """Return the names of the bits of a field in `FLAGS`, a failure's in alphabetical order."""
    prefix = FLAGS[key]
    names = {
        bit: name.removeprefix(prefix)
        for name, bit in ABI["constants"].items()
        if name.startswith(prefix) and bit and "TUNNEL_BANDWIDTH" not in name
    }
    shown: dict[str, object] = {"value": value}
    if key[0] == "IPSEC_SA_BUNDLE":
        shown["tunnelBandwidth"] = value >> 28  # TUNNEL_BANDWIDTH1 is the lowest of four bits
    bits = value & 0x0FFF_FFFF if "tunnelBandwidth" in shown else value
    known = [names[bit].lower() for bit in sorted(names) if bits & bit]
    shown["names"] = sorted(known) if key[0].startswith("FWPM_NET_EVENT") else known
    shown["unknown"] = bits & ~sum(names)
    return shown


def merged(field: str) -> str:
    """Return the API's name of an address: without its version, and with `Addr` in full."""
    return re.sub(r"Addr$", "Address", re.sub(r"V[46]", "", field))


@cache
def set_flag_of(field: str) -> int:
    """Return the bit that says whether a field of a net event's header is set; 0 if none does."""
    snake = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", re.sub(r"V[46]$", "", field)).upper()
    return int(ABI["constants"].get(f"FWPM_NET_EVENT_FLAG_{snake}_SET", 0))


def _codes(file: str) -> dict[int, str]:
    path = Path(__file__).parents[1] / "data" / file
    codes = json.loads(path.read_text(encoding="utf-8"))["codes"]
    return {value: name for name, value in codes.items()}


IPSEC_CODES: Final = _codes("ipsec_codes.json")
WIN_ERRORS: Final = _codes("winerror.json")
FIRST_IKE_ERROR: Final = next(
    code for code, name in IPSEC_CODES.items() if name == "ERROR_IPSEC_IKE_NEG_STATUS_BEGIN"
)
"""The code of the first element of an error frequency table (iketypes.h)."""
