"""An OIDC issuer's key set: discovery, fetching and caching.

How keys are cached: they are fetched on demand, fetched again once they are older than the soft
TTL or lack a token's key, and kept until the hard TTL while the issuer cannot be reached. OpenID
Connect Discovery 1.0 (4) specifies their URL, RFC 7517 their format.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx2
import orjson
import structlog
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import JWKRegistry, KeySet

from app.net.secure_urls import require_secure


log = structlog.get_logger(__name__)

FETCH_SECONDS: Final = 5.0
"""Timeout of a request to the issuer."""
MIN_FETCH_INTERVAL_SECONDS: Final = 10.0
"""Time between two fetches, so that unauthenticated clients cannot trigger them at will."""
SOFT_TTL_SECONDS: Final = 600.0
"""Age at which keys are fetched again, so that withdrawn keys are dropped."""
HARD_TTL_SECONDS: Final = 3600.0
"""Maximum age of keys while the issuer cannot be reached."""
MAX_BYTES: Final = 256 << 10

Fetch = Callable[[str], bytes]


class IssuerUnavailable(Exception):
    """The issuer's keys cannot be fetched; the message says why."""


def fetch(url: str) -> bytes:
    """Fetch a URL without following redirects.

    The environment's proxies are used for HTTPS only: plain HTTP is for this host alone.

    Raises:
        IssuerUnavailable: the request failed, or the response is too large or too slow.
    """
    is_https = urlsplit(url).scheme == "https"
    headers = {"Accept": "application/json"}
    try:
        with (
            httpx2.Client(timeout=FETCH_SECONDS, headers=headers, trust_env=is_https) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:  # noqa: PLR2004  # OK
                raise IssuerUnavailable(f"{url} answers {response.status_code}")
            body = b""
            deadline = time.monotonic() + FETCH_SECONDS
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > MAX_BYTES or time.monotonic() > deadline:
                    raise IssuerUnavailable(f"{url} gives too much, or too slowly")
    except httpx2.HTTPError as error:
        raise IssuerUnavailable(f"cannot reach {url}: {type(error).__name__}") from None
    return body


class JwksClient:
    """The cached keys of one issuer. Belongs to one event loop.

    Attributes:
        url: the issuer identifier, where discovery starts.
    """

    def __init__(
        self,
        url: str,
        jwks_url: str | None,
        *,
        fetch: Fetch = fetch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Initialize the cache without fetching.

        Args:
            url: the issuer, as in the `iss` claim of its tokens.
            jwks_url: the URL of its keys; None: from its discovery document.
            fetch: fetches a URL; called in a thread.
            monotonic: returns a monotonic time, in seconds.
        """
        self.url = url
        self._jwks_url = jwks_url
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: KeySet | None = None
        self._tried_at = self._fetched_at = -float("inf")
        self._is_unreachable = False
        self._fetching = anyio.Lock()

    async def get_keys(self, kid: str | None) -> KeySet:
        """Return the keys, fetched again if this key id is missing or they are stale.

        While one call replaces stale keys, other calls return the stale ones. After a failed fetch
        only the call that retries waits for the issuer.

        Raises:
            IssuerUnavailable: there are no keys, or they are past the hard TTL.
        """
        should_wait = not self._has(kid) and not self._is_unreachable
        if should_wait or (self._should_fetch(kid) and not self._fetching.locked()):
            async with self._fetching:
                if self._should_fetch(kid):
                    await self._refresh()
        if self._keys is None or self._age() >= HARD_TTL_SECONDS:
            raise IssuerUnavailable("the issuer's keys are not known")
        return self._keys

    def verdict_ttl_seconds(self) -> float:
        """Return how long a token verified now may be cached: until the keys' next fetch."""
        now = self._monotonic()
        next_fetch = max(
            self._fetched_at + SOFT_TTL_SECONDS, self._tried_at + MIN_FETCH_INTERVAL_SECONDS
        )
        return min(next_fetch, self._fetched_at + HARD_TTL_SECONDS) - now

    def _has(self, kid: str | None) -> bool:
        if self._keys is None or self._age() >= HARD_TTL_SECONDS:
            return False
        return kid is None or any(key.kid == kid for key in self._keys)

    def _should_fetch(self, kid: str | None) -> bool:
        return not self._has(kid) or self._age() >= SOFT_TTL_SECONDS

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    async def _refresh(self) -> None:
        """Fetch the keys unless the last attempt was too recent; keep the old ones on failure."""
        if self._monotonic() - self._tried_at < MIN_FETCH_INTERVAL_SECONDS:
            return
        started_at = self._monotonic()
        try:
            with anyio.CancelScope(shield=True):  # a client that leaves must not end the fetch
                self._keys = await anyio.to_thread.run_sync(
                    fetch_keys, self.url, self._jwks_url, self._fetch
                )
        except IssuerUnavailable as error:
            self._is_unreachable = True
            log.warning("issuer_unavailable", issuer=self.url, reason=str(error))
        else:
            self._is_unreachable = False
            self._fetched_at = started_at
        finally:
            self._tried_at = self._monotonic()


def fetch_keys(issuer: str, jwks_url: str | None, fetch: Fetch = fetch) -> KeySet:
    """Fetch an issuer's keys, without those that cannot be used.

    Args:
        issuer: the issuer, as in the `iss` claim of its tokens.
        jwks_url: the URL of its keys; None: from its discovery document.
        fetch: fetches a URL.

    Raises:
        IssuerUnavailable: the keys cannot be fetched, or none can be used.
    """
    url = jwks_url or _discover(issuer, fetch)
    entries = _json_object(fetch(url), url).get("keys")
    keys = []
    for entry in entries if isinstance(entries, list) else ():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", SecurityWarning)  # RSA of less than 2048 bits
                key = JWKRegistry.import_key(entry)
                key.ensure_kid()
        except (JoseError, SecurityWarning, ValueError, TypeError, LookupError, AttributeError):
            continue  # RFC 7517, 5: ignore keys that are not understood
        keys.append(key)
    if not keys:
        raise IssuerUnavailable(f"{url} has no keys that can be used")
    return KeySet(keys)


def _discover(issuer: str, fetch: Fetch) -> str:
    """Return the URL of the keys from the issuer's discovery document."""
    url = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
    document = _json_object(fetch(url), url)
    if document.get("issuer") != issuer:
        raise IssuerUnavailable(f"{url} is of another issuer")
    try:
        return require_secure(str(document.get("jwks_uri")))
    except ValueError as error:
        raise IssuerUnavailable(f"jwks_uri of {url}: {error}") from None


def _json_object(body: bytes, url: str) -> dict[str, Any]:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise IssuerUnavailable(f"{url} gives no JSON object")
    return document
