"""The simulated host of docs/questions.md: a peer that fails, a user, and SAs that ended.

One of its certificates ends in twelve days.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Any, Final
from uuid import UUID

import httpx2
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from tests.answers.certificates import certificate, main_mode, thumbprint_of
from tests.answers.certificates import name as name_of
from tests.answers.made_tunnels import put_tunnel
from tests.bindings.trees import Tree
from tests.cli.served import served


FAILING: Final = "203.0.113.7"
DOWN: Final = "198.18.0.2"
"""The remote endpoint of a simulated tunnel that is not up."""
SETTINGS: Final[dict[str, Any]] = {
    "simulated_net_events": 0,
    "simulated_crowds": "spoofed:3",
    "expected_peers": f"10.80.0.0,{DOWN}",
}
"""The settings that the page names; `served` changes nothing by itself either."""
LOCAL: Final = "192.0.2.53"
USER: Final = "user05@corp.example"
USERS_ADDRESSES: Final = ("198.51.100.20", "198.51.100.20", "203.0.113.88")
MAIN_MODE: Final = 250403100993217  # which does not exist
ENDED: Final = ("198.51.100.9", "198.51.100.20", "203.0.113.88")
"""The addresses of contexts that ended with their main mode SA; the user's others ended before."""

CERTIFIED: Final = "vpn01.contoso.example"
IKE_INTERMEDIATE: Final = "1.3.6.1.5.5.8.2.2"
SERVER_AUTH: Final = "1.3.6.1.5.5.7.3.1"

IKEV2: Final = UUID("041792cc-8f07-419d-a394-716968cb1647").bytes_le.ljust(40, b"\0")

_number: Final = ffi.integer_const
_SET: Final = sum(
    _number(f"FWPM_NET_EVENT_FLAG_{name}_SET")
    for name in ("LOCAL_ADDR", "REMOTE_ADDR", "IP_VERSION")
)
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)
_POLICY_MATCH: Final = 13868


@contextmanager
def example_host(simulator: Simulator) -> Iterator[str]:
    """Serve the host; yield its URL."""
    with served(250, **SETTINGS) as port:
        url = f"http://127.0.0.1:{port}"
        for context in map(context_of_user, USERS_ADDRESSES):
            simulator.put(context.address)
        ended = [
            context_of_user(ENDED[0]),
            *(context_of_user(address, main_mode=MAIN_MODE) for address in ENDED),
        ]
        numbers = [simulator.put(context.address) for context in ended]
        certified = _certified(simulator)
        simulator.put_ike_sa(certified.address)
        put_tunnel(simulator, "Branch office Łódź", FAILING, key=0xC0FFEE1)
        for failure in [failure_with(FAILING, datetime.now(UTC)) for _ in range(3)]:
            simulator.put_net_event(failure.address)
        simulator.flush()
        _read(url)
        for number in numbers:
            simulator.delete(number)
            simulator.flush()
        _read(url)
        yield url


def _read(url: str) -> None:
    """Read the engine, so that the server knows what has changed."""
    for path in ("sa-contexts", "ike-sas", "connections", "peers"):
        httpx2.get(f"{url}/{path}?maxAge=0&limit=1").raise_for_status()


def context_of_user(remote: str, *, main_mode: int = 0) -> Tree:
    """Return a context of the user, of IKEv2 if it has a main mode SA, which does not exist."""
    tree = Tree()
    for at, name in enumerate(("inboundSa", "outboundSa")):
        details = tree.new("IPSEC_SA_DETAILS1")
        setattr(tree.context, name, details)
        details.saDirection = 1 - at  # FWP_DIRECTION_INBOUND, FWP_DIRECTION_OUTBOUND
        details.traffic.localV4Address = int(IPv4Address(LOCAL))
        details.traffic.remoteV4Address = int(IPv4Address(remote))
        bundle = details.saBundle
        bundle.lifetime.lifetimeSeconds = 3600
        bundle.pfsGroup = _number("IPSEC_PFS_ECP_256")
        bundle.ipsecId = tree.new("IPSEC_ID0")
        bundle.ipsecId.emTargetName = tree.text(USER.encode("utf-16-le"))
        if main_mode:
            bundle.mmSaId = main_mode
            bundle.keyModuleState = tree.new("IPSEC_KEYMODULE_STATE0", IKEV2)
        bundle.numSAs = 1
        bundle.saList = sa = tree.new("IPSEC_SA0")
        sa.spi = 0xC0FFEE00 + at
        sa.saTransformType = _number("IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER")
        sa.espAuthAndCipherInformation = both = tree.new("IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0")
        cipher = both.saCipherInformation.cipherTransform.cipherTransformId
        cipher.cipherType = _number("IPSEC_CIPHER_TYPE_AES_256")
        cipher.cipherConfig = _number("IPSEC_CIPHER_CONFIG_CBC_AES_256")
        integrity = both.saAuthInformation.authTransform.authTransformId
        integrity.authType = _number("IPSEC_AUTH_SHA_256")
        integrity.authConfig = _number("IPSEC_AUTH_CONFIG_HMAC_SHA_256_128")
    return tree


def _certified(simulator: Simulator) -> Tree:
    """Return a main mode SA whose certificate expires soon, and put that into the store."""
    subject = name_of(CERTIFIED)
    encoded = certificate(subject, days=12.5, usages=(IKE_INTERMEDIATE, SERVER_AUTH))
    simulator.put_certificate(thumbprint_of(encoded), encoded)
    proof = (subject.public_bytes(), thumbprint_of(encoded))
    return main_mode(MAIN_MODE - 1, "198.51.100.61", (proof, None))


def failure_with(remote: str, at: datetime) -> Tree:
    """Return a main mode failure with IKEv2: the peer rejected the proposal."""
    tree = Tree(5, struct="FWPM_NET_EVENT")
    event: Any = tree.context
    ticks = int((at - _EPOCH).total_seconds() * 10_000_000)
    event.header.timeStamp.dwLowDateTime = ticks & 0xFFFFFFFF
    event.header.timeStamp.dwHighDateTime = ticks >> 32
    event.header.flags = _SET
    event.header.localAddrV4 = int(IPv4Address(LOCAL))
    event.header.remoteAddrV4 = int(IPv4Address(remote))
    event.type = _number("FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE")
    event.ikeMmFailure = failure = tree.new("FWPM_NET_EVENT_IKEEXT_MM_FAILURE2")
    failure.failureErrorCode = _POLICY_MATCH
    failure.failurePoint = _number("IPSEC_FAILURE_PEER")
    failure.keyingModuleType = _number("IKEEXT_KEY_MODULE_IKEV2")
    return tree
