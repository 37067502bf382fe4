"""Rate limits per address for requests whose caller is not identified.

In this module, an address is a client network: an IPv4 address or an IPv6 prefix
(`app.net.networks`).
"""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable
from hashlib import blake2b
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import UNAUTHENTICATED
from app.api.request_state import credential_of, request_state
from app.auth.callers import UNAUTHENTICATED_CALLER
from app.auth.rejections import RejectionReason
from app.middleware.gcra import RateLimitStatus
from app.middleware.rate_limit_policy import UNLIMITED_PATHS, RateLimitPolicy
from app.net.networks import client_network
from app.settings.limits import RateLimits


MAX_VERIFIED: Final = 4096
"""Maximum number of credentials in the cache."""
MAX_VERIFIED_PER_CALLER: Final = 64
"""Maximum number of a caller's credentials in the cache."""


class VerifiedCredentialCache:
    """An LRU cache of accepted credentials, each with the address it was accepted from.

    The number of credentials per caller is limited, so that one caller cannot evict the credentials
    of all others. The cache stores keyed hashes under a random key, so it reveals no credential.
    """

    def __init__(
        self, max_count: int = MAX_VERIFIED, max_per_caller: int = MAX_VERIFIED_PER_CALLER
    ) -> None:
        self._max_count = max_count
        self._max_per_caller = max_per_caller
        self._key = secrets.token_bytes(blake2b.MAX_KEY_SIZE)
        self._callers: OrderedDict[bytes, tuple[str, str]] = OrderedDict()
        self._hashes: dict[tuple[str, str], OrderedDict[bytes, str]] = {}
        self._networks: Counter[str] = Counter()

    def has_network(self, network: str) -> bool:
        """Return whether the cache has a credential that was accepted from this address."""
        return network in self._networks

    def caller_of(self, network: str, credential: bytes) -> tuple[str, str] | None:
        """Return the caller whose credential was accepted from this address, or None."""
        hash_ = self._hash(network, credential)
        caller = self._callers.get(hash_)
        if caller is not None:
            self._callers.move_to_end(hash_)
            self._hashes[caller].move_to_end(hash_)
        return caller

    def add(self, network: str, credential: bytes, caller: tuple[str, str]) -> None:
        """Add a caller's credential; evict the least recently used one beyond a limit."""
        hash_ = self._hash(network, credential)
        self._remove(hash_)
        self._callers[hash_] = caller
        hashes = self._hashes.setdefault(caller, OrderedDict())
        hashes[hash_] = network
        self._networks[network] += 1
        if len(hashes) > self._max_per_caller:
            self._remove(next(iter(hashes)))
        elif len(self._callers) > self._max_count:
            self._remove(next(iter(self._callers)))

    def discard(self, network: str, credential: bytes) -> None:
        """Remove a credential if it is present."""
        self._remove(self._hash(network, credential))

    def _remove(self, hash_: bytes) -> None:
        caller = self._callers.pop(hash_, None)
        if caller is not None:
            hashes = self._hashes[caller]
            network = hashes.pop(hash_)
            if not hashes:
                del self._hashes[caller]
            self._networks[network] -= 1
            if not self._networks[network]:
                del self._networks[network]

    def _hash(self, network: str, credential: bytes) -> bytes:
        hash_ = blake2b(credential, key=self._key, digest_size=16)
        hash_.update(b"\0" + network.encode())
        return hash_.digest()


def address_policy(limits: RateLimits) -> RateLimitPolicy:
    """Return the policy that limits an address's requests without a credential."""
    return RateLimitPolicy(
        "address",
        limits.rate_limit_per_address,
        "This address sent too many requests without a credential.",
    )


class AddressRateLimitMiddleware:
    """Middleware that limits, per address, requests whose caller is not identified.

    It wraps everything that answers such requests: host validation, authentication, and public
    pages, which ignore credentials. There are three separate quotas, so that such requests cannot
    lock out a client with a valid credential:

    - `address`: requests without a credential, and requests for public pages;
    - `failures`: credentials that authentication rejects. Beyond this quota, the only credentials
      still checked are those accepted from the address before, so a client that shares an address
      with an attacker is not locked out;
    - `unverified`: credentials that were not checked, because the issuer or the file of API keys
      is unavailable, or `Host` was rejected. Credentials accepted from the address before have a
      separate quota per caller.

    A request whose credential is not accepted is counted only when its response begins. Therefore,
    many requests may be admitted while they wait for an issuer. If the counted request exceeds a
    quota, its response is replaced by 429, which reveals nothing about the credential. The
    exception is a rejected credential that was accepted from the address before: its response is
    sent.

    Health probes are always answered; beyond the quota, `app.server.protocol` may delay the
    response.
    """

    def __init__(
        self,
        app: ASGIApp,
        requests: RateLimitPolicy,
        limits: RateLimits,
        is_public: Callable[[Scope], bool],
        verified: VerifiedCredentialCache,
    ) -> None:
        """Wrap an application.

        Args:
            app: the application.
            requests: the policy for requests without a credential.
            limits: the rate limits from the settings.
            is_public: returns whether a request needs no credential.
            verified: the credentials accepted so far.
        """
        self._app = app
        self._is_public = is_public
        self._requests = requests
        self._failures = RateLimitPolicy(
            "failures",
            limits.rate_limit_rejections,
            "This address sent too many credentials that were rejected.",
        )
        self._unverified = RateLimitPolicy(
            "unverified",
            limits.rate_limit_per_address,
            "This address sent too many credentials that could not be verified.",
        )
        self._verified = verified

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or reject it with 429."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        network = client_network((scope.get("client") or ("",))[0])
        if self._is_public(scope) or credential_of(scope).defect is RejectionReason.MISSING:
            await self._call_without_credential(network, scope, receive, send)
        else:
            await self._call_with_credential(network, scope, receive, send)

    async def _call_without_credential(
        self, network: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        status = self._requests.limiter.hit(network)
        if scope["path"] in UNLIMITED_PATHS:
            request_state(scope).is_over_quota = not status.is_within
            await self._app(scope, receive, send)
        elif status.is_within:
            await self._app(scope, receive, self._requests.with_headers(status, send))
        else:
            await self._requests.reject(status, scope, receive, send)

    async def _call_with_credential(
        self, network: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        credential = credential_of(scope).text
        caller = self._verified.caller_of(network, credential)
        unverified_key = (network, caller)
        checks = [(self._unverified, self._unverified.limiter.peek(unverified_key))]
        if caller is None:
            checks.append((self._failures, self._failures.limiter.peek(network)))
        for policy, status in checks:
            if not status.is_within:
                await policy.reject(status, scope, receive, send)
                return

        state = request_state(scope)
        is_withheld = False

        async def send_counted(message: Message) -> None:
            nonlocal is_withheld
            if is_withheld:
                return
            if message["type"] == "http.response.start":
                if state.caller is UNAUTHENTICATED_CALLER:
                    policy, status = self._count(credential, network, caller, scope)
                    is_known_failure = policy is self._failures and caller is not None
                    if not status.is_within and not is_known_failure:
                        is_withheld = True
                        await policy.reject(status, scope, receive, send)
                        return
                    await policy.with_headers(status, send)(message)
                    return
                if caller is None:
                    self._verified.add(network, credential, state.caller.rate_limit_key)
            await send(message)

        await self._app(scope, receive, send_counted)

    def _count(
        self, credential: bytes, network: str, caller: tuple[str, str] | None, scope: Scope
    ) -> tuple[RateLimitPolicy, RateLimitStatus]:
        """Count a credential that was not accepted; return the policy and the quota's status."""
        if request_state(scope).problem == UNAUTHENTICATED.code:
            self._verified.discard(network, credential)  # no longer valid
            return self._failures, self._failures.limiter.hit(network)
        return self._unverified, self._unverified.limiter.hit((network, caller))
