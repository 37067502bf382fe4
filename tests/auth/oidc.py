"""A little OIDC issuer on a real socket, which signs by hand (RFC 7515, RFC 7518).

It is built on `cryptography` alone, not on what the server reads tokens with.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


AUDIENCE = "api://sa-contexts"


def encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()


def json_encoded(content: object) -> str:
    return encoded(json.dumps(content).encode())


@dataclass(frozen=True)
class SigningKey:
    """A key of an issuer's."""

    kid: str
    alg: str
    private: Any

    @property
    def jwk(self) -> dict[str, str]:
        public = self.private.public_key()
        about = {"kid": self.kid, "use": "sig", "alg": self.alg}
        if isinstance(public, rsa.RSAPublicKey):
            numbers = public.public_numbers()
            modulus = numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8)
            return {**about, "kty": "RSA", "n": encoded(modulus), "e": "AQAB"}
        if isinstance(public, ec.EllipticCurvePublicKey):
            point = public.public_numbers()
            x, y = (encoded(number.to_bytes(32)) for number in (point.x, point.y))
            return {**about, "kty": "EC", "crv": "P-256", "x": x, "y": y}
        raw = public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        return {**about, "kty": "OKP", "crv": "Ed25519", "x": encoded(raw)}

    @property
    def pem(self) -> bytes:
        pem: bytes = self.private.public_key().public_bytes(
            Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
        )
        return pem

    def signature(self, text: bytes) -> bytes:
        signature: bytes
        if self.alg == "ES256":
            r, s = decode_dss_signature(self.private.sign(text, ec.ECDSA(SHA256())))
            return r.to_bytes(32) + s.to_bytes(32)
        if self.alg == "RS256":
            signature = self.private.sign(text, padding.PKCS1v15(), SHA256())
        elif self.alg == "PS256":
            pss = padding.PSS(padding.MGF1(SHA256()), SHA256.digest_size)
            signature = self.private.sign(text, pss, SHA256())
        else:
            signature = self.private.sign(text)
        return signature


@cache
def signing_key(kid: str, alg: str = "ES256") -> SigningKey:
    """Return the key of a name, always the same one."""
    if alg in ("RS256", "PS256"):
        return SigningKey(kid, alg, rsa.generate_private_key(65537, 2048))
    if alg == "ES256":
        return SigningKey(kid, alg, ec.generate_private_key(ec.SECP256R1()))
    return SigningKey(kid, alg, ed25519.Ed25519PrivateKey.generate())


def signed(claims: object, key: SigningKey, **header: Any) -> str:
    """Sign a token; header members that are None are omitted."""
    given = {"typ": "JWT", "alg": key.alg, "kid": key.kid, **header}
    parts = {name: value for name, value in given.items() if value is not None}
    text = f"{json_encoded(parts)}.{json_encoded(claims)}"
    return f"{text}.{encoded(key.signature(text.encode()))}"


def unsigned(claims: object, alg: str = "none", **header: Any) -> str:
    return f"{json_encoded({'alg': alg, 'typ': 'JWT', **header})}.{json_encoded(claims)}."


def signed_by_secret(claims: object, secret: bytes, kid: str) -> str:
    """Sign a token with HS256 and any secret."""
    text = f"{json_encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': kid})}.{json_encoded(claims)}"
    return f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"


@dataclass
class Oidc:
    """An issuer.

    Attributes:
        url: its own.
        keys: those that it publishes.
        asked: the paths that were asked for, in their order.
        answers: what it answers instead, by path.
        clock: by which its tokens are issued.
    """

    url: str
    keys: list[SigningKey] = field(default_factory=lambda: [signing_key("first")])
    asked: list[str] = field(default_factory=list)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    clock: Callable[[], float] = time.time

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return the claims of a valid token, with changes; None omits a claim."""
        now = int(self.clock())
        given = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": "monitor",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "scope": "openid sa:read",
            **changes,
        }
        return {name: value for name, value in given.items() if value is not None}

    def token(self, **changes: Any) -> str:
        """Sign a token with the newest key."""
        return signed(self.claims(**changes), self.keys[-1])

    def answer(self, path: str) -> tuple[int, bytes]:
        documents = {
            "/.well-known/openid-configuration": {
                "issuer": self.url,
                "jwks_uri": f"{self.url}/keys",
            },
            "/keys": {"keys": [key.jwk for key in self.keys]},
        }
        if path in self.answers:
            return self.answers[path]
        if path in documents:
            return 200, json.dumps(documents[path]).encode()
        return 404, b"{}"


@contextmanager
def issuing() -> Iterator[Oidc]:
    """An issuer that runs until the end of the block."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            oidc.asked.append(self.path)
            status, body = oidc.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its own name
            """Log nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        oidc = Oidc(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield oidc
        finally:
            server.shutdown()
            thread.join()
