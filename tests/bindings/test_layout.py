"""The cdef headers against Microsoft's layout, as measured from the headers of its SDK."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cffi import FFI

from bindings import enums
from bindings._fwpuclnt import ffi
from bindings.cdef.generate import FOLDER, GENERATED, HEADERS, generate
from bindings.engine_options import EngineOption
from bindings.library import Library
from bindings.memory import Layout


MICROSOFT: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "abi.json").read_text(encoding="utf-8")
)


def differences(types: Any, name: str) -> list[str]:
    """How a declared struct differs from Microsoft's, in words."""
    measured, declared = MICROSOFT["structs"][name], types.typeof(name)
    found = []
    if types.sizeof(declared) != measured["size"]:
        found.append(f"size {types.sizeof(declared)}, not {measured['size']}")
    if types.alignof(declared) != measured["align"]:
        found.append(f"align {types.alignof(declared)}, not {measured['align']}")
    for field, place in measured["fields"].items():
        try:
            offset = types.offsetof(declared, field)
        except KeyError:
            found.append(f"{field} is missing")
            continue
        size = types.sizeof(_field_type(declared, field))
        if (offset, size) != (place["offset"], place["size"]):
            found.append(f"{field} at {offset}, {size} bytes")
    extra = set(_field_names(declared)) - set(measured["fields"])
    return found + [f"{field} is not Microsoft's" for field in extra]


def _field_names(declared: Any) -> list[str]:
    names: list[str] = []
    for name, field in declared.fields:
        names += [name] if name else _field_names(field.type)
    return names


def _field_type(declared: Any, wanted: str) -> Any:
    for name, field in declared.fields:
        if name == wanted:
            return field.type
        if not name and wanted in _field_names(field.type):
            return _field_type(field.type, wanted)
    raise KeyError(wanted)


def declared_structs() -> list[str]:
    """The structs of the cdef headers that are Microsoft's WFP's."""
    typedefs, _, _ = ffi.list_types()
    return [
        name
        for name in typedefs
        if ffi.typeof(name).kind == "struct" and name.startswith(("FWP", "IKEEXT", "IPSEC"))
        if name != "IPSEC_CRYPTO_MODULE_ID"
    ]


def test_every_struct_of_microsofts_list_is_declared() -> None:
    assert set(declared_structs()) == set(MICROSOFT["structs"])


@pytest.mark.parametrize("name", sorted(MICROSOFT["structs"]))
def test_a_struct_has_microsofts_layout(name: str) -> None:
    assert differences(ffi, name) == []


def test_mingws_layout_of_the_details_would_be_caught() -> None:
    """mingw-w64's ipsectypes.h has a pointer where the tunnel information is embedded."""
    types = FFI()
    for header in HEADERS:
        text = (FOLDER / header).read_text(encoding="ascii")
        types.cdef(
            text.replace(
                "IPSEC_VIRTUAL_IF_TUNNEL_INFO0 virtualIfTunnelInfo;",
                "IPSEC_VIRTUAL_IF_TUNNEL_INFO0 *virtualIfTunnelInfo;",
            )
        )

    assert differences(types, "IPSEC_SA_DETAILS1") == [
        "size 216, not 224",
        "virtualIfTunnelInfo at 208, 8 bytes",
    ]


def test_every_enum_has_microsofts_members() -> None:
    typedefs, _, _ = ffi.list_types()
    declared = {name for name in typedefs if ffi.typeof(name).kind == "enum"}

    assert declared == set(MICROSOFT["enums"])
    for name in declared:
        assert ffi.typeof(name).relements == MICROSOFT["enums"][name], name
        assert ffi.sizeof(name) == 4


def test_every_constant_has_microsofts_value(library: Library) -> None:
    declared = {name: getattr(library.lib, name) for name in MICROSOFT["constants"]}

    assert declared == {name: value & 0xFFFFFFFF for name, value in MICROSOFT["constants"].items()}


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (enums.IpVersion, "FWP_IP_VERSION", "FWP_IP_VERSION_"),
        (enums.Direction, "FWP_DIRECTION", "FWP_DIRECTION_"),
        (enums.TrafficType, "IPSEC_TRAFFIC_TYPE", "IPSEC_TRAFFIC_TYPE_"),
        (enums.TransformType, "IPSEC_TRANSFORM_TYPE", "IPSEC_TRANSFORM_"),
        (enums.AuthType, "IPSEC_AUTH_TYPE", "IPSEC_AUTH_"),
        (enums.CipherType, "IPSEC_CIPHER_TYPE", "IPSEC_CIPHER_TYPE_"),
        (enums.PfsGroup, "IPSEC_PFS_GROUP", "IPSEC_PFS_"),
        (enums.TokenType, "IPSEC_TOKEN_TYPE", "IPSEC_TOKEN_TYPE_"),
        (enums.TokenPrincipal, "IPSEC_TOKEN_PRINCIPAL", "IPSEC_TOKEN_PRINCIPAL_"),
        (enums.TokenMode, "IPSEC_TOKEN_MODE", "IPSEC_TOKEN_MODE_"),
        (EngineOption, "FWPM_ENGINE_OPTION", "FWPM_ENGINE_"),
        (enums.NetEventType, "FWPM_NET_EVENT_TYPE", "FWPM_NET_EVENT_TYPE_"),
        (enums.FailurePoint, "IPSEC_FAILURE_POINT", "IPSEC_FAILURE_"),
        (enums.MmSaState, "IKEEXT_MM_SA_STATE", "IKEEXT_MM_SA_STATE_"),
        (enums.QmSaState, "IKEEXT_QM_SA_STATE", "IKEEXT_QM_SA_STATE_"),
        (enums.EmSaState, "IKEEXT_EM_SA_STATE", "IKEEXT_EM_SA_STATE_"),
        (enums.SaRole, "IKEEXT_SA_ROLE", "IKEEXT_SA_ROLE_"),
        (enums.DataType, "FWP_DATA_TYPE", "FWP_"),
        (enums.SaContextEvent, "IPSEC_SA_CONTEXT_EVENT_TYPE0", "IPSEC_SA_CONTEXT_EVENT_"),
        (enums.MatchType, "FWP_MATCH_TYPE", "FWP_MATCH_"),
        (enums.ConnectionEvent, "FWPM_CONNECTION_EVENT_TYPE", "FWPM_CONNECTION_EVENT_"),
        (enums.KeyModule, "IKEEXT_KEY_MODULE_TYPE", "IKEEXT_KEY_MODULE_"),
        (enums.AuthenticationMethod, "IKEEXT_AUTHENTICATION_METHOD_TYPE", "IKEEXT_"),
        (
            enums.Impersonation,
            "IKEEXT_AUTHENTICATION_IMPERSONATION_TYPE",
            "IKEEXT_IMPERSONATION_",
        ),
        (enums.IkeCipher, "IKEEXT_CIPHER_TYPE", "IKEEXT_CIPHER_"),
        (enums.IkeIntegrity, "IKEEXT_INTEGRITY_TYPE", "IKEEXT_INTEGRITY_"),
        (enums.DhGroup, "IKEEXT_DH_GROUP", "IKEEXT_DH_"),
        (enums.ProviderContextType, "FWPM_PROVIDER_CONTEXT_TYPE", "FWPM_"),
    ],
)
def test_names_stand_for_microsofts_numbers(ours: Any, theirs: str, prefix: str) -> None:
    renamed = {"3DES": "TRIPLE_DES", "GROUP_NONE": "NONE"} | {
        f"{group}": f"GROUP_{group}" for group in (1, 2, 14, 24)
    }
    expected = {}
    for name, value in MICROSOFT["enums"][theirs].items():
        short = name.removeprefix(prefix)
        if short.endswith(("MAX", "2048")):  # bounds, and another name of group 14
            continue
        if theirs == "FWP_DATA_TYPE":
            short = short.removesuffix("_TYPE")
        expected[renamed.get(short, short)] = value

    assert {member.name: member.value for member in ours} == expected


@pytest.mark.parametrize(
    ("ours", "prefix"),
    [
        (enums.AuthConfig, "IPSEC_AUTH_CONFIG_"),
        (enums.CipherConfig, "IPSEC_CIPHER_CONFIG_"),
        (enums.BundleFlag, "IPSEC_SA_BUNDLE_FLAG_"),
        (enums.FilterFlag, "FWPM_FILTER_FLAG_"),
        (enums.PolicyFlag, "IPSEC_POLICY_FLAG_"),
        (enums.ActionType, "FWP_ACTION_"),
        (enums.NetEventFlag, "FWPM_NET_EVENT_FLAG_"),
        (enums.MainModeFailureFlag, "FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_"),
        (enums.ExtendedModeFailureFlag, "FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_"),
    ],
)
def test_flags_stand_for_microsofts_bits(ours: Any, prefix: str) -> None:
    left_out = ("MAX", "NONE") if prefix.startswith("FWPM") else ("MAX",)
    expected = {
        name.removeprefix(prefix): value & 0xFFFFFFFF
        for name, value in MICROSOFT["constants"].items()
        if name.startswith(prefix)
    }
    expected = {
        name: value
        for name, value in expected.items()
        if name not in left_out and not name.startswith(("TUNNEL_BANDWIDTH", "BANDWIDTH", "FLAG_"))
    }
    assert {member.name: member.value for member in ours} == expected


def test_the_committed_module_is_what_the_headers_generate(tmp_path: Path) -> None:
    generate(tmp_path / "generated.py")

    assert (tmp_path / "generated.py").read_bytes() == GENERATED.read_bytes()


def test_a_layout_refuses_fields_out_of_their_order() -> None:
    with pytest.raises(ValueError, match="addr must be named in the order of the struct"):
        Layout("FWP_V4_ADDR_AND_MASK", "mask", "addr")


def test_no_layout_of_the_decoders_names_a_secret() -> None:
    source = "".join(
        (FOLDER.parent / module).read_text(encoding="utf-8")
        for module in (
            *("decode.py", "tree.py", "values.py", "credentials.py", "connections.py"),
            *("ike_decode.py", "ike_tree.py", "net_event.py", "policy.py"),
            "tunnel_policies.py",
        )
    )
    for secret in (
        "authKey",
        "cipherKey",
        "stateBlob",
        "explicitCredentials",
        '"token"',
        "presharedKey",
        "correlationKey",
        "certificate.size",
        "certificate.data",
        "ikeMmPolicy",
        "authIpMmPolicy",
        "ikeV2MmPolicy",
        "ipsecProposals",
        "emPolicy",
    ):
        assert f'"{secret.strip(chr(34))}"' not in source
        assert f".{secret}" not in source
