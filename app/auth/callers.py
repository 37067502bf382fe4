"""Callers: the identities that credentials prove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.auth.scopes import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """The identity behind a request.

    Attributes:
        name: the key's name or the token's subject; printable.
        kind: the kind of credential.
        scopes: the scopes that the credential grants.
        credential: a name of the credential that is not secret: the key's id, or the token's `jti`
            or `sub`.
        expires_at: when the credential expires, in Unix seconds; None: never.
    """

    name: str
    kind: Literal["anonymous", "api_key", "jwt"]
    scopes: frozenset[Scope]
    credential: str = ""
    expires_at: float | None = None

    @property
    def rate_limit_key(self) -> tuple[str, str]:
        """The key of the caller's rate limits: one per API key, one per token subject."""
        return self.kind, self.credential if self.kind == "api_key" else self.name


ALL_ACCESS: Final = Caller("anonymous", "anonymous", frozenset(Scope))
"""The caller of every request if no credential is required."""

UNAUTHENTICATED_CALLER: Final = Caller("anonymous", "anonymous", frozenset())
"""The caller before authentication, and on public paths if others require a credential."""
