"""Lists and their filters as clients use them, and what they mean, computed from returned JSON.

An object is listed if one of its parts meets all filters, each by any of its values. The parts of
a context are its two SAs; main mode SAs and connections are undivided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from random import Random
from typing import Any


Filters = dict[str, list[str]]
Object = dict[str, Any]
Values = Callable[[Object], Iterable[Any]]

SUBNETS = {"localSubnet", "remoteSubnet"}


@dataclass(frozen=True)
class Listing:
    """A list.

    Attributes:
        path: its path.
        id_name: the member that is an object's id.
        parts: an object's parts.
        values: for each filter, the values that a part has; None if the engine reports none.
        has_view: whether it has the parameter `view`.
    """

    path: str
    id_name: str
    parts: Callable[[Object], list[Object]]
    values: Mapping[str, Values]
    has_view: bool = False

    def draw(self, random: Random, objects: list[Object]) -> Filters:
        """Draw some filters by values that objects have; none if there are no objects.

        Args:
            random: the source of chance.
            objects: the objects seen so far.
        """
        names = random.sample(sorted(self.values), random.choice([0, 0, 1, 1, 1, 2]))
        drawn: Filters = {}
        for name in names:
            values = set()
            for _ in range(random.choice([1, 1, 2, 5])):
                values |= set(self._values(random, objects, name))
            if values:
                drawn[name] = sorted(values)
        return drawn

    def matches(self, listed: Object, filters: Filters) -> bool:
        """Return whether an object matches the filters."""
        return not filters or any(
            all(self._meets(part, name, wanted) for name, wanted in filters.items())
            for part in self.parts(listed)
        )

    def _meets(self, part: Object, name: str, wanted: list[str]) -> bool:
        values = self.values[name](part)
        if name in SUBNETS:
            networks = [ip_network(text) for text in wanted]
            return any(
                ip_address(value) in network for value in values if value for network in networks
            )
        return not set(wanted).isdisjoint(values)

    def _values(self, random: Random, objects: list[Object], name: str) -> list[str]:
        """Return a random object's value for a filter; a subnet is made around its address."""
        parts = [part for listed in objects for part in self.parts(listed)]
        if not parts:
            return []
        values = [value for value in self.values[name](random.choice(parts)) if value is not None]
        if name not in SUBNETS:
            return [random.choice(values)] if values else []
        prefixes = {4: [8, 16, 24, 32], 6: [16, 32, 64, 128]}
        return [
            str(
                ip_network(
                    (value, random.choice(prefixes[ip_address(value).version])), strict=False
                )
            )
            for value in values
        ]


def _of_transforms(part: str, word: str) -> Values:
    """Return the words of an SA's transforms; `none` stands for absence."""

    def values(sa: Object) -> list[Any]:
        transforms = [each["transform"] for each in sa["saBundle"]["saList"]]
        return [transform[part][word] for transform in transforms if part in transform] or ["none"]

    return values


def _of_ends(ends: Callable[[Object], Object]) -> dict[str, Values]:
    """Return the filters by address; `ends` returns the part with both addresses."""
    return {
        "localSubnet": lambda listed: [ends(listed)["localAddress"]],
        "remoteSubnet": lambda listed: [ends(listed)["remoteAddress"]],
        "localAddress": lambda listed: [ends(listed)["localAddress"]],
        "remoteAddress": lambda listed: [ends(listed)["remoteAddress"]],
        "ipVersion": lambda listed: [listed["ipVersion"]],
    }


def _of_proposals(member: str) -> dict[str, Values]:
    """Return the filters by protection; `member` is the name of the IKE proposal."""
    return {
        "keyModule": lambda listed: [listed["keyModuleType"]],
        "cipher": lambda listed: [listed[member]["cipherAlgorithm"]["algoIdentifier"]],
        "integrity": lambda listed: [listed[member]["integrityAlgorithm"]["algoIdentifier"]],
        "dhGroup": lambda listed: [listed[member]["dhGroup"]],
    }


def _folded(names: Iterable[str | None]) -> list[Any]:
    """Return names without case, which filters on names ignore."""
    return [name.casefold() for name in names if name]


def _names(credentials: Iterable[Object]) -> list[Any]:
    """Return the names in credentials: the principal's, or the subject of the certificate."""
    return _folded(
        each["principalName"] or (each["certificate"] or {}).get("subjectName")
        for each in credentials
    )


def _weaknesses(listed: Object) -> list[Any]:
    """Return the weaknesses and, if there are any, `any`."""
    return [*listed["weaknesses"], *(["any"] if listed["weaknesses"] else [])]


SA_CONTEXTS = Listing(
    "/sa-contexts",
    "saContextId",
    lambda context: [sa for sa in (context["inboundSa"], context["outboundSa"]) if sa],
    {
        **_of_ends(lambda sa: sa["traffic"]),
        "trafficType": lambda sa: [sa["traffic"]["trafficType"]],
        "transformType": lambda sa: [
            each["transform"]["transformType"] for each in sa["saBundle"]["saList"]
        ],
        "cipher": _of_transforms("cipherTransform", "cipherConfig"),
        "integrity": _of_transforms("authTransform", "authConfig"),
        "pfsGroup": lambda sa: [sa["saBundle"]["pfsGroup"]],
        "keyModule": lambda sa: [
            (sa["saBundle"]["keyModuleState"] or {}).get("keyModule", "unknown")
        ],
        "weakness": _weaknesses,
        "ruleName": lambda sa: _folded([sa["ruleName"]]),
        "udpPort": lambda sa: [*map(str, (sa["udpEncapsulation"] or {}).values())],
        "mmSaId": lambda sa: [sa["saBundle"]["mmSaId"]],
        "qmFilterId": lambda sa: [sa["saBundle"].get("qmFilterId")],
        "spi": lambda sa: [str(each["spi"]) for each in sa["saBundle"]["saList"]],
    },
    has_view=True,
)
IKE_SAS = Listing(
    "/ike-sas",
    "saId",
    lambda sa: [sa],
    {
        **_of_ends(lambda sa: sa["ikeTraffic"]),
        **_of_proposals("ikeProposal"),
        "authenticationMethod": lambda sa: [
            side["authenticationMethodType"]
            for pair in sa["ikeCredentials"]
            for side in pair.values()
        ],
        "weakness": _weaknesses,
        "principalName": lambda sa: _names(
            pair["peerCredentials"] for pair in sa["ikeCredentials"]
        ),
    },
)
CONNECTIONS = Listing(
    "/connections",
    "connectionId",
    lambda connection: [connection],
    {
        **_of_ends(lambda connection: connection),
        **_of_proposals("mmCrypto"),
        "trafficType": lambda connection: [connection["ipsecTrafficModeType"]],
        "authenticationMethod": lambda connection: [
            connection[peer]["authenticationMethodType"]
            for peer in ("mmPeer", "emPeer")
            if connection.get(peer)
        ],
        "principalName": lambda connection: _names(
            connection[peer] for peer in ("mmPeer", "emPeer") if connection.get(peer)
        ),
    },
)
LISTINGS = (SA_CONTEXTS, IKE_SAS, CONNECTIONS)
