"""Credentials of a hub: enrolment tokens, nonces, sessions of agents, and those of readers."""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from hashlib import blake2b, sha256
from typing import TYPE_CHECKING, Final

from app.auth.api_keys import ApiKeyStore
from app.auth.authenticator import Authenticator
from app.auth.callers import ALL_ACCESS, Caller
from app.auth.credentials import Credential
from app.auth.rejections import CredentialRejected, RejectionReason
from app.fleet.wire import SESSION_PREFIX, TOKEN_PREFIX
from app.hub.database import Database


if TYPE_CHECKING:
    from app.auth.jwt import JwtVerifier  # imports joserfc, which few hubs need


NONCE_SECONDS: Final = 60
"""How long a nonce is accepted."""
_TIME_BYTES: Final = 8
_RANDOM_BYTES: Final = 8
_MAC_BYTES: Final = 16


def secret_hash(text: str) -> bytes:
    """Return the hash by which a token or a session is stored; both have 256 random bits."""
    return blake2b(text.encode(), digest_size=32).digest()


def new_token() -> tuple[str, str]:
    """Generate an enrolment token; return its public id and its text."""
    token_id = secrets.token_hex(6)
    return token_id, f"{TOKEN_PREFIX}{token_id}_{secrets.token_urlsafe(32)}"


def new_session() -> str:
    """Generate the credential of a session."""
    return SESSION_PREFIX + secrets.token_urlsafe(32)


class Nonces:
    """Makes nonces, and recognizes its own: nothing is kept for those who ask."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._key = sha256(b"nonces of sessions\0" + secret).digest()
        self._clock = clock

    def new(self) -> str:
        """Return a nonce: the time in microseconds, random bytes and their MAC, in hexadecimal."""
        signed = int(self._clock() * 1e6).to_bytes(_TIME_BYTES, "big")
        signed += secrets.token_bytes(_RANDOM_BYTES)
        return (signed + self._mac(signed)).hex()

    def time_of(self, nonce: str) -> int | None:
        """Return the time of a nonce in microseconds; None if it is not accepted."""
        raw = bytes.fromhex(nonce)
        signed, mac = raw[:-_MAC_BYTES], raw[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(signed)):
            return None
        made = int.from_bytes(signed[:_TIME_BYTES], "big")
        return made if self._clock() - made / 1e6 <= NONCE_SECONDS else None

    def _mac(self, signed: bytes) -> bytes:
        return hmac.digest(self._key, signed, "sha256")[:_MAC_BYTES]


class HubAuthenticator(Authenticator):
    """Maps credentials to callers: readers as on a host's server, and agents by their sessions.

    Agents always need a credential; readers do if the settings name keys or an issuer.
    """

    def __init__(
        self,
        database: Database,
        api_keys: ApiKeyStore | None = None,
        tokens: JwtVerifier | None = None,
    ) -> None:
        super().__init__(api_keys, tokens)
        self._database = database

    @property
    def is_required(self) -> bool:
        """Return True: some callers need a credential."""
        return True

    async def caller_of(self, credential: Credential) -> Caller:
        """Return the caller of a credential; an agent is called by its host's id.

        Raises:
            CredentialRejected: the credential is not accepted.
        """
        if credential.defect is RejectionReason.MISSING and not super().is_required:
            return ALL_ACCESS
        text = credential.text.decode() if credential.defect is None else ""
        if not text.startswith(SESSION_PREFIX):
            return await super().caller_of(credential)
        session = secret_hash(text)
        host_id = await self._database.run(lambda store: store.host_of(session))
        if host_id is None:
            raise CredentialRejected(RejectionReason.UNKNOWN)
        return Caller(host_id, "agent", frozenset(), host_id)
