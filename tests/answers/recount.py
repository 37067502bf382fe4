"""The peers of a host counted again, from the objects' own JSON: what any client could do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from app.resources.sa_contexts.protection import protection_of


Json = Mapping[str, Any]


def sas_of(context: Json) -> list[Json]:
    return [sa for sa in (context["inboundSa"], context["outboundSa"]) if sa is not None]


def peers_of(context: Json) -> set[str]:
    return {sa["traffic"]["remoteAddress"] for sa in sas_of(context)} - {None}


def identity_of(context: Json) -> list[str]:
    """The names in the outbound SA or, without it, in the inbound SA."""
    names = sas_of(context)[-1]["saBundle"]["ipsecId"] or {}
    return [
        name for name in (names.get("mmTargetName"), names.get("emTargetName")) if name is not None
    ]


def names_of_ike_sa(sa: Json) -> list[str]:
    """The names that the peer authenticated with; of a certificate, its subject."""
    credentials = [pair["peerCredentials"] for pair in sa["ikeCredentials"]]
    names = [
        (each["certificate"] or {}).get("subjectName")
        if each["principalName"] is None
        else each["principalName"]
        for each in credentials
    ]
    return list(dict.fromkeys(name for name in names if name is not None))


def client_of(context: Json) -> tuple[int, str] | None:
    sa = sas_of(context)[-1]
    port = (sa["udpEncapsulation"] or {}).get("remoteUdpEncapPort", 0)
    if not port:
        return None
    name = (identity_of(context) or [""])[-1]
    return port, name or f"main mode {sa['saBundle']['mmSaId']}"


def ranked(counts: Counter[str]) -> list[str]:
    return [text for _, text in sorted((-count, text) for text, count in counts.items())]


def recount(
    contexts: Iterable[Json],
    ike_sas: Iterable[Json],
    *,
    expected: Iterable[str] = (),
    failing: Iterable[str] = (),
) -> dict[str, dict[str, Any]]:
    """Return the peers by address, without `lastChange`."""
    contexts, ike_sas, expected, failing = [*contexts], [*ike_sas], {*expected}, {*failing}
    addresses = {address for context in contexts for address in peers_of(context)}
    addresses |= {sa["ikeTraffic"]["remoteAddress"] for sa in ike_sas} - {None}
    return {
        address: _peer(
            address,
            [context for context in contexts if address in peers_of(context)],
            [sa for sa in ike_sas if sa["ikeTraffic"]["remoteAddress"] == address],
            is_expected=address in expected,
            is_failing=address in failing,
        )
        for address in addresses | expected | failing
    }


def _peer(
    address: str, contexts: list[Json], ike_sas: list[Json], *, is_expected: bool, is_failing: bool
) -> dict[str, Any]:
    complete = sum(len(sas_of(context)) == 2 for context in contexts)
    if contexts:
        state = "protected" if complete else "partial"
    elif ike_sas:
        state = "negotiating"
    else:
        state = "failing" if is_failing else "down"
    every_sa = [sa for context in contexts for sa in sas_of(context)]
    modules = {(sa["saBundle"]["keyModuleState"] or {}).get("keyModule") for sa in every_sa}
    modules |= {sa["keyModuleType"] for sa in ike_sas}
    protections = Counter(
        protection_of(sas_of(each)[-1]["saBundle"]["saList"]) for each in contexts
    )
    names = Counter(name for context in contexts for name in identity_of(context))
    names.update(name for sa in ike_sas for name in names_of_ike_sa(sa))
    clients = {client_of(context) for context in contexts} - {None}
    return {
        "address": address,
        "ipVersion": f"v{ip_address(address).version}",
        "state": state,
        "isExpected": is_expected,
        "saContexts": len(contexts),
        "completeSaContexts": complete,
        "ikeSas": len(ike_sas),
        "keyModules": sorted(modules - {None, "unknown"}),
        "protections": [
            {"protection": text, "saContexts": protections[text]} for text in ranked(protections)
        ],
        "weaknesses": {name for sa in every_sa for name in sa["weaknesses"]},
        "principalNames": ranked(names)[:10],
        "principalNameCount": len(names),
        "natClients": len(clients),
    }
