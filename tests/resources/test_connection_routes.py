"""`/connections`: what connections have of their own."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import orjson
import pytest
from sa_contexts_simulator import Option, Simulator
from starlette.testclient import TestClient

from app.resources.connections.schema import ConnectionExportEnd, ConnectionPage
from bindings.winerror import WinError
from tests.api.test_kinds import NDJSON, is_met
from tests.api.test_problems import assert_problem
from tests.conftest import Serve
from tests.resources.test_sa_context_routes import content_of, walk


@pytest.fixture
def many(serve: Serve) -> TestClient:
    return serve(contexts=600)


def everything(client: TestClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = content_of(client.get("/connections?limit=1000"))["items"]
    return items


def said_by(connection: dict[str, Any]) -> dict[str, set[str]]:
    """For each filter, the values that a connection's JSON has."""
    crypto = connection["mmCrypto"]
    return {
        "ip_version": {connection["ipVersion"]},
        "traffic_type": {connection["ipsecTrafficModeType"]},
        "key_module": {connection["keyModuleType"]},
        "cipher": {crypto["cipherAlgorithm"]["algoIdentifier"]},
        "integrity": {crypto["integrityAlgorithm"]["algoIdentifier"]},
        "dh_group": {crypto["dhGroup"]},
        "authentication_method": {
            connection[peer]["authenticationMethodType"] for peer in ("mmPeer", "emPeer")
        },
    }


@pytest.mark.parametrize(
    "filters",
    [
        {"ipVersion": ["v6"]},
        {"trafficType": ["tunnel"], "ipVersion": ["v4"]},
        {"keyModule": ["ikev2"]},
        {"cipher": ["aes_gcm_128_16icv", "3des"], "keyModule": ["ike"]},
        {"integrity": ["sha_1"], "dhGroup": ["group_2"]},
        {"authenticationMethod": ["kerberos"], "keyModule": ["authip"]},
        {"authenticationMethod": ["certificate", "preshared_key"]},
        {"cipher": ["unknown"]},
    ],
)
@pytest.mark.parametrize("limit", [7, 1000])
def test_a_filtered_walk_gives_what_matches(
    many: TestClient, filters: dict[str, Any], limit: int
) -> None:
    pages = list(walk(many, "/connections", limit=limit, **filters))

    found = [item for page in pages for item in content_of(page)["items"]]
    assert found == [item for item in everything(many) if is_met(said_by(item), filters)]
    assert found or filters == {"cipher": ["unknown"]}


@pytest.mark.parametrize("side", ["local", "remote"])
def test_addresses_and_subnets_are_those_of_the_ends(many: TestClient, side: str) -> None:
    items = everything(many)
    for item in items[:20]:
        address = ip_address(item[f"{side}Address"])
        subnet = ip_network(f"{address}/{address.max_prefixlen - 12}", strict=False)
        for name, value in ((f"{side}Address", address), (f"{side}Subnet", subnet)):
            found = content_of(many.get("/connections", params={"limit": 1000, name: str(value)}))
            assert found["items"] == [
                other for other in items if ip_address(other[f"{side}Address"]) in ip_network(value)
            ]


def test_bytes_are_those_of_the_moment(many: TestClient, simulator: Simulator) -> None:
    known = simulator.connections()[0]
    for received, sent in ((1, 2), (2**63, 2**62), (3, 2**53 + 1)):
        assert simulator.set_connection_bytes(known, received, sent)

        page = many.get("/connections?maxAge=0&limit=1")
        item = many.get(f"/connections/{known}").json()

        assert content_of(page)["items"] == [item]
        assert item["bytesTransferredIn"] == str(received)
        assert item["bytesTransferredOut"] == str(sent)
        assert item["bytesTransferredTotal"] == str(received + sent)


def test_the_contexts_of_a_connection_are_those_between_its_ends(many: TestClient) -> None:
    for connection in everything(many)[:60]:
        filters = {
            "localAddress": connection["localAddress"],
            "remoteAddress": connection["remoteAddress"],
            "trafficType": connection["ipsecTrafficModeType"],
        }
        page = many.get("/sa-contexts", params={**filters, "limit": "1000"})
        contexts = content_of(page)["items"]
        sas = [sa for c in contexts for sa in (c["inboundSa"], c["outboundSa"]) if sa]
        assert sas
        assert {sa["traffic"]["localAddress"] for sa in sas} == {connection["localAddress"]}
        assert {sa["traffic"]["remoteAddress"] for sa in sas} == {connection["remoteAddress"]}
        assert {sa["traffic"]["trafficType"] for sa in sas} == {connection["ipsecTrafficModeType"]}


@pytest.mark.parametrize("is_refused", [True, False])
def test_an_engine_that_keeps_no_track_has_none(
    many: TestClient, simulator: Simulator, is_refused: bool
) -> None:
    known = simulator.connections()[0]
    simulator.set_option(Option.UNMONITORED_IS_EMPTY, not is_refused)
    simulator.monitor_connections(False)

    page = many.get("/connections?maxAge=0")
    export = many.get("/connections", headers=NDJSON)

    assert (content_of(page)["items"], content_of(page)["monitoring"]) == ([], "off")
    ConnectionPage.model_validate_json(page.content)
    ConnectionExportEnd.model_validate_json(export.content)
    assert orjson.loads(export.content)["monitoring"] == content_of(page)["monitoring"]
    assert_problem(many.get(f"/connections/{known}"), 404, "connection_not_found")
    assert not [name for name in many.get("/engine").json()["functions"] if "Set" in name]
    simulator.monitor_connections(True)
    assert everything(many) == []  # of the snapshot that is fresh enough
    page = many.get("/connections?maxAge=0")
    assert content_of(page)["items"]
    assert content_of(page)["monitoring"] == "on"


@pytest.mark.parametrize("code", [1745, WinError.FWP_E_IKEEXT_NOT_RUNNING])
def test_an_engine_that_does_not_report_them_may_have_connections(
    many: TestClient, simulator: Simulator, code: int
) -> None:
    simulator.fail("FwpmEngineGetOption0", code, times=0)

    page = content_of(many.get("/connections?maxAge=0"))

    assert page["items"]
    assert page["monitoring"] == "unknown"
