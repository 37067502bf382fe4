"""What belongs together leads from one to the other, seen from outside.

Things go meanwhile: some of what is followed must be found, and what is found must be right.
"""

from __future__ import annotations

from typing import Any

import httpx2


def items(http: httpx2.Client, url: str) -> list[dict[str, Any]]:
    answer = http.get(url)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def test_contexts_lead_to_their_main_mode_sa_and_back(http: httpx2.Client) -> None:
    returned = 0
    for context in items(http, "/sa-contexts?limit=10"):
        bundle = (context["inboundSa"] or context["outboundSa"] or {}).get("saBundle")
        if bundle is None:
            continue
        answer = http.get(f"/ike-sas/{bundle['mmSaId']}")
        if answer.status_code == 404:
            assert answer.json()["code"] == "ike_sa_not_found"
            continue
        ike_sa = answer.json()
        assert ike_sa["saId"] == bundle["mmSaId"]
        negotiated = items(http, f"/sa-contexts?mmSaId={ike_sa['saId']}")
        for one in negotiated:
            bundles = [sa["saBundle"] for sa in (one["inboundSa"], one["outboundSa"]) if sa]
            assert ike_sa["saId"] in {each["mmSaId"] for each in bundles}
        returned += context["saContextId"] in {one["saContextId"] for one in negotiated}

    assert returned > 0


def test_connections_lead_to_what_protects_them(http: httpx2.Client) -> None:
    assert http.get("/connections?limit=1").json()["monitoring"] == "on"
    protecting = 0
    for connection in items(http, "/connections?limit=10"):
        ends = (
            f"localAddress={connection['localAddress']}&remoteAddress={connection['remoteAddress']}"
        )
        mode = connection["ipsecTrafficModeType"]
        for context in items(http, f"/sa-contexts?{ends}&trafficType={mode}"):
            sa = context["inboundSa"] or context["outboundSa"]
            assert sa["traffic"]["trafficType"] == connection["ipsecTrafficModeType"]
            assert sa["traffic"]["localAddress"] == connection["localAddress"]
            assert sa["traffic"]["remoteAddress"] == connection["remoteAddress"]
            protecting += 1

    assert protecting > 0


def test_the_engine_counts_its_sas(http: httpx2.Client) -> None:
    before = http.get("/statistics/ipsec").json()["aggregateSaStatistics"]
    after = http.get("/statistics/ipsec").json()["aggregateSaStatistics"]

    assert before["activeSas"] > 100
    assert after["totalSasAdded"] >= before["totalSasAdded"] >= before["activeSas"]
