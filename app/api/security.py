"""The scope that an endpoint requires, declared in its signature and so in the OpenAPI document.

Before routing, `app.middleware.authentication` stores the caller in the request's state. A route
that requires no scope is public. If it has the dependency `identify`, it accepts a credential,
which must then be valid, and may show more to callers with a scope.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Annotated, Any, Final, cast

from fastapi import Depends, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security.base import SecurityBase
from starlette.routing import BaseRoute
from starlette.types import Scope as AsgiScope

from app.api.problems import INSUFFICIENT_SCOPE, UNAUTHENTICATED, ProblemError
from app.api.request_state import credential_of, request_state
from app.auth.callers import UNAUTHENTICATED_CALLER, Caller
from app.auth.rejections import RejectionReason
from app.auth.scopes import Scope


REALM: Final = "sa-contexts"
"""The protection space (RFC 9110, 11.5): the whole server."""

_DESCRIPTION: Final = (
    "An API key (`sa-contexts keys add`), or a token of the OIDC issuer that the server trusts, in "
    "the header `Authorization`, never in the query. Each operation names the scope that it "
    "requires: `sa:read` for SA contexts, main mode SAs, connections, filters, peers, the history "
    "and the engine, `events:read` for the streams of SA contexts and peers, `metrics:read` for "
    "metrics and statistics, `diagnostics:read` for net events, also as a stream, and for the "
    "failures that peers, the history and `/failures` show. A server that listens on loopback only "
    "may require no credential."
)


class Permission(SecurityBase):
    """A dependency that rejects callers who lack a scope.

    Attributes:
        scope: the required scope.
    """

    model = HTTPBearer(description=_DESCRIPTION)
    scheme_name = "bearer"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Caller:
        """Return the caller.

        Raises:
            ProblemError: 403: the caller lacks the scope.
        """
        return require_scope(request, self.scope)


def require_scope(request: Request, scope: Scope) -> Caller:
    """Return the caller, whose scopes must include `scope`.

    Raises:
        ProblemError: 403: the caller lacks the scope.
    """
    state = request_state(request.scope)
    if scope not in state.caller.scopes:
        state.is_rejected = True
        challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{scope}"'
        raise ProblemError(
            INSUFFICIENT_SCOPE,
            f"The credential does not have the scope {scope}.",
            headers={"WWW-Authenticate": challenge},  # RFC 6750, 3
        )
    return state.caller


def _requires(scope: Scope) -> Any:
    return Security(Permission(scope), scopes=[scope])


SaReader = Annotated[Caller, _requires(Scope.SA_READ)]
EventsReader = Annotated[Caller, _requires(Scope.EVENTS_READ)]
MetricsReader = Annotated[Caller, _requires(Scope.METRICS_READ)]
DiagnosticsReader = Annotated[Caller, _requires(Scope.DIAGNOSTICS_READ)]


async def identify(request: Request) -> Caller:
    """Return the caller of a public route; without a credential, `UNAUTHENTICATED_CALLER`."""
    return request_state(request.scope).caller


async def require_diagnostics(request: Request) -> None:
    """Reject a request on a public route that asks for more than its caller may see.

    Raises:
        ProblemError: 401: the request has no credential. 403: the caller lacks `diagnostics:read`.
    """
    state = request_state(request.scope)
    if state.caller is UNAUTHENTICATED_CALLER:
        state.is_rejected = True
        raise ProblemError(
            UNAUTHENTICATED,
            "The request has no credential.",
            headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'},
        )
    await permission_in(DiagnosticsReader)(request)


AnyCaller = Annotated[Caller, Depends(identify)]
OPTIONAL_DIAGNOSTICS: Final = {
    "security": [{}, {Permission.scheme_name: [Scope.DIAGNOSTICS_READ.value]}]
}
"""Part of the OpenAPI document of a public route that shows more with `diagnostics:read`."""


def permission_in(annotation: Any) -> Permission:
    """Return the permission in one of the annotations above, such as `SaReader`."""
    (marker,) = annotation.__metadata__
    return cast(Permission, marker.dependency)


def public_requests(routes: Sequence[BaseRoute]) -> Callable[[AsgiScope], bool]:
    """Return a function that returns whether a request needs no credential.

    Such requests are those for routes that require no scope. If the route accepts a credential and
    the request has one, the credential must be valid.
    """
    parts = [(route, [*_parts(route.dependant)]) for route in iter_route_contexts(routes)]
    is_public = _paths(
        route.path_regex
        for route, its in parts
        if not any(isinstance(part.call, Permission) for part in its)
    ).fullmatch  # with `match`, `$` would accept a final newline
    identifies = _paths(
        route.path_regex for route, its in parts if any(part.call is identify for part in its)
    ).fullmatch

    def needs_no_credential(scope: AsgiScope) -> bool:
        path = scope["path"]
        if not is_public(path):
            return False
        return not identifies(path) or credential_of(scope).defect is RejectionReason.MISSING

    return needs_no_credential


def _paths(patterns: Iterable[re.Pattern[str]]) -> re.Pattern[str]:
    """Return a pattern that matches what one of the patterns of paths matches."""
    unnamed = [re.sub(r"\(\?P<\w+>", "(?:", each.pattern) for each in patterns]
    return re.compile("|".join(unnamed) or "(?!)")  # group names would have to be unique


def scope_of(route: APIRoute) -> Scope | None:
    """Return the scope that a route requires, or None."""
    calls = (part.call for part in _parts(route.dependant))
    return next((call.scope for call in calls if isinstance(call, Permission)), None)


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for part in dependant.dependencies:
        yield from _parts(part)
