"""`/ike-sas`: what main mode SAs have of their own."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import orjson
import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.schemas.names import Baseline
from tests.api.test_kinds import is_met
from tests.conftest import Serve
from tests.resources.test_ike_sa_encoding import said_by
from tests.resources.test_sa_context_routes import content_of, walk


@pytest.fixture
def many(serve: Serve) -> TestClient:
    return serve(contexts=600)


def everything(client: TestClient) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = content_of(client.get("/ike-sas?limit=1000"))["items"]
    return items


@pytest.mark.parametrize(
    "filters",
    [
        {"ipVersion": ["v6"]},
        {"keyModule": ["ikev2"], "ipVersion": ["v4"]},
        {"cipher": ["aes_gcm_128_16icv", "3des"]},
        {"integrity": ["sha_1"], "dhGroup": ["group_2"]},
        {"dhGroup": ["ecp_384", "group_14"]},
        {"authenticationMethod": ["kerberos"], "keyModule": ["authip"]},
        {"authenticationMethod": ["preshared_key"]},
        {"cipher": ["unknown"]},
        {"weakness": ["any"]},
        {"weakness": ["any"], "keyModule": ["authip", "ikev2"]},
        {"weakness": ["dh_group_2", "3des"], "keyModule": ["ike"]},
        {"weakness": ["preshared_key"]},
    ],
)
@pytest.mark.parametrize("limit", [7, 1000])
def test_a_filtered_walk_gives_what_matches(
    many: TestClient, filters: dict[str, Any], limit: int
) -> None:
    pages = list(walk(many, "/ike-sas", limit=limit, **filters))

    found = [item for page in pages for item in content_of(page)["items"]]
    assert found == [item for item in everything(many) if is_met(said_by(item), filters)]
    assert found or filters == {"cipher": ["unknown"]}


@pytest.mark.parametrize("side", ["local", "remote"])
def test_addresses_and_subnets_are_those_of_the_traffic(many: TestClient, side: str) -> None:
    items = everything(many)
    for item in items[:20]:
        address = ip_address(item["ikeTraffic"][f"{side}Address"])
        subnet = ip_network(f"{address}/{address.max_prefixlen - 12}", strict=False)
        for name, value in ((f"{side}Address", address), (f"{side}Subnet", subnet)):
            found = content_of(many.get("/ike-sas", params={"limit": 1000, name: str(value)}))
            assert found["items"] == [
                other
                for other in items
                if ip_address(other["ikeTraffic"][f"{side}Address"]) in ip_network(value)
            ]


def test_a_context_leads_to_its_main_mode_sa_and_back(many: TestClient) -> None:
    contexts = content_of(many.get("/sa-contexts?limit=50"))["items"]
    sas = [(c, sa) for c in contexts for sa in (c["inboundSa"], c["outboundSa"]) if sa]
    assert len(sas) > 50

    alive = {item["saId"] for item in everything(many)}
    outlived = [sa for _, sa in sas if sa["saBundle"]["mmSaId"] not in alive]
    ended = {many.get(f"/ike-sas/{sa['saBundle']['mmSaId']}").status_code for sa in outlived}
    assert ended <= {404}
    assert len(outlived) < 10
    for context, sa in sas:
        if sa in outlived:
            continue
        main_mode = many.get(f"/ike-sas/{sa['saBundle']['mmSaId']}").json()
        assert main_mode["saId"] == sa["saBundle"]["mmSaId"]
        back = content_of(many.get(f"/sa-contexts?mmSaId={main_mode['saId']}"))["items"]
        assert context in back
        assert all(
            main_mode["saId"] == direction["saBundle"]["mmSaId"]
            for other in back
            for direction in (other["inboundSa"], other["outboundSa"])
            if direction
        )


def test_without_ikeext_there_are_none_and_the_list_says_why(
    many: TestClient, simulator: Simulator
) -> None:
    known = everything(many)[0]["saId"]
    simulator.fail("IkeextSaCreateEnumHandle0", 0x80320044, times=0)
    simulator.fail("IkeextSaGetById2", 0x80320044, times=0)

    page = content_of(many.get("/ike-sas?maxAge=0"))

    assert (page["items"], page["ikeext"]) == ([], "not_running")
    gone = many.get(f"/ike-sas/{known}")
    assert (gone.status_code, gone.json()["code"]) == (404, "ike_sa_not_found")
    simulator.clear_failures()
    assert "ikeext" not in content_of(many.get("/ike-sas?maxAge=0"))


def test_weaknesses_are_judged_by_the_baseline_of_the_settings(serve: Serve) -> None:
    shown = {baseline: everything(serve(contexts=600, baseline=baseline)) for baseline in Baseline}

    for nist, rfc in zip(*shown.values(), strict=True):
        assert nist["saId"] == rfc["saId"]
        assert {*rfc["weaknesses"]} <= {*nist["weaknesses"]}
        has_3des = nist["ikeProposal"]["cipherAlgorithm"]["algoIdentifier"] == "3des"
        assert has_3des == ("3des" in nist["weaknesses"])
        assert "3des" not in rfc["weaknesses"]


def test_a_filter_by_weakness_is_one_of_exports_and_of_cursors(many: TestClient) -> None:
    weak = [item for item in everything(many) if item["weaknesses"]]

    lines = many.get("/ike-sas?weakness=any", headers={"accept": "application/x-ndjson"}).text
    assert [orjson.loads(line) for line in lines.splitlines()[:-1]] == weak
    cursor = content_of(many.get("/ike-sas?weakness=any&limit=1"))["nextCursor"]
    same = many.get(f"/ike-sas?cursor={cursor}&weakness=any&limit=1")
    assert content_of(same)["items"] == weak[1:2]
    assert many.get(f"/ike-sas?cursor={cursor}&weakness=des").status_code == 400
    assert many.get("/ike-sas?weakness=no_pfs").status_code == 422
