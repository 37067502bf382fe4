"""Callers: the senders of requests, and what their credentials grant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.auth.scopes import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """The sender of a request.

    Attributes:
        name: the key's name; for a token, its `sub`, `client_id` or `azp`, or else `unnamed`;
            `anonymous` without a credential.
        kind: the kind of credential; `anonymous` without one. Agents report to a hub.
        scopes: the granted scopes.
        credential: a public name for the credential: the key's id, or the token's `jti` or `sub`;
            empty if there is none.
        expires_at: when the credential expires, in Unix seconds; None: never.
    """

    name: str
    kind: Literal["anonymous", "api_key", "jwt", "agent"]
    scopes: frozenset[Scope]
    credential: str = ""
    expires_at: float | None = None

    @property
    def rate_limit_key(self) -> tuple[str, str]:
        """The key of the caller's rate limits: the kind, and an API key's id or else the name."""
        return self.kind, self.credential if self.kind == "api_key" else self.name


ALL_ACCESS: Final = Caller("anonymous", "anonymous", frozenset(Scope))
"""The caller of every request if no credential is required."""

UNAUTHENTICATED_CALLER: Final = Caller("anonymous", "anonymous", frozenset())
"""The caller before authentication, after a rejection, and on public paths."""
