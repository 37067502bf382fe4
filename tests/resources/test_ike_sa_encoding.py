"""Main mode SAs: what is encoded is what the schemas say, and filters compare what is shown."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.resources.ike_sas.encoding import encode_ike_sa, render_ike_sa
from app.resources.ike_sas.kind import IkeSaSelection, index_key
from app.resources.ike_sas.schema import IkeSa
from app.schemas import names as public
from bindings import enums as wfp
from bindings.ike_records import IkeSa as Record
from tests.repository.test_filters import is_named
from tests.resources.ike_sas import IKE_SAS


@settings(max_examples=300)
@given(IKE_SAS)
def test_any_main_mode_sa_is_encoded_as_the_schema_says(record: Record) -> None:
    body = encode_ike_sa(record)

    shape = IkeSa.model_validate_json(body)

    assert orjson.loads(shape.model_dump_json(by_alias=True)) == orjson.loads(body)


@pytest.mark.parametrize(
    ("numbers", "names"),
    [
        (getattr(wfp, name), getattr(public, name))
        for name in (
            "KeyModule",
            "IkeCipher",
            "IkeIntegrity",
            "DhGroup",
            "AuthenticationMethod",
            "Impersonation",
        )
    ],
)
def test_all_numbers_have_public_names(numbers: Any, names: Any) -> None:
    assert {number.name for number in numbers} | {"UNKNOWN"} == {name.name for name in names}


@given(IKE_SAS)
def test_records_are_shown_under_the_names_of_their_structs(record: Record) -> None:
    shown = render_ike_sa(record)

    assert shown["saId"] == str(record.sa_id)
    assert shown["cookiePair"] == {
        "initiator": str(record.cookie_pair.initiator),
        "initiatorHex": "0x" + record.cookie_pair.initiator.to_bytes(8, "big").hex(),
        "responder": str(record.cookie_pair.responder),
        "responderHex": "0x" + record.cookie_pair.responder.to_bytes(8, "big").hex(),
    }
    assert len(shown["ikeCredentials"]) == len(record.ike_credentials)
    for pair, credentials in zip(shown["ikeCredentials"], record.ike_credentials, strict=True):
        peer = credentials.peer_credentials
        assert pair["peerCredentials"]["principalName"] == peer.principal_name
        if peer.certificate is not None:
            given_hash = pair["peerCredentials"]["certificate"]["certHash"]
            assert bytes.fromhex(given_hash) == peer.certificate.cert_hash


def said_by(sa: dict[str, Any]) -> dict[str, set[str]]:
    """For each filter, the values that a main mode SA's JSON has."""
    traffic, proposal = sa["ikeTraffic"], sa["ikeProposal"]
    return {
        "local_address": {traffic["localAddress"]} - {None},
        "remote_address": {traffic["remoteAddress"]} - {None},
        "ip_version": {traffic["ipVersion"]},
        "key_module": {sa["keyModuleType"]},
        "cipher": {proposal["cipherAlgorithm"]["algoIdentifier"]},
        "integrity": {proposal["integrityAlgorithm"]["algoIdentifier"]},
        "dh_group": {proposal["dhGroup"]},
        "authentication_method": {
            credential["authenticationMethodType"]
            for pair in sa["ikeCredentials"]
            for credential in pair.values()
        },
        "weakness": {*sa["weaknesses"], *(["any"] if sa["weaknesses"] else [])},
        "principal_name": {
            name
            for pair in sa["ikeCredentials"]
            for peer in [pair["peerCredentials"]]
            for name in [peer["principalName"], (peer["certificate"] or {}).get("subjectName")]
            if name is not None
        },
    }


WORDS = {
    "ip_version": public.IpVersion,
    "key_module": public.KeyModule,
    "cipher": public.IkeCipher,
    "integrity": public.IkeIntegrity,
    "dh_group": public.DhGroup,
    "authentication_method": public.AuthenticationMethod,
    "weakness": public.IkeWeaknessFilter,
}


@settings(max_examples=300)
@given(record=IKE_SAS, data=st.data())
def test_a_selection_matches_what_the_json_says(record: Record, data: st.DataObject) -> None:
    said = said_by(render_ike_sa(record))
    asked: dict[str, list[str]] = {}
    for name in data.draw(st.lists(st.sampled_from(sorted(said)), max_size=3, unique=True)):
        others = st.sampled_from([*WORDS[name]]) if name in WORDS else st.ip_addresses().map(str)
        if name == "principal_name":
            here = sorted(said[name])
            others = st.sampled_from([*map(str.swapcase, here), *(n[:3] + "*" for n in here), "*"])
        own = st.sampled_from(sorted(said[name])) if said[name] else others
        asked[name] = data.draw(st.lists(own | others.map(str), min_size=1, max_size=3))

    matches = IkeSaSelection.parse(asked).matcher()(index_key(record))

    def value(name: str, text: str) -> Any:
        return text if name in WORDS else ip_address(text)

    patterns = asked.pop("principal_name", ["*"] if said["principal_name"] else [])
    has_name = not patterns or any(
        is_named(name, pattern) for name in said["principal_name"] for pattern in patterns
    )
    assert matches == (
        has_name
        and all(
            {value(name, text) for text in texts} & {value(name, text) for text in said[name]}
            for name, texts in asked.items()
        )
    )


def test_every_weakness_is_a_filter() -> None:
    assert [*public.IkeWeaknessFilter] == ["any", *public.IkeWeakness]
