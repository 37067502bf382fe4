"""`sa-contexts capture`: the file, its masking, and what cannot be written or replayed."""

from __future__ import annotations

import errno
import gzip
import json
import os
import re
import stat
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator

from app.doctor.masking import Mask
from app.doctor.stand_ins import MaskedStandIns
from app.resources.wfp.distinguished_names import distinguished_name
from app.schemas.doctor import Report
from app.settings.model import Settings
from bindings.addresses import Ipv6Order
from bindings.capture.mask import LineMask
from bindings.capture.walk import walk
from tests.api.test_secrets import assert_clean
from tests.bindings.connections import AnyConnection, any_connections
from tests.bindings.ike_trees import ike_trees
from tests.bindings.test_capture_replay import WITH_SECRETS
from tests.bindings.test_tunnel_policies import Made
from tests.bindings.test_tunnel_policies import contexts as provider_contexts
from tests.bindings.trees import Tree, trees
from tests.captures import LISTS, served
from tests.cli.test_cli import run
from tests.conftest import Serve


NAMES = {
    *("mmTargetName", "emTargetName", "name", "description", "principalName", "unicodeString"),
    *("localPrincipalNameForAuth", "remotePrincipalNameForAuth", "remoteFqdn"),
}
BYTES = {"data", "endCertHash", "byteArray6", "byteArray16"}
SIDS = {"sid", "Sid"}
SEED = Settings.model_fields["simulated_seed"].default
"""The seed of the command's population, to which net events refer if they are of the same seed."""

CERTAIN = 8
"""The length from which a text does not occur by chance."""


@pytest.fixture(autouse=True)
def _simulator(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SA_CONTEXTS_LIBRARY", str(simulator.path))


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]


def captured(path: Path, *arguments: str) -> list[dict[str, Any]]:
    result = run("capture", str(path), "--simulated-contexts", "60", *arguments)
    assert result.exit_code == 0, result.output
    return lines_of(path)


def test_a_capture_begins_with_a_header(tmp_path: Path) -> None:
    header, *lines = captured(tmp_path / "capture")

    assert (header["format"], header["formatVersion"]) == ("sa-contexts capture", 1)
    assert header["engine"] == "simulator"
    assert header["isMasked"] is False
    assert header["functions"]["IPsecSaContextEnum1"] is True
    counts = {line["function"]: line["count"] for line in lines if "count" in line}
    assert (counts["IPsecSaContextEnum1"], counts["IPsecSaContextEnum0"]) == (60, 60)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    captured(tmp_path / "capture")

    assert stat.S_IMODE((tmp_path / "capture").stat().st_mode) == 0o600


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "capture").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "absent")

    for name in ("capture", "link"):
        result = run("capture", str(tmp_path / name))
        assert result.exit_code == 1
        assert result.stderr == f"sa-contexts: {tmp_path / name} exists: name another file\n"
    assert (tmp_path / "capture").read_text() == "mine"
    assert not (tmp_path / "absent").exists()


def test_a_file_created_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, beside = tmp_path / "capture", tmp_path / "capture.new"

    def compressed_meanwhile(*_: Any) -> bytes:
        path.write_text("mine")
        beside.write_text("mine, too")
        return b"capture"

    monkeypatch.setattr("bindings.capture.file.compressed", compressed_meanwhile)
    result = run("capture", str(path))

    assert result.exit_code == 1
    assert result.stderr.endswith(f"sa-contexts: {path} exists: name another file\n")
    assert (path.read_text(), beside.read_text()) == ("mine", "mine, too")


def test_a_file_that_cannot_be_written_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("app.files.creation.os.fsync", fail)
    result = run("capture", str(tmp_path / "capture"))

    assert result.exit_code == 1
    assert os.strerror(errno.ENOSPC) in result.stderr
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_is_absent_is_one_sentence(tmp_path: Path) -> None:
    result = run("capture", str(tmp_path / "absent" / "capture"))

    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()[-1:]) == 1
    assert "No such file" in result.stderr


def test_functions_that_failed_are_named(simulator: Simulator, tmp_path: Path) -> None:
    simulator.fail("IkeextSaCreateEnumHandle0", 5, times=0)
    simulator.fail("IPsecSaContextEnum1", 1745, times=0)

    result = run("capture", str(tmp_path / "capture"))

    failed = [line for line in result.stderr.splitlines() if " returned " in line]
    assert failed == ["sa-contexts: IkeextSaCreateEnumHandle0 returned ERROR_ACCESS_DENIED (5)"]
    assert result.exit_code == 0


def test_a_session_that_fails_to_close_costs_no_capture(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.fail("FwpmEngineClose0", 1726, times=0)

    result = run("capture", str(tmp_path / "capture"))

    simulator.clear_failures()
    assert "RPC_S_CALL_FAILED (1726)" in result.output
    assert lines_of(tmp_path / "capture")[0]["format"] == "sa-contexts capture"


@pytest.mark.parametrize("mask", [[], ["--mask"]], ids=["plain", "masked"])
def test_no_key_is_in_it(simulator: Simulator, tmp_path: Path, mask: list[str]) -> None:
    simulator.populate(60, SEED)
    simulator.net_events(50, seed=1)
    lines = captured(tmp_path / "capture", "--report", *mask)

    contexts = [
        line["value"]
        for line in lines
        if line.get("struct") == "FWPM_PROVIDER_CONTEXT3" and line["value"] is not None
    ]
    main_modes = [each for each in contexts if each["type"] in WITH_SECRETS]
    assert main_modes  # their policies contain preshared keys
    for value in main_modes:
        assert {*value} == {
            *("providerContextKey", "displayData", "providerKey", "type", "providerContextId")
        }
    assert_clean(gzip.decompress((tmp_path / "capture").read_bytes()).decode())


def test_the_report_is_in_it_on_request(tmp_path: Path) -> None:
    _, line, *_ = captured(tmp_path / "capture", "--report", "--mask")

    report = Report.model_validate(line["report"])
    assert report.masked
    assert {finding.section for finding in report.findings} >= {"host", "engine", "questions"}


def rules(text: str) -> list[str | None]:
    """Return the names of rules and policies in JSON, in their order."""
    return [
        json.loads(name) for name in re.findall(r'"(?:ruleName|policyName)": ?(null|"[^"]*")', text)
    ]


def test_a_masked_capture_is_served_without_an_original(
    serve: Serve, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.populate(60, SEED)
    simulator.net_events(50, seed=1)
    captured(tmp_path / "plain")
    plain = served(serve(simulated_capture=tmp_path / "plain"))
    simulator.reset()
    simulator.populate(60, SEED)
    simulator.net_events(50, seed=1)
    captured(tmp_path / "masked", "--mask")

    masked = served(serve(simulated_capture=tmp_path / "masked"))

    texts = set(
        strings(json.loads(line) for path in LISTS for line in plain[path].splitlines()[1:])
    )
    originals = {text for text in texts if is_address(text) or "corp." in text or "\\" in text}
    assert len(originals) > 50
    assert not [text for text in originals if f'"{text}"' in "".join(masked.values())]
    for path in LISTS:
        assert masked[path].count("\n") == plain[path].count("\n") > 0
    for path in ("/sa-contexts", "/net-events"):
        stand_ins = {*zip(rules(plain[path]), rules(masked[path]), strict=True)}
        assert len({plain_name for plain_name, _ in stand_ins}) == len(stand_ins) > 10
        assert all((name is None) == (stand_in is None) for name, stand_in in stand_ins)
        assert not [pair for pair in stand_ins if pair[0] and pair[0] == pair[1]]


@pytest.mark.parametrize("command", [["list"], ["serve"], ["doctor", "--json"]], ids=str)
def test_a_damaged_capture_is_one_sentence(tmp_path: Path, command: list[str]) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"no capture")

    result = run(*command, SA_CONTEXTS_SIMULATED_CAPTURE=str(damaged))

    assert result.exit_code == 1
    assert "damaged: not a capture, or damaged" in " ".join(result.output.split())
    assert "Traceback" not in result.output


# ---- masking ----


def strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif not isinstance(value, int | float | None):
        for each in value.values() if isinstance(value, dict) else value:
            yield from strings(each)


def is_address(text: str) -> bool:
    """Return whether a text is an address that is masked."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


def originals(value: Any, key: str = "") -> Iterator[str]:
    """Yield what identifies a host in a captured struct, as it is in the file, by field name."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from originals(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from originals(each, key)
    elif isinstance(value, str) and value:
        is_sid = key in SIDS and value.count("-") > 4
        is_name = key in NAMES and len(value) >= CERTAIN
        is_bytes = key in BYTES or "Address" in key or "addr" in key.lower()
        if is_name or is_sid or (is_bytes and len(value) >= CERTAIN and is_telling(value)):
            yield json.dumps(value)
    elif (
        isinstance(value, int)
        and ("V4Addr" in key or "AddrV4" in key or key == "v4Address")
        and is_telling(f"{value:08x}")
    ):
        yield f'"{key}":{value},'


def is_telling(text: str) -> bool:
    """Return whether bytes are not zero, loopback or the like, which are kept."""
    raw = bytes.fromhex(text)
    address = IPv4Address(raw) if len(raw) == 4 else IPv6Address(raw) if len(raw) == 16 else None
    return any(raw) and (address is None or not address.is_loopback)


def masked_with(mask: Mask, struct: str, value: Any) -> Any:
    line_mask = LineMask(MaskedStandIns(mask), Ipv6Order.NETWORK)
    return line_mask.line({"function": "f", "struct": struct, "value": value})["value"]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(trees(), ike_trees(), any_connections(), provider_contexts)
def test_no_original_is_left(
    context: Tree, ike_sa: Tree, connection: AnyConnection, policy: Made
) -> None:
    mask = Mask(())
    for struct, address in (
        ("IPSEC_SA_CONTEXT1", context.address),
        ("IKEEXT_SA_DETAILS2", ike_sa.address),
        ("FWPM_CONNECTION0", connection.address),
        ("FWPM_PROVIDER_CONTEXT3", policy.tree()),
    ):
        value = walk(struct, address)
        masked = masked_with(mask, struct, value)
        shown = {json.dumps(text) for text in strings(masked)} | {*originals(masked)}

        assert shown & {*originals(value)} == set()


def condition(field: str, **value: Any) -> dict[str, Any]:
    return {"fieldKey": field, "matchType": 0, "conditionValue": value}


LOCAL_ADDRESS, LOCAL_PORT, UNKNOWN_FIELD = (
    "d9ee00de-c1ef-4617-bfe3-ffd8f5a08957",
    "0c1ba1af-5765-453f-af22-a8f791ac775b",
    "00000000-0000-0000-0000-000000000001",
)


@pytest.mark.parametrize(
    ("field", "is_masked"), [(LOCAL_ADDRESS, True), (UNKNOWN_FIELD, True), (LOCAL_PORT, False)]
)
def test_a_number_of_a_condition_is_an_address_unless_known_otherwise(
    field: str, is_masked: bool
) -> None:
    number = int(IPv4Address("10.20.30.40"))
    ends = {"valueLow": {"type": 3, "uint32": number}, "valueHigh": {"type": 3, "uint32": number}}
    mask = Mask(())
    expected = int(mask.address(IPv4Address(number))) if is_masked else number

    single = masked_with(mask, "FWPM_FILTER_CONDITION0", condition(field, type=3, uint32=number))
    range_ = masked_with(
        mask, "FWPM_FILTER_CONDITION0", condition(field, type=258, rangeValue=ends)
    )

    assert single["conditionValue"] == {"type": 3, "uint32": expected}
    assert range_["conditionValue"]["rangeValue"]["valueHigh"] == {"type": 3, "uint32": expected}


def test_addresses_keep_their_subnets() -> None:
    mask = Mask(())
    address, subnet = (int(IPv4Address(text)) for text in ("10.20.30.40", "10.20.0.0"))
    v6, v6_subnet = (IPv6Address(text).packed.hex() for text in ("2001:db8::7", "2001:db8::"))

    traffic = masked_with(
        mask, "IPSEC_TRAFFIC1", {"ipVersion": 0, "localV4Address": address, "trafficType": 0}
    )
    v6_traffic = masked_with(
        mask, "IPSEC_TRAFFIC1", {"ipVersion": 1, "localV6Address": v6, "trafficType": 0}
    )
    v4_mask = masked_with(mask, "FWP_V4_ADDR_AND_MASK", {"addr": subnet, "mask": 0xFFFF0000})
    v6_mask = masked_with(mask, "FWP_V6_ADDR_AND_MASK", {"addr": v6_subnet, "prefixLength": 64})

    assert v4_mask["addr"] == traffic["localV4Address"] & 0xFFFF0000
    assert v6_mask["addr"] == v6_traffic["localV6Address"][:16] + "0" * 16


@given(st.ip_addresses(v=4))
def test_an_ipv4_mapped_address_stays_mapped(address: IPv4Address) -> None:
    stand_ins = MaskedStandIns(Mask(()))

    made = IPv6Address(stand_ins.ipv6(IPv6Address(f"::ffff:{address}").packed))

    assert made.ipv4_mapped is not None
    assert made.ipv4_mapped.packed == stand_ins.ipv4(address.packed)


def test_reversed_addresses_are_masked_as_those_in_network_order() -> None:
    mask = Mask(())
    raw = IPv6Address("2001:db8::7").packed
    value = {"ipVersion": 1, "localV6Address": raw[::-1].hex(), "trafficType": 0}

    made = LineMask(MaskedStandIns(mask), Ipv6Order.REVERSED).line(
        {"struct": "IPSEC_TRAFFIC1", "value": value}
    )

    assert bytes.fromhex(made["value"]["localV6Address"])[::-1] == MaskedStandIns(mask).ipv6(raw)


def test_sids_keep_their_domain_and_names_their_identity() -> None:
    stand_ins = MaskedStandIns(Mask(["web01"]))
    one, other = (stand_ins.sid(f"S-1-5-21-111111-222222-333333-{rid}") for rid in (1001, 1002))

    assert one.rpartition("-")[0] == other.rpartition("-")[0]
    assert one != other
    assert not {"111111", "222222", "333333", "1001"} & set(one.split("-"))
    assert [stand_ins.sid(text) for text in ("S-1-5-18", "S-1-5-32-544")] == [
        "S-1-5-18",
        "S-1-5-32-544",
    ]
    assert stand_ins.name("Host/A") == stand_ins.name("host/a") != stand_ins.name("host/b")
    assert stand_ins.name("WEB01") == "name-1"
    assert stand_ins.name("") == ""
    assert distinguished_name(stand_ins.subject(b"subject")) == "CN=name-4"
    assert stand_ins.content(bytes(20)) == bytes(20)
