"""Any net event becomes JSON of the published shape, and says what the record says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resources.net_events.encoding import encode_net_event, error_name_of
from app.resources.net_events.schema import NetEvent as Shape
from app.resources.wfp.failures import NTSTATUS_ERROR, failures
from bindings.enums import NetEventType
from bindings.net_event import (
    DospDrop,
    ExtendedModeFailure,
    Failure,
    KernelDrop,
    MainModeFailure,
    NetEvent,
    QuickModeFailure,
)
from bindings.records import V4AddressAndMask, V6AddressAndMask, Value


ID = "b893933fedc9-17"

u8, u16, u32, u64 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32, 64))
codes = st.sampled_from(sorted(failures())) | u32
small = st.integers(0, 14) | u32
packed = st.none() | st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16)
names = st.none() | st.text(max_size=20)
hashes = st.none() | st.binary(min_size=20, max_size=20)
guids = st.none() | st.uuids().map(str)
subnets = st.one_of(
    st.none(),
    st.builds(Value, st.sampled_from([0, 19, 300]), st.none()),
    st.builds(Value, st.just(3), u32),
    st.builds(Value, st.just(11), st.binary(min_size=16, max_size=16)),
    st.builds(
        Value,
        st.just(256),
        st.builds(V4AddressAndMask, st.binary(min_size=4, max_size=4), st.just(b"\xff\xff\0\0")),
    ),
    st.builds(
        Value,
        st.just(257),
        st.builds(V6AddressAndMask, st.binary(min_size=16, max_size=16), u8),
    ),
)
main_modes = st.builds(
    MainModeFailure,
    *(codes, small, small, small, small, small, small, hashes, u64, u64, names, names, guids),
)
quick_modes = st.builds(
    QuickModeFailure,
    *(codes, small, small, small, small, small, subnets, subnets, u64, st.none() | u64, guids),
)
extended_modes = st.builds(
    ExtendedModeFailure,
    *(codes, small, small, small, small, small, hashes, u64, u64, names, names, st.none() | small),
)
kernel_drops = st.builds(KernelDrop, codes, small, u32, u64, u16)
dosp_drops = st.builds(DospDrop, small, packed, packed, codes, small)


def events(types: st.SearchStrategy[int], said: st.SearchStrategy[Any]) -> Any:
    optional = [st.none() | small, st.none() | u8, packed, packed]
    ports = [st.none() | u16, st.none() | u16, st.none() | u32]
    return st.builds(NetEvent, types, u64, *optional, *ports, said)


any_event = st.one_of(
    events(st.just(0), main_modes | st.none()),
    events(st.just(1), quick_modes | st.none()),
    events(st.just(2), extended_modes | st.none()),
    events(st.just(4), kernel_drops | st.none()),
    events(st.just(5), dosp_drops | st.none()),
    events(st.integers(11, 2**32 - 1), st.none()),
)


def encoded(event: NetEvent) -> dict[str, Any]:
    rendered: dict[str, Any] = orjson.loads(encode_net_event(event, ID))
    return rendered


def event_of(type_: int, failure: Failure | None, time: int = 0) -> NetEvent:
    return NetEvent(type_, time, None, None, None, None, None, None, None, failure)


@given(any_event)
def test_any_event_has_the_published_shape(event: NetEvent) -> None:
    text = encode_net_event(event, ID)

    shape = Shape.model_validate_json(text)

    assert shape.id == ID
    assert orjson.loads(shape.model_dump_json(by_alias=True)).keys() == orjson.loads(text).keys()


@given(any_event)
def test_what_the_header_shows_is_there(event: NetEvent) -> None:
    rendered = encoded(event)

    for field, packed_address in (
        ("localAddress", event.local_address),
        ("remoteAddress", event.remote_address),
    ):
        text = rendered[field]
        assert (text is None) == (packed_address is None)
        assert packed_address is None or ip_address(text).packed == packed_address
    assert (rendered["localPort"], rendered["remotePort"]) == (event.local_port, event.remote_port)
    assert (rendered["ipProtocol"], rendered["scopeId"]) == (event.ip_protocol, event.scope_id)


@given(any_event)
def test_one_member_says_what_failed(event: NetEvent) -> None:
    rendered = encoded(event)

    arms = {
        MainModeFailure: "ikeMmFailure",
        QuickModeFailure: "ikeQmFailure",
        ExtendedModeFailure: "ikeEmFailure",
        KernelDrop: "ipsecDrop",
        DospDrop: "idpDrop",
    }
    expected = set() if event.failure is None else {arms[type(event.failure)]}
    assert set(arms.values()) & set(rendered) == expected
    assert (rendered["error"] is None) == (event.failure is None)


def test_failure_without_subnets_shows_null() -> None:
    """As outside of tunnel mode, where Microsoft's union has no arm (fwpmtypes.idl)."""
    subnet = Value(3, 0x0A000001)
    tunnel = QuickModeFailure(13868, 2, 2, 1, 0, 1, subnet, subnet, 7, 8, None)
    transport = tunnel._replace(sa_traffic_type=0, local_subnet=None, remote_subnet=None)

    shown = [encoded(event_of(1, failure))["ikeQmFailure"] for failure in (tunnel, transport)]

    assert [(qm["localSubNet"], qm["remoteSubNet"]) for qm in shown] == [
        ("10.0.0.1", "10.0.0.1"),
        (None, None),
    ]


@given(codes)
def test_a_code_is_explained_where_it_is_known(code: int) -> None:
    error = encoded(event_of(4, KernelDrop(code, 1, 0, 0, 0)))["error"]

    known = failures().get(code) if code >= NTSTATUS_ERROR else None
    assert (error["code"], error["kind"]) == (code, "ntstatus")
    assert int(error["codeHex"], 16) == code
    assert len(error["codeHex"]) == len("0x") + 8
    assert error["name"] == (known.name if known else None)
    me = (known.me.explanation, known.me.check) if known else (None, None)
    assert (error["explanation"], error["check"]) == me


def failures_at(code: int, failure_point: int) -> list[tuple[int, Failure]]:
    """A failure of each mode with this code and failure point, and the type of its event."""
    return [
        (0, MainModeFailure(code, failure_point, 0, 2, 0, 0, 0, None, 1, 1, None, None, None)),
        (1, QuickModeFailure(code, failure_point, 2, 0, 0, 0, None, None, 1, None, None)),
        (2, ExtendedModeFailure(code, failure_point, 0, 0, 0, 0, None, 1, 1, None, None, None)),
    ]


@pytest.mark.parametrize(
    ("failure_point", "explanation"),
    [
        (0, "One side rejected the other's proposal: "),
        (1, "This host rejected the peer's proposal: it does not match this host's policy."),
        (2, "The peer rejected this host's proposal: it does not match the peer's policy."),
        (3, "One side rejected the other's proposal: "),
    ],
)
def test_an_explanation_depends_on_the_failure_point(failure_point: int, explanation: str) -> None:
    for type_, failure in failures_at(13868, failure_point):
        error = encoded(event_of(type_, failure))["error"]
        assert error["explanation"].startswith(explanation)


@pytest.mark.parametrize(
    ("code", "name", "words"),
    [
        (0x800B0109, "CERT_E_UNTRUSTEDROOT", "root that this host does not trust"),
        (0x800B0101, "CERT_E_EXPIRED", "expired"),
        (0x80092013, "CRYPT_E_REVOCATION_OFFLINE", "revoked"),
        (0x8009030C, "SEC_E_LOGON_DENIED", "This host rejected the credentials of the peer"),
        (0x80090322, "SEC_E_WRONG_PRINCIPAL", "name"),
    ],
)
def test_a_code_of_another_subsystem_is_explained(code: int, name: str, words: str) -> None:
    for number in (code, code - 2**32):  # as HRESULTs are signed in C
        for type_, failure in failures_at(number, 1):
            error = encoded(event_of(type_, failure))["error"]
            assert (error["code"], error["codeHex"]) == (code, hex(code))
            assert (error["kind"], error["name"]) == ("win32", name)
            assert words in error["explanation"]
            assert error["check"]
            assert error_name_of(event_of(type_, failure)) == name


def test_other_errors_of_windows_have_their_names_at_least() -> None:
    failure = QuickModeFailure(
        *(1702, 1, 0, 0, 0, 0, Value(0, None), Value(0, None), 1, None, None),
    )

    assert encoded(event_of(1, failure))["error"] == {
        "code": 1702,
        "codeHex": "0x000006a6",
        "kind": "win32",
        "name": "RPC_S_INVALID_BINDING",
        "explanation": None,
        "check": None,
    }
    for code in (5, 1702):  # an NTSTATUS is no Win32 code, explained or not
        assert encoded(event_of(4, KernelDrop(code, 1, 0, 0, 0)))["error"]["name"] is None
    unexplained = failures_at(0x80090026, 1)[0]
    error = encoded(event_of(*unexplained))["error"]
    assert (error["name"], error["explanation"]) == ("NTE_INVALID_HANDLE", None)


@given(u32)
def test_a_spi_is_shown_as_other_tools_show_it(spi: int) -> None:
    drop = encoded(event_of(4, KernelDrop(0xC0360001, 1, spi, 0, 0)))["ipsecDrop"]

    assert (drop["spi"], drop["spiHex"]) == (spi, "0x" + spi.to_bytes(4, "big").hex())


def test_a_type_that_is_not_known_keeps_its_number() -> None:
    rendered = encoded(event_of(77, None))

    assert (rendered["type"], rendered["typeRaw"]) == ("unknown", 77)


@pytest.mark.parametrize(("type_", "bit"), [(0, 1), (2, 2)])
def test_a_benign_failure_is_reported_by_the_bit_of_its_mode(type_: int, bit: int) -> None:
    """FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_BENIGN is 1, …_EM_FAILURE_FLAG_BENIGN is 2."""
    failure: Failure = (
        MainModeFailure(13801, 0, bit | 4, 0, 0, 0, 0, None, 1, 1, None, None, None)
        if type_ == NetEventType.IKEEXT_MM_FAILURE
        else ExtendedModeFailure(13801, 0, bit | 4, 0, 0, 0, None, 1, 1, None, None, None)
    )
    rendered = encoded(event_of(type_, failure))

    flags = (rendered.get("ikeMmFailure") or rendered["ikeEmFailure"])["flags"]
    assert flags == {"value": bit | 4, "names": ["benign"], "unknown": 4}


@given(st.datetimes(datetime(1601, 1, 1, 0, 0, 1), datetime(9999, 12, 31)))  # noqa: DTZ001
def test_the_time_is_the_filetimes(time: datetime) -> None:
    """100 ns since 1601-01-01 in UTC ([MS-DTYP] 2.3.3)."""
    since_1601 = (time - datetime(1601, 1, 1)) // timedelta(microseconds=1) * 10  # noqa: DTZ001

    text = encoded(event_of(77, None, since_1601))["time"]

    assert datetime.fromisoformat(text) == time.replace(tzinfo=UTC)


@pytest.mark.parametrize("filetime", [0, 2**63, 2**64 - 1])
def test_a_time_that_is_none_is_not_reported(filetime: int) -> None:
    assert encoded(event_of(77, None, filetime))["time"] is None


def test_a_certificate_is_identified_by_its_hash() -> None:
    failure = MainModeFailure(13801, 1, 0, 2, 3, 1, 1, bytes(range(20)), 1, 2, None, "host/a", None)

    rendered = encoded(event_of(0, failure))["ikeMmFailure"]

    assert rendered["endCertHash"] == "000102030405060708090a0b0c0d0e0f10111213"
    assert rendered["keyingModuleType"] == "ikev2"
    assert (rendered["mmState"], rendered["saRole"]) == ("final", "responder")
    assert rendered["failurePoint"] == "me"
    assert rendered["remotePrincipalNameForAuth"] == "host/a"
