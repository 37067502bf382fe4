"""Filters as clients send them, and their meaning, computed from the returned JSON.

A context matches when one of its two SAs meets all filters, each by any of its values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import ip_address, ip_network
from random import Random
from typing import Any


Filters = dict[str, list[str]]
Values = Callable[[dict[str, Any]], Iterable[Any]]


def _of_transforms(part: str, word: str) -> Values:
    """Return the words of an SA's transforms; `none` stands for absence."""

    def values(sa: dict[str, Any]) -> list[Any]:
        transforms = [each["transform"] for each in sa["saBundle"]["saList"]]
        return [transform[part][word] for transform in transforms if part in transform] or ["none"]

    return values


VALUES: dict[str, Values] = {
    "localSubnet": lambda sa: [sa["traffic"]["localAddress"]],
    "remoteSubnet": lambda sa: [sa["traffic"]["remoteAddress"]],
    "localAddress": lambda sa: [sa["traffic"]["localAddress"]],
    "remoteAddress": lambda sa: [sa["traffic"]["remoteAddress"]],
    "ipVersion": lambda sa: [sa["ipVersion"]],
    "trafficType": lambda sa: [sa["traffic"]["trafficType"]],
    "transformType": lambda sa: [
        each["transform"]["transformType"] for each in sa["saBundle"]["saList"]
    ],
    "cipher": _of_transforms("cipherTransform", "cipherConfig"),
    "integrity": _of_transforms("authTransform", "authConfig"),
    "pfsGroup": lambda sa: [sa["saBundle"]["pfsGroup"]],
    "weakness": lambda sa: sa["weaknesses"],
    "mmSaId": lambda sa: [sa["saBundle"]["mmSaId"]],
    "qmFilterId": lambda sa: [sa["saBundle"].get("qmFilterId")],
    "spi": lambda sa: [str(each["spi"]) for each in sa["saBundle"]["saList"]],
}
"""Return an SA's value for each filter; None if generation 0 lacks it."""

SUBNETS = {"localSubnet", "remoteSubnet"}


def draw(random: Random, contexts: list[dict[str, Any]]) -> Filters:
    """Draw some filters by values that contexts have; none if there are no contexts.

    Args:
        random: the source of chance.
        contexts: the contexts seen so far.
    """
    names = random.sample(sorted(VALUES), random.choice([0, 0, 1, 1, 1, 2]))
    drawn: Filters = {}
    for name in names:
        values = set()
        for _ in range(random.choice([1, 1, 2, 5])):
            values |= set(_values(random, contexts, name))
        if values:
            drawn[name] = sorted(values)
    return drawn


def matches(context: dict[str, Any], filters: Filters) -> bool:
    """Return whether a context matches the filters."""
    if not filters:
        return True
    sas = [sa for sa in (context["inboundSa"], context["outboundSa"]) if sa]
    return any(all(_meets(sa, name, wanted) for name, wanted in filters.items()) for sa in sas)


def _meets(sa: dict[str, Any], name: str, wanted: list[str]) -> bool:
    values = VALUES[name](sa)
    if name in SUBNETS:
        networks = [ip_network(text) for text in wanted]
        return any(ip_address(value) in network for value in values for network in networks)
    return not set(wanted).isdisjoint(values)


def _values(random: Random, contexts: list[dict[str, Any]], name: str) -> list[str]:
    """Return a random context's value for a filter; a subnet is made around its address."""
    sas = [sa for context in contexts for sa in (context["inboundSa"], context["outboundSa"]) if sa]
    if not sas:
        return []
    values = [value for value in VALUES[name](random.choice(sas)) if value is not None]
    if name not in SUBNETS:
        return [random.choice(values)] if values else []
    prefixes = {4: [8, 16, 24, 32], 6: [16, 32, 64, 128]}
    return [
        str(ip_network((value, random.choice(prefixes[ip_address(value).version])), strict=False))
        for value in values
    ]
