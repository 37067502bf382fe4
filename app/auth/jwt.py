"""Tokens of an OIDC issuer: JWTs (RFC 7519), judged as RFC 8725 says.

Only the algorithms that are listed are taken, by none of which anybody else could sign. Keys are
the issuer's alone, whatever a token's header names. Issuer, audience and expiry must be told.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.errors import (
    ExpiredTokenError,
    InvalidClaimError,
    InvalidKeyIdError,
    JoseError,
    UnsupportedAlgorithmError,
)
from joserfc.jws import CompactSignature, JWSRegistry
from joserfc.jwt import JWTClaimsRegistry

from app.auth.callers import Caller
from app.auth.jwks import IssuerUnavailable, JwksClient
from app.auth.rejections import CredentialRejected, RejectionReason
from app.auth.scopes import Scope


MAX_CACHED: Final = 1024
"""How many verified tokens are remembered."""
MAX_CHARACTERS: Final = 128
"""Of what a token says that the log tells."""

_TYPES: Final = frozenset(("jwt", "at+jwt", "application/jwt", "application/at+jwt"))
"""What `typ` may say where it is given (RFC 7519, 5.1; RFC 9068, 4)."""
_SCOPES: Final = {scope.value: scope for scope in Scope}
_OF_CLAIM: Final = {
    "iss": RejectionReason.ISSUER,
    "aud": RejectionReason.AUDIENCE,
    "nbf": RejectionReason.NOT_YET_VALID,
    "iat": RejectionReason.NOT_YET_VALID,
}


class _Algorithms(JWSRegistry):
    """Those that are listed, and no others.

    joserfc's own warns of the name EdDSA, which RFC 9864 replaced by Ed25519; issuers use it on.
    """

    def get_alg(self, name: str) -> Any:
        """The algorithm of a name.

        Raises:
            UnsupportedAlgorithmError: it is not listed.
        """
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


class JwtVerifier:
    """Judges tokens, and remembers those that it found good until they expire.

    Belongs to one event loop.
    """

    def __init__(
        self,
        issuer: JwksClient,
        audience: str,
        algorithms: Collection[str],
        skew_seconds: int,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Take tokens for an audience.

        Args:
            issuer: whose tokens.
            audience: what `aud` must name.
            algorithms: by which they may be signed; asymmetric ones.
            skew_seconds: by how much the issuer's clock may differ from this host's.
            clock: tells the time, in Unix seconds.
        """
        self._issuer = issuer
        self._registry = _Algorithms(algorithms=list(algorithms), strict_check_header=False)
        self._skew = skew_seconds
        self._clock = clock
        self._claims = JWTClaimsRegistry(
            now=lambda: int(clock()),
            leeway=skew_seconds,
            iss={"essential": True, "value": issuer.url},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        )
        self._cached: dict[bytes, tuple[Caller, float]] = {}

    def lookup(self, token: str) -> Caller | None:
        """Who has this token, where that is remembered."""
        name = _hash(token)
        caller, until = self._cached.get(name, (None, 0.0))
        if caller is not None and self._clock() >= until:
            del self._cached[name]
            return None
        return caller

    def has(self, caller: Caller) -> bool:
        """Whether a token that was taken has not expired."""
        return caller.expires_at is None or self._clock() < caller.expires_at

    async def caller_of(self, token: str) -> Caller:
        """Who has this token.

        Raises:
            Refused: it is not taken.
        """
        signed = self._parsed(token)
        try:
            keys = await self._issuer.get_keys(signed.headers().get("kid"))
        except IssuerUnavailable:
            raise CredentialRejected(RejectionReason.ISSUER_UNAVAILABLE) from None
        try:
            is_right = jws.validate_compact(signed, keys, registry=self._registry)
        except UnsupportedAlgorithmError:
            raise CredentialRejected(RejectionReason.ALGORITHM) from None
        except InvalidKeyIdError:
            raise CredentialRejected(RejectionReason.UNKNOWN_KEY) from None
        except (JoseError, ValueError):  # the key is not one for this algorithm
            raise CredentialRejected(RejectionReason.SIGNATURE) from None
        if not is_right:
            raise CredentialRejected(RejectionReason.SIGNATURE)
        caller = self._judged(signed.payload)
        self._cache(token, caller)
        return caller

    def _parsed(self, token: str) -> CompactSignature:
        """The parts of a token whose header is such as can be taken."""
        try:
            signed = jws.extract_compact(token.encode(), registry=self._registry)
            header = signed.headers()
            self._registry.check_header(header)
        except (JoseError, ValueError, TypeError, AttributeError):  # of what is no object, too
            raise CredentialRejected(RejectionReason.MALFORMED) from None
        if header["alg"] not in (self._registry.allowed or ()):
            raise CredentialRejected(RejectionReason.ALGORITHM)
        is_plain = "crit" not in header and "b64" not in header
        if not is_plain or header.get("typ", "JWT").lower() not in _TYPES:
            raise CredentialRejected(RejectionReason.MALFORMED)
        return signed

    def _judged(self, payload: bytes) -> Caller:
        """Whom the claims name."""
        try:
            claims = orjson.loads(payload)
        except orjson.JSONDecodeError:
            raise CredentialRejected(RejectionReason.CLAIMS) from None
        if not isinstance(claims, dict):
            raise CredentialRejected(RejectionReason.CLAIMS)
        try:
            self._claims.validate(claims)
        except ExpiredTokenError:
            raise CredentialRejected(RejectionReason.EXPIRED) from None
        except InvalidClaimError as error:
            raise CredentialRejected(_OF_CLAIM.get(error.claim, RejectionReason.CLAIMS)) from None
        except JoseError:
            raise CredentialRejected(RejectionReason.CLAIMS) from None
        return Caller(
            name=_text(claims, "sub", "client_id", "azp") or "unnamed",
            kind="jwt",
            scopes=_scopes(claims),
            credential=_text(claims, "jti", "sub"),
            expires_at=claims["exp"] + self._skew,
        )

    def _cache(self, token: str, caller: Caller) -> None:
        """Remember a token, no longer than until the issuer's keys are to be fetched again."""
        if len(self._cached) >= MAX_CACHED:
            del self._cached[next(iter(self._cached))]
        fresh_until = self._clock() + self._issuer.verdict_ttl_seconds()
        self._cached[_hash(token)] = caller, min(caller.expires_at or fresh_until, fresh_until)


def _hash(token: str) -> bytes:
    return hashlib.blake2b(token.encode(), digest_size=32).digest()


def _scopes(claims: dict[str, Any]) -> frozenset[Scope]:
    """What a token opens; words that mean nothing here are others' business.

    They stand in `scope` (RFC 9068, 2.2.3), or, of Microsoft Entra ID, in `scp` for users and in
    `roles` for applications (learn.microsoft.com, Access token claims reference).
    """
    words: set[str] = set()
    for claim in ("scope", "scp", "roles"):
        value = claims.get(claim)
        if isinstance(value, str):
            words.update(value.split(" "))
        elif isinstance(value, list):
            words.update(each for each in value if isinstance(each, str))
    return frozenset(_SCOPES[word] for word in words & _SCOPES.keys())


def _text(claims: dict[str, Any], *names: str) -> str:
    """The first of these claims that is given, fit to be told in a log."""
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and value:
            return "".join(c for c in value if c.isprintable())[:MAX_CHARACTERS]
    return ""
