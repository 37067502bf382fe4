"""What one address may ask before its caller is identified."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import UNAUTHENTICATED
from app.auth.callers import UNAUTHENTICATED_CALLER, Caller
from app.auth.rejections import CredentialRejected
from app.middleware.authentication import bearer_token
from app.middleware.gcra import RateLimitStatus
from app.middleware.rate_limit_policy import UNLIMITED_PATHS, RateLimitPolicy
from app.net.networks import client_network
from app.settings.limits import RateLimits
from app.telemetry.metrics.registry import Metrics


MAX_VERIFIED: Final = 4096
"""How many credentials are remembered that were taken."""
MAX_VERIFIED_PER_CALLER: Final = 64
"""How many of one caller."""


class VerifiedCredentialCache:
    """Credentials that were taken, each with the address it came from; those used last are kept.

    Of one caller only some are, so that none can have the others forgotten. Kept are keyed hashes,
    whose key ends with the process: nothing can be learned of a credential.
    """

    def __init__(
        self, max_count: int = MAX_VERIFIED, max_per_caller: int = MAX_VERIFIED_PER_CALLER
    ) -> None:
        self._most = max_count
        self._most_of_one = max_per_caller
        self._key = secrets.token_bytes(blake2b.MAX_KEY_SIZE)
        self._callers: OrderedDict[bytes, tuple[str, str]] = OrderedDict()
        self._hashes: dict[tuple[str, str], OrderedDict[bytes, None]] = {}

    def caller_of(self, network: str, credential: bytes) -> tuple[str, str] | None:
        """Return whose credential this was when it was taken there; None if it never was."""
        hash_ = self._hash(network, credential)
        caller = self._callers.get(hash_)
        if caller is not None:
            self._callers.move_to_end(hash_)
            self._hashes[caller].move_to_end(hash_)
        return caller

    def add(self, network: str, credential: bytes, caller: tuple[str, str]) -> None:
        """Remember one, of a caller."""
        hash_ = self._hash(network, credential)
        self._forget(hash_)
        self._callers[hash_] = caller
        of_caller = self._hashes.setdefault(caller, OrderedDict())
        of_caller[hash_] = None
        if len(of_caller) > self._most_of_one:
            self._forget(next(iter(of_caller)))
        elif len(self._callers) > self._most:
            self._forget(next(iter(self._callers)))

    def discard(self, network: str, credential: bytes) -> None:
        """Forget one, if it was known."""
        self._forget(self._hash(network, credential))

    def _forget(self, hash_: bytes) -> None:
        caller = self._callers.pop(hash_, None)
        if caller is not None:
            of_caller = self._hashes[caller]
            del of_caller[hash_]
            if not of_caller:
                del self._hashes[caller]

    def _hash(self, network: str, credential: bytes) -> bytes:
        hash_ = blake2b(credential, key=self._key, digest_size=16)
        hash_.update(b"\0" + network.encode())
        return hash_.digest()


def address_policy(limits: RateLimits, metrics: Metrics) -> RateLimitPolicy:
    """Return the policy of what one address may ask without a credential."""
    return RateLimitPolicy(
        "address",
        limits.rate_address_requests,
        "Too many requests without a credential came from this address.",
        metrics,
    )


class AddressRateLimitMiddleware:
    """Counts every answer that is given before a caller is identified, by address.

    Stands before all that answers such a request: the check of `Host`, the gate, and public pages,
    for which a credential is not looked at. Three quotas share the work, so that none of them locks
    out who has a credential:

    - requests without a credential, and those for public pages;
    - credentials that the gate rejects. An address with too many of them has no credential of its
      own looked at any more, but for those that were taken from it before: whoever shares an
      address with an attacker is not locked out;
    - credentials that nobody could verify, because the issuer is out of reach, or because the
      request was answered for its `Host`. One that was taken before has this quota for itself.

    Requests that wait for an issuer together are let in before any of them is counted. Their quota
    is looked at once more with the answer, which beyond it tells nothing of the credential; those
    that are taken are not affected.

    Health is always answered, but beyond the quota `scope["state"]["slowed"]` has the connection
    take its time.
    """

    def __init__(
        self,
        app: ASGIApp,
        requests: RateLimitPolicy,
        limits: RateLimits,
        public: re.Pattern[str],
        metrics: Metrics,
    ) -> None:
        """Stand before an application.

        Args:
            app: the application.
            requests: the policy of requests without a credential.
            limits: how much one address may.
            public: matches the paths that need no credential.
            metrics: are told of refusals.
        """
        self._app = app
        self._is_public = public.fullmatch
        self._requests = requests
        self._failures = RateLimitPolicy(
            "failures",
            limits.rate_failures,
            "Too many credentials that are not taken came from this address.",
            metrics,
        )
        self._unverified = RateLimitPolicy(
            "unverified",
            limits.rate_address_requests,
            "Too many credentials that could not be verified came from this address.",
            metrics,
        )
        self._verified = VerifiedCredentialCache()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        network = client_network((scope.get("client") or ("",))[0])
        credential = None if self._is_public(scope["path"]) else _credential(scope)
        if credential is None:
            await self._pass_unauthenticated(network, scope, receive, send)
        else:
            await self._pass_with(credential, network, scope, receive, send)

    async def _pass_unauthenticated(
        self, network: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        standing = self._requests.limiter.hit(network)
        if scope["path"] in UNLIMITED_PATHS:
            scope["state"]["slowed"] = not standing.is_within
            await self._app(scope, receive, send)
            return
        if not standing.is_within:
            await self._requests.reject(standing, scope, send)
            return

        async def send_and_tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._requests.add_headers(message, standing)
            await send(message)

        await self._app(scope, receive, send_and_tell)

    async def _pass_with(
        self, credential: bytes, network: str, scope: Scope, receive: Receive, send: Send
    ) -> None:
        caller = self._verified.caller_of(network, credential)
        counted_as = (network, caller)
        checks = [(self._unverified, self._unverified.limiter.peek(counted_as))]
        if caller is None:
            checks.append((self._failures, self._failures.limiter.peek(network)))
        for policy, standing in checks:
            if not standing.is_within:
                await policy.reject(standing, scope, send)
                return

        is_withheld = False

        async def send_judged(message: Message) -> None:
            nonlocal is_withheld
            if is_withheld:
                return
            if message["type"] == "http.response.start":
                if not _is_taken(scope):
                    policy, standing = self._count(credential, network, caller, scope)
                    is_known_failure = policy is self._failures and caller is not None
                    if not standing.is_within and not is_known_failure:
                        is_withheld = True
                        await policy.reject(standing, scope, send)
                        return
                    policy.add_headers(message, standing)
                elif caller is None:
                    taken: Caller = scope["state"]["caller"]
                    self._verified.add(network, credential, taken.rate_limit_key)
            await send(message)

        await self._app(scope, receive, send_judged)

    def _count(
        self, credential: bytes, network: str, caller: tuple[str, str] | None, scope: Scope
    ) -> tuple[RateLimitPolicy, RateLimitStatus]:
        """Count a credential that was not taken; return the policy, and where its client stands."""
        if _is_failure(scope):
            self._verified.discard(network, credential)  # it expired, or was revoked
            return self._failures, self._failures.limiter.hit(network)
        return self._unverified, self._unverified.limiter.hit((network, caller))


def _credential(scope: Scope) -> bytes | None:
    """The credential of a request; where it is none that can be read, what stands in its place."""
    try:
        return bearer_token(scope["headers"]).encode()
    except CredentialRejected:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return b",".join(given) if given else None


def _is_taken(scope: Scope) -> bool:
    """Whether the gate looked at a credential, and took it."""
    return scope["state"].get("caller", UNAUTHENTICATED_CALLER) is not UNAUTHENTICATED_CALLER


def _is_failure(scope: Scope) -> bool:
    """Whether the gate looked at a credential, and did not take it."""
    return bool(scope["state"].get("refused") == UNAUTHENTICATED.code)
