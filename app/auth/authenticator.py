"""All credentials that are taken, of whatever kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.auth.api_keys import ApiKeyStore
from app.auth.callers import Caller
from app.auth.key_file import PREFIX
from app.auth.rejections import CredentialRejected, RejectionReason


if TYPE_CHECKING:
    from app.auth.jwt import JwtVerifier  # which takes a library that few servers need


class Authenticator:
    """Tells who a credential belongs to. Belongs to one event loop.

    Attributes:
        api_keys: those that are taken, if any are; they are to be run.
    """

    def __init__(
        self, api_keys: ApiKeyStore | None = None, tokens: JwtVerifier | None = None
    ) -> None:
        """Take keys, tokens, or both; where neither is given, nobody needs any."""
        self.api_keys = api_keys
        self._tokens = tokens

    @property
    def is_required(self) -> bool:
        """Whether credentials are asked for at all."""
        return self.api_keys is not None or self._tokens is not None

    def lookup(self, text: str) -> Caller | None:
        """Who has this credential, where that takes no waiting; None where it is to be asked.

        Raises:
            Refused: it is not taken.
        """
        if text.startswith(PREFIX):
            if self.api_keys is None:
                raise CredentialRejected(RejectionReason.UNKNOWN)
            return self.api_keys.caller_of(text)
        if self._tokens is None:
            raise CredentialRejected(RejectionReason.UNKNOWN)
        return self._tokens.lookup(text)

    async def verify(self, text: str) -> Caller:
        """Who has this token, where `known` did not tell.

        Raises:
            Refused: it is not taken.
        """
        if self._tokens is None:
            raise CredentialRejected(RejectionReason.UNKNOWN)
        return await self._tokens.caller_of(text)

    def is_still_valid(self, caller: Caller) -> bool:
        """Whether what told of this caller is still taken; for those who stay long."""
        if caller.kind == "api_key":
            return self.api_keys is not None and self.api_keys.has(caller)
        if caller.kind == "jwt":
            return self._tokens is not None and self._tokens.has(caller)
        return not self.is_required
