"""Identities of hosts: Ed25519 keys (RFC 8032), from which the ids of hosts follow."""

from __future__ import annotations

from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def host_id_of(public_key: bytes) -> str:
    """Return the id of the host with this key: the first half of a SHA-256, in hexadecimal."""
    return sha256(b"host of the fleet\0" + public_key).hexdigest()[:32]


def statement(host_id: str, nonce: str, instance: str) -> bytes:
    """Return what an agent signs to open a session, and nothing else can mean."""
    return f"sa-contexts fleet session 1\n{host_id}\n{nonce}\n{instance}\n".encode()


def is_signed(public_key: bytes, signature: bytes, signed: bytes) -> bool:
    """Return whether the holder of a key's private part signed this."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True
