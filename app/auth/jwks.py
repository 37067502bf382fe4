"""An OIDC issuer's key set: discovery, fetching and caching.

How keys are cached: a token that needs verification triggers a fetch if there are no keys, if they
are older than the soft TTL, or if the token's key is not among them. While the issuer cannot be
reached, the old keys are used until the hard TTL.

The discovery document (OpenID Connect Discovery 1.0, 4) names the URL of the key set. RFC 7517
specifies the key set's format.
"""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import httpx2
import orjson
import structlog
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import JWKRegistry, KeySet

from app.files.daemon_threads import start_daemon
from app.net.secure_urls import require_secure


log = structlog.get_logger(__name__)

FETCH_SECONDS: Final = 5.0
"""How long fetching the keys may take in total, from the first connection to the last byte.

A timeout of each read would not end an issuer that sends one byte at a time.
"""
CONNECT_SHARE: Final = 0.4
"""Share of the time left that a connection may take, and again its TLS handshake.

httpcore closes a connection whose handshake times out, but not one whose handshake is cancelled.
"""
ABANDON_SECONDS: Final = 6.0
"""How long a token waits for a fetch. Only looking up the issuer's name may exceed `FETCH_SECONDS`:
the resolver cannot be interrupted."""
MIN_FETCH_INTERVAL_SECONDS: Final = 10.0
"""Minimum time between two fetches: unauthenticated clients cannot trigger one at will."""
SOFT_TTL_SECONDS: Final = 600.0
"""Age at which keys are due for another fetch, which drops withdrawn keys."""
HARD_TTL_SECONDS: Final = 3600.0
"""Maximum age of keys that are used while the issuer cannot be reached."""
MAX_BYTES: Final = 256 << 10

Fetch = Callable[[str], Awaitable[bytes]]


class IssuerUnavailable(Exception):
    """The issuer's keys are not available; the message gives the reason."""


async def fetch(url: str) -> bytes:
    """Fetch a URL without following redirects; the caller limits the time.

    Proxies from the environment apply to HTTPS only, because plain HTTP is only used to reach this
    host itself.

    Raises:
        IssuerUnavailable: the request failed, the status is not 200, or the response is too large.
    """
    is_https = urlsplit(url).scheme == "https"
    headers = {"Accept": "application/json"}
    left = min(FETCH_SECONDS, anyio.current_effective_deadline() - anyio.current_time())
    timeout = httpx2.Timeout(None, connect=CONNECT_SHARE * left)
    try:
        async with (
            httpx2.AsyncClient(timeout=timeout, headers=headers, trust_env=is_https) as client,
            client.stream("GET", url) as response,
        ):
            if response.status_code != 200:  # noqa: PLR2004  # OK
                raise IssuerUnavailable(f"{url} answers {response.status_code}")
            body = b""
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_BYTES:
                    raise IssuerUnavailable(f"{url} gives too much")
    except httpx2.HTTPError as error:
        raise IssuerUnavailable(f"cannot reach {url}: {type(error).__name__}") from None
    return body


class JwksClient:
    """The cached keys of one issuer. Belongs to one event loop.

    Attributes:
        url: the issuer identifier, which is also the base URL of discovery.
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
            url: the issuer identifier, as in the `iss` claim of its tokens.
            jwks_url: the URL of the key set; None: read it from the discovery document.
            fetch: fetches a URL; called in the event loop of another thread.
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
        self._thread: Future[KeySet] | None = None
        self._waiting: anyio.CancelScope | None = None

    async def get_keys(self, kid: str | None) -> KeySet:
        """Return the keys; first fetch them if they are stale or lack this key id.

        Fetches are at least `MIN_FETCH_INTERVAL_SECONDS` apart, so the returned keys may still lack
        the id. While one call replaces stale keys, other calls return the stale ones. After a
        failed fetch, only the call that retries waits for the issuer.

        Args:
            kid: the key id in the token's header; None: the token names no key.

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

    def stop(self) -> None:
        """Abandon the fetch in progress; tokens that wait for it are rejected."""
        if self._waiting is not None:
            self._waiting.cancel()

    def verdict_ttl_seconds(self) -> float:
        """Return how long to cache a token verified now: until the keys are due for a fetch."""
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
        """Fetch the keys unless the last attempt is too recent; keep the old keys on failure."""
        if self._monotonic() - self._tried_at < MIN_FETCH_INTERVAL_SECONDS:
            return
        started_at = self._monotonic()
        try:
            self._keys = await self._fetch_keys()
        except IssuerUnavailable as error:
            self._is_unreachable = True
            log.warning("issuer_unavailable", issuer=self.url, reason=str(error))
        else:
            self._is_unreachable = False
            self._fetched_at = started_at
        finally:
            self._tried_at = self._monotonic()

    async def _fetch_keys(self) -> KeySet:
        """Fetch the keys in a daemon thread, of which at most one is abandoned at a time.

        Raises:
            IssuerUnavailable: the keys cannot be fetched, or not in time.
        """
        if self._thread is None or self._thread.done():
            self._thread = start_daemon(
                anyio.run, fetch_keys, self.url, self._jwks_url, self._fetch
            )
            # Shielded: a client that leaves must not end the fetch.
            try:
                with anyio.move_on_after(ABANDON_SECONDS, shield=True) as self._waiting:
                    return await asyncio.wrap_future(self._thread)
            except OSError as error:  # a file of CAs, for instance
                raise IssuerUnavailable(f"cannot reach {self.url}: {error.strerror}") from None
        raise IssuerUnavailable(f"{self.url} takes longer than {ABANDON_SECONDS:g} s")


async def fetch_keys(issuer: str, jwks_url: str | None, fetch: Fetch = fetch) -> KeySet:
    """Fetch an issuer's keys within `FETCH_SECONDS`, without those that cannot be used.

    Args:
        issuer: the issuer identifier, as in the `iss` claim of its tokens.
        jwks_url: the URL of the key set; None: read it from the discovery document.
        fetch: fetches a URL.

    Raises:
        IssuerUnavailable: the keys cannot be fetched in time, or none can be used.
    """
    url = jwks_url or issuer
    try:
        with anyio.fail_after(FETCH_SECONDS):
            url = jwks_url or await _discover(issuer, fetch)
            body = await fetch(url)
    except TimeoutError:
        raise IssuerUnavailable(f"{url} takes longer than {FETCH_SECONDS:g} s") from None
    entries = _json_object(body, url).get("keys")
    keys = []
    for entry in entries if isinstance(entries, list) else ():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", SecurityWarning)  # such as RSA below 2048 bits
                key = JWKRegistry.import_key(entry)
                key.ensure_kid()
        except (JoseError, SecurityWarning, ValueError, TypeError, LookupError, AttributeError):
            continue  # RFC 7517, 5: ignore unsupported keys
        keys.append(key)
    if not keys:
        raise IssuerUnavailable(f"{url} has no keys that can be used")
    return KeySet(keys)


async def _discover(issuer: str, fetch: Fetch) -> str:
    """Return the URL of the keys from the issuer's discovery document."""
    url = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
    document = _json_object(await fetch(url), url)
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
