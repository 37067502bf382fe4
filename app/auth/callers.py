"""Callers: who a request comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from app.auth.scopes import Scope


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as far as the credential tells.

    Attributes:
        name: of the key, or the token's subject; printable.
        kind: what kind of credential told it.
        scopes: what the caller may ask for.
        credential: what names the credential without giving it away: the key's id, or the
            token's `jti` or `sub`.
        expires_at: when the credential ceases to be taken, in Unix seconds; None: never by itself.
    """

    name: str
    kind: Literal["anonymous", "api_key", "jwt"]
    scopes: frozenset[Scope]
    credential: str = ""
    expires_at: float | None = None

    @property
    def rate_limit_key(self) -> tuple[str, str]:
        """By what is counted what the caller does: a token's subject may have many tokens."""
        return self.kind, self.credential if self.kind == "api_key" else self.name


ALL_ACCESS: Final = Caller("anonymous", "anonymous", frozenset(Scope))
"""Everybody, where no credentials are asked for."""

UNAUTHENTICATED_CALLER: Final = Caller("anonymous", "anonymous", frozenset())
"""Who asks for what is public, where credentials are asked for elsewhere."""
