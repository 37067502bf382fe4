"""The outline of one SA context: its state, peer, SAs and main mode SA as indented text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from app.cli.printable import printable
from app.cli.rows import endpoint, traffic_of
from app.resources.sa_contexts.protection import named, protection_of


Outline: TypeAlias = Mapping[str, "str | list[str] | Outline"]
"""Texts and nested outlines by name; each element of a list becomes one line."""

INDENT = "  "
HAS_ENDED = "has ended"
"""What stands in place of a main mode SA that no longer exists."""
NO_PRIVATE_ADDRESS = "0.0.0.0"  # noqa: S104  # not for listening


def outline(parts: Outline, indent: str = "") -> Iterator[str]:
    """Yield an outline as printable lines; omit names without text."""
    shown = {name: part for name, part in parts.items() if part}
    leaves = [name for name, part in shown.items() if not isinstance(part, Mapping)]
    width = max(map(len, leaves), default=0)
    for name, part in shown.items():
        if isinstance(part, Mapping):
            yield indent + printable(name)
            yield from outline(part, indent + INDENT)
            continue
        first, *rest = [part] if isinstance(part, str) else part
        yield f"{indent}{printable(name):{width}}{INDENT}{printable(first)}"
        for line in rest:
            yield f"{indent}{'':{width}}{INDENT}{printable(line)}"


def main_mode_id_of(context: Mapping[str, Any]) -> str | None:
    """Return the id of the main mode SA that negotiated the context, if the engine reports one."""
    sa = context["outboundSa"] or context["inboundSa"]
    found = None if sa is None else sa["saBundle"]["mmSaId"]
    return None if found in {None, "0"} else found


def details_of(context: Mapping[str, Any], main_mode_sa: Mapping[str, Any] | str | None) -> Outline:
    """Return the outline of a context.

    Args:
        context: an `SaContext` object.
        main_mode_sa: the `IkeSa` object of the main mode SA that negotiated the context, or a
            text that says why it is missing; None if the engine reports no main mode SA.
    """
    outbound, inbound = context["outboundSa"], context["inboundSa"]
    sa = outbound or inbound
    parts: dict[str, Any] = {"state": _state(context)}
    if sa is not None:
        parts |= {"peer": _peer(sa)}
    parts |= {
        "outbound SA": "none" if outbound is None else _sa(outbound),
        "inbound SA": "none" if inbound is None else _sa(inbound),
    }
    if main_mode_sa is not None:
        main_mode_id = main_mode_id_of(context)
        parts |= {f"main mode SA {main_mode_id}": _main_mode(main_mode_sa)}
    return {f"SA context {context['saContextId']}": parts}


def _state(context: Mapping[str, Any]) -> str:
    """Return a text that says which SAs a context has."""
    if context["inboundSa"] is None:
        return "no SAs" if context["outboundSa"] is None else "out only"
    return "in only" if context["outboundSa"] is None else "complete"


def _peer(sa: Mapping[str, Any]) -> Outline:
    traffic, bundle = sa["traffic"], sa["saBundle"]
    identity = bundle.get("ipsecId") or {}
    private = bundle["peerV4PrivateAddress"]
    udp = sa["udpEncapsulation"]
    return {
        "remote": endpoint(traffic["remoteAddress"], udp["remoteUdpEncapPort"] if udp else None),
        "private address": "" if private in {None, NO_PRIVATE_ADDRESS} else private,
        "machine": identity.get("mmTargetName") or "",
        "user": identity.get("emTargetName") or "",
        "local": traffic["localAddress"] or "",
        "interface": traffic.get("localIfAlias") or "",
        "mode": traffic["trafficType"],
        "traffic": traffic_of(
            *(traffic.get(name) for name in ("ipProtocol", "localPort", "remotePort"))
        ),
        "UDP encapsulation": ""
        if not udp
        else f"local port {udp['localUdpEncapPort']}, remote port {udp['remoteUdpEncapPort']}",
    }


def _sa(sa: Mapping[str, Any]) -> Outline:
    bundle = sa["saBundle"]
    module = bundle["keyModuleState"] or {}
    return {
        "protection": protection_of(bundle["saList"]),
        "SPI": [f"0x{one['spi']:08x} ({one['spi']})" for one in bundle["saList"]],
        "weaknesses": " ".join(sa["weaknesses"]) or "none",
        "PFS": named(bundle, "pfsGroup"),
        "lifetime": _lifetime(bundle["lifetime"]),
        "idle timeout": f"{idle} s" if (idle := bundle["idleTimeoutSeconds"]) else "none",
        "keying module": module.get("keyModule") or module.get("keyModuleKey") or "",
        "flags": " ".join(bundle["flags"]["names"]),
        "rule": _rule(sa["transportFilter"], sa.get("ruleName")),
    }


def _lifetime(lifetime: Mapping[str, Any]) -> str:
    limits = (
        (lifetime["lifetimeSeconds"], "s"),
        (lifetime["lifetimeKilobytes"], "kB"),
        (lifetime["lifetimePackets"], "packets"),
    )
    return ", ".join(f"{limit} {unit}" for limit, unit in limits if limit) or "no limit"


def _rule(rule: Mapping[str, Any] | None, name: str | None) -> Outline | str:
    """Return a transport filter; if there is none, only the rule's name (older servers lack it)."""
    if rule is None:
        return name or "none"
    return {
        "name": name or rule["name"] or "",
        "description": rule["description"] or "",
        "filter": f"{rule['filterId']}",
        "layer": rule.get("layer") or rule["layerKey"],
        "conditions": [*map(_condition, rule.get("filterCondition", ()))],
    }


def _condition(condition: Mapping[str, Any]) -> str:
    value = condition["conditionValue"]
    text = condition.get("address")
    if text is None and value["type"] == "range":
        text = " to ".join(str((value[end] or {}).get("value")) for end in ("low", "high"))
    if text is None:
        text = value.get("value", value["type"])
    return f"{condition.get('field') or condition['fieldKey']} {condition['matchType']} {text}"


def _main_mode(sa: Mapping[str, Any] | str) -> Outline | str:
    if isinstance(sa, str):
        return sa
    proposal, pairs = sa["ikeProposal"], sa["ikeCredentials"]
    cipher = named(proposal["cipherAlgorithm"], "algoIdentifier")
    integrity = named(proposal["integrityAlgorithm"], "algoIdentifier")
    return {
        "keying module": named(sa, "keyModuleType"),
        "protection": f"{cipher} + {integrity}, {named(proposal, 'dhGroup')}",
        **({"weaknesses": " ".join(sa["weaknesses"]) or "none"} if "weaknesses" in sa else {}),
        "lifetime": f"{proposal['maxLifetimeSeconds']} s",
        "local": [_credential(pair["localCredentials"]) for pair in pairs],
        "peer": [_credential(pair["peerCredentials"]) for pair in pairs],
    }


def _credential(credential: Mapping[str, Any]) -> str:
    """Return how one side authenticated: the method and, if known, the name of that side."""
    name = credential["principalName"] or (credential["certificate"] or {}).get("subjectName")
    method = named(credential, "authenticationMethodType")
    return f"{method} {name}" if name else method
