"""Connections are encoded as the schema says, and as what they are says elsewhere."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator

from app.resources.connections.encoding import encode_connection
from app.resources.connections.schema import Connection
from app.resources.wfp.filetimes import moment_of
from app.schemas import names as public
from bindings import enums as wfp
from bindings.connections import Connection as Record
from bindings.engine import Engine
from bindings.library import Library

from .connections import CONNECTIONS


ABI: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "abi.json").read_text(encoding="utf-8")
)


@settings(max_examples=300)
@given(CONNECTIONS)
def test_any_connection_is_encoded_as_the_schema_says(record: Record) -> None:
    body = encode_connection(record)

    shape = Connection.model_validate_json(body)

    assert orjson.loads(shape.model_dump_json(by_alias=True)) == orjson.loads(body)


def named(enumeration: str, prefix: str, number: int) -> str:
    """What Microsoft calls a number, in lower case."""
    for name, value in ABI["enums"][enumeration].items():
        if value == number and not name.endswith(("MAX", "2048")):
            # Only IKEEXT_INTEGRITY_SHA1 has no underscore before its number.
            return str(name.removeprefix(prefix).lower()).replace("sha1", "sha_1")
    return "unknown"


@settings(max_examples=200)
@given(CONNECTIONS)
def test_what_is_said_is_what_the_record_holds(record: Record) -> None:
    said = orjson.loads(encode_connection(record))

    assert int(said["connectionId"]) == record.connection_id
    for field, packed in (
        ("localAddress", record.local_address),
        ("remoteAddress", record.remote_address),
    ):
        assert (said[field] and ip_address(said[field]).packed) == packed
    for field, enumeration, prefix, number in (
        ("ipVersion", "FWP_IP_VERSION", "FWP_IP_VERSION_", record.ip_version),
        (
            "ipsecTrafficModeType",
            "IPSEC_TRAFFIC_TYPE",
            "IPSEC_TRAFFIC_TYPE_",
            record.ipsec_traffic_mode_type,
        ),
        ("keyModuleType", "IKEEXT_KEY_MODULE_TYPE", "IKEEXT_KEY_MODULE_", record.key_module_type),
    ):
        assert said[field] == named(enumeration, prefix, number)
        assert said.get(f"{field}Raw") == (number if said[field] == "unknown" else None)
    crypto = said["mmCrypto"]
    assert crypto["cipherAlgorithm"]["algoIdentifier"] == named(
        "IKEEXT_CIPHER_TYPE", "IKEEXT_CIPHER_", record.mm_crypto.cipher
    )
    assert crypto["integrityAlgorithm"]["algoIdentifier"] == named(
        "IKEEXT_INTEGRITY_TYPE", "IKEEXT_INTEGRITY_", record.mm_crypto.integrity
    )
    assert crypto["maxLifetimeSeconds"] == record.mm_crypto.max_lifetime_seconds
    assert crypto["quickModeLimit"] == record.mm_crypto.quick_mode_limit
    for peer, credential in ((said["mmPeer"], record.mm_peer), (said["emPeer"], record.em_peer)):
        assert peer["authenticationMethodType"] == named(
            "IKEEXT_AUTHENTICATION_METHOD_TYPE", "IKEEXT_", credential.authentication_method_type
        )
        assert peer["principalName"] == credential.principal_name
        if credential.certificate is None:
            assert peer["certificate"] is None
        else:
            assert bytes.fromhex(peer["certificate"]["certHash"]) == (
                credential.certificate.cert_hash
            )
    assert (
        int(said["bytesTransferredIn"]),
        int(said["bytesTransferredOut"]),
        int(said["bytesTransferredTotal"]),
    ) == (
        record.bytes_transferred_in,
        record.bytes_transferred_out,
        record.bytes_transferred_total,
    )


@given(
    st.datetimes(min_value=datetime(1601, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # it has
    st.integers(0, 9),
)
@example(datetime(2026, 1, 1, tzinfo=UTC), 9)
@example(datetime.max.replace(tzinfo=UTC), 9)
def test_a_filetime_reads_as_its_moment(moment: datetime, rest: int) -> None:
    microseconds = (moment - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    filetime = microseconds * 10 + rest

    assert moment_of(filetime) == (moment if filetime else None)


def test_a_known_filetime_reads_as_microsoft_says() -> None:
    """The Unix epoch is 116444736000000000 (learn.microsoft.com, "Converting a time_t value")."""
    assert moment_of(116444736000000000) == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("filetime", [0, 2**64 - 1, 2**63, 2650467744000000000])
def test_no_time_and_one_that_rfc_3339_cannot_write_are_null(filetime: int) -> None:
    assert moment_of(filetime) is None


@given(CONNECTIONS)
def test_every_time_is_null_or_a_time(record: Record) -> None:
    text = orjson.loads(encode_connection(record))["startSysTime"]

    assert text is None or text.endswith("Z")
    assert (None if text is None else datetime.fromisoformat(text)) == moment_of(record.started)


def test_generated_connections_are_encoded_as_the_schema_says(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(1500, seed=3)
    with Engine(library) as engine:
        records = engine.with_connections(lambda each: [c for page in each.pages() for c in page])
    shapes = [Connection.model_validate_json(encode_connection(record)) for record in records]

    assert [int(shape.connection_id) for shape in shapes] == simulator.connections()
    subjects = {
        each.mm_peer.certificate.subject_name for each in shapes if each.mm_peer.certificate
    }
    assert None not in subjects
    assert {str(subject)[:3] for subject in subjects} == {"CN="}
    assert all(shape.start_sys_time is not None for shape in shapes)


def test_no_secret_is_said(library: Library, simulator: Simulator) -> None:
    simulator.populate(1000)
    with Engine(library) as engine:
        records = engine.with_connections(lambda each: [c for page in each.pages() for c in page])
    said = b"".join(map(encode_connection, records))

    assert b"preshared_key" in said  # there are such, and their secret is the canary
    for secret in (b"CANARY", b"CANARY".hex().encode()):
        assert secret not in said


@pytest.mark.parametrize(
    "name",
    ["KeyModule", "IkeCipher", "IkeIntegrity", "DhGroup", "AuthenticationMethod", "Impersonation"],
)
def test_every_number_has_a_name_and_there_is_one_for_the_others(name: str) -> None:
    numbers, names = getattr(wfp, name), getattr(public, name)

    assert [*(member.name for member in numbers), "UNKNOWN"] == [member.name for member in names]
