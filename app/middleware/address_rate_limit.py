"""What one address may ask before it is known who asks."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from hashlib import blake2b
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import UNAUTHENTICATED
from app.auth.callers import STRANGER, Caller
from app.auth.rejections import Refused
from app.middleware.authentication import bearer_token
from app.middleware.gcra import Standing
from app.middleware.rate_limit_policy import ALWAYS_ANSWERED, Policy
from app.net.networks import network_of
from app.settings.limits import RateLimits
from app.telemetry.metrics.registry import Metrics


TRUSTED: Final = 4096
"""How many credentials are remembered that were taken."""
TRUSTED_OF_ONE: Final = 64
"""How many of one caller."""


class Trusted:
    """Credentials that were taken, each with the address it came from; those used last are kept.

    Of one caller only some are, so that none can have the others forgotten. Kept are keyed hashes,
    whose key ends with the process: nothing can be learned of a credential.
    """

    def __init__(self, most: int = TRUSTED, of_one: int = TRUSTED_OF_ONE) -> None:
        self._most = most
        self._most_of_one = of_one
        self._key = secrets.token_bytes(blake2b.MAX_KEY_SIZE)
        self._callers: OrderedDict[bytes, tuple[str, str]] = OrderedDict()
        self._hashes: dict[tuple[str, str], OrderedDict[bytes, None]] = {}

    def has(self, network: str, credential: bytes) -> bool:
        """Whether this credential was taken when it came from there."""
        hash_ = self._hash(network, credential)
        caller = self._callers.get(hash_)
        if caller is None:
            return False
        self._callers.move_to_end(hash_)
        self._hashes[caller].move_to_end(hash_)
        return True

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


class AddressLimit:
    """Stands before the gate, where credentials are asked for.

    Requests without a credential are counted by address, and so are credentials that the gate does
    not take. An address with too many of either gets no further, and no credential of its own is
    looked at any more, but for those that were taken from it before: whoever shares an address
    with an attacker is not locked out.

    Health is always told, and what else needs no credential to those who send one: but beyond the
    rate, `scope["state"]["slowed"]` has the connection take its time.
    """

    def __init__(self, app: ASGIApp, limits: RateLimits, metrics: Metrics) -> None:
        """Stand before an application.

        Args:
            app: the application.
            limits: how much one address may.
            metrics: are told of refusals.
        """
        self._app = app
        self._requests = Policy(
            "address",
            limits.rate_address_requests,
            "Too many requests without a credential came from this address.",
            metrics,
        )
        self._failures = Policy(
            "failures",
            limits.rate_failures,
            "Too many credentials that are not taken came from this address.",
            metrics,
        )
        self._trusted = Trusted()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        network = network_of((scope.get("client") or ("",))[0])
        credential = _credential(scope)
        if credential is not None and self._trusted.has(network, credential):
            await self._app(scope, receive, send)
            if _is_failure(scope):  # it expired, or was revoked
                self._trusted.discard(network, credential)
                self._failures.rates.take(network)
            return
        standing = self._requests.rates.take(network)
        if scope["path"] in ALWAYS_ANSWERED:
            scope["state"]["slowed"] = not standing.is_within
            await self._app(scope, receive, send)
            return
        if credential is None and not standing.is_within:
            await self._requests.refuse(standing, scope, send)
            return
        failures = self._failures.rates.look(network)
        if credential is not None and not failures.is_within:
            await self._failures.refuse(failures, scope, send)
            return
        judging = self._judging(scope, send, network, credential, standing)
        await self._app(scope, receive, judging)

    def _judging(
        self, scope: Scope, send: Send, network: str, credential: bytes | None, standing: Standing
    ) -> Send:
        """Sends as `send` does, once it is known what became of a credential."""

        async def send_judged(message: Message) -> None:
            if message["type"] == "http.response.start":
                if credential is not None and _is_failure(scope):
                    self._failures.tell(message, self._failures.rates.take(network))
                elif credential is not None and _is_taken(scope):
                    caller: Caller = scope["state"]["caller"]
                    self._trusted.add(network, credential, caller.counted_as)
                else:
                    scope["state"]["slowed"] = not standing.is_within
                    self._requests.tell(message, standing)
            await send(message)

        return send_judged


def _credential(scope: Scope) -> bytes | None:
    """The credential of a request; where it is none that can be read, what stands in its place."""
    try:
        return bearer_token(scope["headers"]).encode()
    except Refused:
        given = [value for name, value in scope["headers"] if name == b"authorization"]
        return b",".join(given) if given else None


def _is_taken(scope: Scope) -> bool:
    """Whether the gate looked at a credential, and took it."""
    return scope["state"].get("caller", STRANGER) is not STRANGER


def _is_failure(scope: Scope) -> bool:
    """Whether the gate looked at a credential, and did not take it."""
    return bool(scope["state"].get("refused") == UNAUTHENTICATED.code)
