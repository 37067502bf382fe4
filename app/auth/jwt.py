"""Verification of an OIDC issuer's tokens: JWTs (RFC 7519), following RFC 8725.

A token must be signed with a configured asymmetric algorithm and one of the issuer's own keys; keys
and key URLs in its header are ignored. The claims `iss`, `aud` and `exp` are required.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection
from typing import Any, Final

import orjson
from cachetools import TLRUCache
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
"""Maximum number of verified tokens in the cache."""
MAX_CHARACTERS: Final = 128
"""Maximum length of a name taken from a claim; longer ones are cut."""

_TYPES: Final = frozenset(("jwt", "at+jwt", "application/jwt", "application/at+jwt"))
"""Accepted values of the header `typ`, in lower case (RFC 7519, 5.1; RFC 9068, 4)."""
_SCOPES: Final = {scope.value: scope for scope in Scope}
_REASONS_BY_CLAIM: Final = {
    "iss": RejectionReason.ISSUER,
    "aud": RejectionReason.AUDIENCE,
    "nbf": RejectionReason.NOT_YET_VALID,
    "iat": RejectionReason.NOT_YET_VALID,
}


class _Algorithms(JWSRegistry):
    """The configured algorithms.

    joserfc's own registry warns when a token names EdDSA, which RFC 9864 deprecates. Issuers still
    use that name, so this registry does not warn.
    """

    def get_alg(self, name: str) -> Any:
        """Return the algorithm with this name.

        Raises:
            UnsupportedAlgorithmError: the algorithm is not configured.
        """
        if name not in (self.allowed or ()):
            raise UnsupportedAlgorithmError
        return self.algorithms[name]


class JwtVerifier:
    """Verifies tokens and caches the callers of valid ones. Belongs to one event loop."""

    def __init__(
        self,
        issuer: JwksClient,
        audience: str,
        algorithms: Collection[str],
        skew_seconds: int,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Configure the verification.

        Args:
            issuer: the issuer and its keys.
            audience: the required audience.
            algorithms: the names of the accepted signature algorithms, all asymmetric.
            skew_seconds: the accepted difference between the issuer's clock and this host's.
            clock: returns the time, in Unix seconds.
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
        self._cached: TLRUCache[bytes, Caller] = TLRUCache(MAX_CACHED, self._cached_until, clock)

    def stop(self) -> None:
        """Stop waiting for the issuer; tokens that need its keys are rejected."""
        self._issuer.stop()

    def lookup(self, token: str) -> Caller | None:
        """Return the caller of a token; None if the token is not cached."""
        return self._cached.get(_hash(token))

    def has(self, caller: Caller) -> bool:
        """Return whether the caller's token has not expired."""
        return caller.expires_at is None or self._clock() < caller.expires_at

    async def caller_of(self, token: str) -> Caller:
        """Verify a token and return its caller.

        Raises:
            CredentialRejected: the token is not accepted.
        """
        signed = self._parse(token)
        try:
            keys = await self._issuer.get_keys(signed.headers().get("kid"))
        except IssuerUnavailable:
            raise CredentialRejected(RejectionReason.ISSUER_UNAVAILABLE) from None
        try:
            is_signed = jws.validate_compact(signed, keys, registry=self._registry)
        except UnsupportedAlgorithmError:
            raise CredentialRejected(RejectionReason.ALGORITHM) from None
        except InvalidKeyIdError:
            raise CredentialRejected(RejectionReason.UNKNOWN_KEY) from None
        except (JoseError, ValueError):  # the key does not fit the algorithm
            raise CredentialRejected(RejectionReason.SIGNATURE) from None
        if not is_signed:
            raise CredentialRejected(RejectionReason.SIGNATURE)
        caller = self._validate_claims(signed.payload)
        self._cached[_hash(token)] = caller
        return caller

    def _parse(self, token: str) -> CompactSignature:
        """Split a token and check its header."""
        try:
            signed = jws.extract_compact(token.encode(), registry=self._registry)
            header = signed.headers()
            self._registry.check_header(header)
        except (JoseError, ValueError, TypeError, AttributeError):  # e.g. the header is a list
            raise CredentialRejected(RejectionReason.MALFORMED) from None
        if header["alg"] not in (self._registry.allowed or ()):
            raise CredentialRejected(RejectionReason.ALGORITHM)
        is_plain = "crit" not in header and "b64" not in header
        if not is_plain or header.get("typ", "JWT").lower() not in _TYPES:
            raise CredentialRejected(RejectionReason.MALFORMED)
        return signed

    def _validate_claims(self, payload: bytes) -> Caller:
        """Validate the claims and return the caller that they describe."""
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
            raise CredentialRejected(
                _REASONS_BY_CLAIM.get(error.claim, RejectionReason.CLAIMS)
            ) from None
        except JoseError:
            raise CredentialRejected(RejectionReason.CLAIMS) from None
        return Caller(
            name=_text(claims, "sub", "client_id", "azp") or "unnamed",
            kind="jwt",
            scopes=_scopes(claims),
            credential=_text(claims, "jti", "sub"),
            expires_at=claims["exp"] + self._skew,
        )

    def _cached_until(self, _digest: bytes, caller: Caller, now: float) -> float:
        """Return when the token expires or the keys are due for a fetch, whichever is earlier."""
        fresh_until = now + self._issuer.verdict_ttl_seconds()
        return min(caller.expires_at or fresh_until, fresh_until)


def _hash(token: str) -> bytes:
    return hashlib.blake2b(token.encode(), digest_size=32).digest()


def _scopes(claims: dict[str, Any]) -> frozenset[Scope]:
    """Return the known scopes of a token; ignore unknown ones.

    The standard claim is `scope` (RFC 9068, 2.2.3). Microsoft Entra ID uses `scp` for users and
    `roles` for applications (learn.microsoft.com, "Access token claims reference").
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
    """Return the first of these claims that is a non-empty string, or else an empty string.

    Unprintable characters are removed, and the text is cut to `MAX_CHARACTERS`.
    """
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and value:
            return "".join(c for c in value if c.isprintable())[:MAX_CHARACTERS]
    return ""
