"""The server's certificate and API keys, and what its clients present and trust."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import trustme

from app.auth.scopes import Scope
from tests.auth.made import id_of, make_key, run_keys
from tests.authorities import Files, client_context


@dataclass(frozen=True)
class Credentials:
    """The credentials of the server and its clients.

    Attributes:
        settings: the server's settings for its certificate and keys.
        keys: for each scope, a key that has only this scope.
        revoked: a key with all scopes that is revoked.
        tls: settings of a client that trusts the server's authority and no other.
        authority: its certificate, in PEM.
    """

    settings: Mapping[str, object]
    keys: Mapping[str, str]
    revoked: str
    tls: ssl.SSLContext
    authority: bytes


def issue(folder: Path) -> Credentials:
    """Issue credentials, with the server's files in a folder."""
    files, authority, path = Files(folder), trustme.CA(), folder / "keys.json"
    files.show(authority)
    keys = {scope.value: make_key(path, scope.value, name=scope.value) for scope in Scope}
    revoked = make_key(path, *keys, name="revoked")
    run_keys("revoke", id_of(revoked), path=path)
    return Credentials(
        {
            "tls_certificate_file": files.certificate,
            "tls_key_file": files.key,
            "api_keys_file": path,
        },
        keys,
        revoked,
        client_context(authority),
        authority.cert_pem.bytes(),
    )
