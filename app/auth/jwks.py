"""An OIDC issuer's keys: fetched when they are needed, and again when they may have changed.

OpenID Connect Discovery 1.0 (4) says where they are, RFC 7517 what they look like.
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
"""How long the issuer may take."""
MIN_FETCH_INTERVAL_SECONDS: Final = 10.0
"""Between two fetches, whatever tokens say: strangers cannot have the issuer asked at will."""
SOFT_TTL_SECONDS: Final = 600.0
"""How old keys may be without being fetched again, so that one that was withdrawn is let go."""
HARD_TTL_SECONDS: Final = 3600.0
"""How old keys may be while the issuer cannot be reached."""
MAX_BYTES: Final = 256 << 10

Fetch = Callable[[str], bytes]


class IssuerUnavailable(Exception):
    """The issuer does not tell its keys; says why."""


def fetch(url: str) -> bytes:
    """What a URL gives; redirections are not followed.

    Proxies that the environment names are used for HTTPS only: plain HTTP is for this host alone.

    Raises:
        IssuerUnavailable: nothing that can be used.
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
            for part in response.iter_bytes():
                body += part
                if len(body) > MAX_BYTES or time.monotonic() > deadline:
                    raise IssuerUnavailable(f"{url} gives too much, or too slowly")
    except httpx2.HTTPError as error:
        raise IssuerUnavailable(f"cannot reach {url}: {type(error).__name__}") from None
    return body


class JwksClient:
    """The keys of one issuer. Belongs to one event loop.

    Attributes:
        url: names it, and is where discovery begins.
    """

    def __init__(
        self,
        url: str,
        jwks_url: str | None,
        *,
        fetch: Fetch = fetch,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Fetch nothing yet.

        Args:
            url: of the issuer, as its tokens say it in `iss`.
            jwks_url: where its keys are; None: where its discovery document says.
            fetch: gets what a URL gives; called in a thread.
            monotonic: tells how time passes, in seconds.
        """
        self.url = url
        self._jwks_url = jwks_url
        self._fetch = fetch
        self._monotonic = monotonic
        self._keys: KeySet | None = None
        self._tried_at = self._fetched_at = -float("inf")
        self._is_out_of_reach = False
        self._fetching = anyio.Lock()

    async def get_keys(self, kid: str | None) -> KeySet:
        """The keys, fetched anew where a key of this id is not among them or they are old.

        Who comes while old keys are being fetched anew is given the old ones. Nobody waits for an
        issuer that was out of reach the last time, but for the one who has it asked again.

        Raises:
            IssuerUnavailable: none are known that are young enough.
        """
        is_worth_waiting = not self._has(kid) and not self._is_out_of_reach
        if is_worth_waiting or (self._needs(kid) and not self._fetching.locked()):
            async with self._fetching:
                if self._needs(kid):
                    await self._refresh()
        if self._keys is None or self._age() >= HARD_TTL_SECONDS:
            raise IssuerUnavailable("the issuer's keys are not known")
        return self._keys

    def verdict_ttl_seconds(self) -> float:
        """How long what was found by these keys holds: until they are to be fetched again."""
        now = self._monotonic()
        next_fetch = max(
            self._fetched_at + SOFT_TTL_SECONDS, self._tried_at + MIN_FETCH_INTERVAL_SECONDS
        )
        return min(next_fetch, self._fetched_at + HARD_TTL_SECONDS) - now

    def _has(self, kid: str | None) -> bool:
        if self._keys is None or self._age() >= HARD_TTL_SECONDS:
            return False
        return kid is None or any(key.kid == kid for key in self._keys)

    def _needs(self, kid: str | None) -> bool:
        return not self._has(kid) or self._are_old()

    def _age(self) -> float:
        return self._monotonic() - self._fetched_at

    def _are_old(self) -> bool:
        return self._age() >= SOFT_TTL_SECONDS

    async def _refresh(self) -> None:
        """Fetch the keys, unless that was tried just now; keep those that there are if it fails."""
        if self._monotonic() - self._tried_at < MIN_FETCH_INTERVAL_SECONDS:
            return
        began = self._monotonic()
        try:
            with anyio.CancelScope(shield=True):  # one who leaves must not cost others their turn
                self._keys = await anyio.to_thread.run_sync(
                    fetch_keys, self.url, self._jwks_url, self._fetch
                )
        except IssuerUnavailable as error:
            self._is_out_of_reach = True
            log.warning("issuer_unavailable", issuer=self.url, reason=str(error))
        else:
            self._is_out_of_reach = False
            self._fetched_at = began
        finally:
            self._tried_at = self._monotonic()


def fetch_keys(issuer: str, jwks_url: str | None, fetch: Fetch = fetch) -> KeySet:
    """The keys that an issuer publishes, as far as they can be used.

    Args:
        issuer: its URL, as its tokens say it in `iss`.
        jwks_url: where its keys are; None: where its discovery document says.
        fetch: gets what a URL gives.

    Raises:
        IssuerUnavailable: there are none, or they cannot be had.
    """
    url = jwks_url or _discovered(issuer, fetch)
    entries = _object(fetch(url), url).get("keys")
    keys = []
    for entry in entries if isinstance(entries, list) else ():
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", SecurityWarning)  # RSA of less than 2048 bits
                key = JWKRegistry.import_key(entry)
                key.ensure_kid()
        except (JoseError, SecurityWarning, ValueError, TypeError, LookupError, AttributeError):
            continue  # RFC 7517, 5: what is not understood is passed over
        keys.append(key)
    if not keys:
        raise IssuerUnavailable(f"{url} has no keys that can be used")
    return KeySet(keys)


def _discovered(issuer: str, fetch: Fetch) -> str:
    """Where the keys are, as the issuer says."""
    where = f"{issuer.removesuffix('/')}/.well-known/openid-configuration"
    document = _object(fetch(where), where)
    if document.get("issuer") != issuer:
        raise IssuerUnavailable(f"{where} is of another issuer")
    try:
        return require_secure(str(document.get("jwks_uri")))
    except ValueError as error:
        raise IssuerUnavailable(f"jwks_uri of {where}: {error}") from None


def _object(body: bytes, url: str) -> dict[str, Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise IssuerUnavailable(f"{url} gives no JSON object")
    return found
