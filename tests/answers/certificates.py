"""Certificates for tests, and main mode SAs that use them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from bindings._fwpuclnt import ffi
from tests.bindings.trees import Tree


KEY = generate_private_key(SECP256R1())


def name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def certificate(
    subject: x509.Name,
    *,
    days: float = 400,
    usages: Sequence[str] = (),
    names: Sequence[x509.GeneralName] = (),
    serial: int = 4711,
) -> bytes:
    """A certificate in DER that ends in so many days from now."""
    ends = datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(name("Corp Issuing CA"))
        .public_key(KEY.public_key())
        .serial_number(serial)
        .not_valid_before(ends - timedelta(days=730))
        .not_valid_after(ends)
    )
    if usages:
        each = [x509.ObjectIdentifier(usage) for usage in usages]
        builder = builder.add_extension(x509.ExtendedKeyUsage(each), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


def thumbprint_of(encoded: bytes) -> bytes:
    return hashlib.sha1(encoded, usedforsecurity=False).digest()


def main_mode(
    sa_id: int,
    remote: str,
    *pairs: tuple[tuple[bytes, bytes] | None, tuple[bytes, bytes] | None],
) -> Tree:
    """A main mode SA of IKEv2 whose pairs of credentials have these subjects and hashes.

    Each pair is this host's and the peer's; None: no certificate.
    """
    tree = Tree(2, struct="IKEEXT_SA_DETAILS")
    sa: Any = tree.context
    sa.saId = sa_id
    sa.keyModuleType = ffi.integer_const("IKEEXT_KEY_MODULE_IKEV2")
    address = ip_address(remote)
    if address.version == 4:
        sa.ikeTraffic.localV4Address = 0x0A000001
        sa.ikeTraffic.remoteV4Address = int(address)
    else:
        sa.ipVersion = sa.ikeTraffic.ipVersion = ffi.integer_const("FWP_IP_VERSION_V6")
        ffi.buffer(sa.ikeTraffic.remoteV6Address)[:] = address.packed
    sa.ikeCredentials.numCredentials = len(pairs)
    size = ffi.sizeof("IKEEXT_CREDENTIAL_PAIR2")
    credentials = tree.array("IKEEXT_CREDENTIAL_PAIR2", bytes(size * len(pairs)))
    sa.ikeCredentials.credentials = credentials
    for at, pair in enumerate(pairs):
        sides = (credentials[at].localCredentials, credentials[at].peerCredentials)
        for credential, proof in zip(sides, pair, strict=True):
            credential.authenticationMethodType = ffi.integer_const("IKEEXT_ANONYMOUS")
            if proof is not None:
                credential.authenticationMethodType = ffi.integer_const("IKEEXT_CERTIFICATE")
                credential.certificate = _credential(tree, *proof)
    return tree


def _credential(tree: Tree, subject: bytes, hash_: bytes) -> Any:
    made = tree.new("IKEEXT_CERTIFICATE_CREDENTIAL1")
    for blob, content in ((made.subjectName, subject), (made.certHash, hash_)):
        blob.size, blob.data = len(content), tree.array("UINT8", content)
    return made
