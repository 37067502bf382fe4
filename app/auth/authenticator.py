"""Authentication of credentials: API keys and tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.auth.api_keys import ApiKeyStore
from app.auth.callers import Caller
from app.auth.credentials import Credential
from app.auth.key_file import PREFIX
from app.auth.rejections import CredentialRejected, RejectionReason


if TYPE_CHECKING:
    from app.auth.jwt import JwtVerifier  # imports joserfc, which few servers need


class Authenticator:
    """Maps credentials to callers. Belongs to one event loop.

    Attributes:
        api_keys: the API keys; None if they are not accepted. The owner of this object must call
            `api_keys.run`.
    """

    def __init__(
        self, api_keys: ApiKeyStore | None = None, tokens: JwtVerifier | None = None
    ) -> None:
        """Accept keys, tokens or both; with neither, no credential is required."""
        self.api_keys = api_keys
        self._tokens = tokens

    @property
    def is_required(self) -> bool:
        """Whether callers need a credential."""
        return self.api_keys is not None or self._tokens is not None

    def stop(self) -> None:
        """Stop waiting for an issuer, because the server stops."""
        if self._tokens is not None:
            self._tokens.stop()

    async def caller_of(self, credential: Credential) -> Caller:
        """Return the caller of a credential.

        If a token is not cached, the call may wait until the issuer's keys are fetched.

        Raises:
            CredentialRejected: the credential is not accepted.
        """
        if credential.defect is not None:
            raise CredentialRejected(credential.defect)
        text = credential.text.decode()
        if text.startswith(PREFIX):
            if self.api_keys is not None:
                return self.api_keys.caller_of(text)
        elif self._tokens is not None:
            return self._tokens.lookup(text) or await self._tokens.caller_of(text)
        raise CredentialRejected(RejectionReason.UNKNOWN)

    def is_still_valid(self, caller: Caller) -> bool:
        """Return whether a caller's credential is still valid; long responses check this."""
        if caller.kind == "api_key":
            return self.api_keys is not None and self.api_keys.has(caller)
        if caller.kind == "jwt":
            return self._tokens is not None and self._tokens.has(caller)
        return not self.is_required
