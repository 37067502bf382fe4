"""The scope that an endpoint requires, declared in its signature and so in the OpenAPI document.

Before routing, `app.middleware.authentication` stores the caller in the request's state.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final, cast

from fastapi import Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.openapi.models import HTTPBearer
from fastapi.routing import APIRoute, iter_route_contexts
from fastapi.security.base import SecurityBase
from starlette.routing import BaseRoute

from app.api.problems import INSUFFICIENT_SCOPE, ProblemError
from app.api.request_state import request_state
from app.auth.callers import Caller
from app.auth.scopes import Scope


REALM: Final = "sa-contexts"
"""The protection space (RFC 9110, 11.5): the whole server."""

_DESCRIPTION: Final = (
    "An API key (`sa-contexts keys add`), or a token of the OIDC issuer that the server trusts, in "
    "the header `Authorization`, never in the query. Each operation names the scope that it "
    "requires: `sa:read` for SA contexts, main mode SAs, connections and the engine, `events:read` "
    "for the event stream, `metrics:read` for metrics and statistics, `diagnostics:read` for net "
    "events. A server that listens on loopback only may require no credential."
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
        state = request_state(request.scope)
        if self.scope not in state.caller.scopes:
            state.is_rejected = True
            challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{self.scope}"'
            raise ProblemError(
                INSUFFICIENT_SCOPE,
                f"The credential does not have the scope {self.scope}.",
                headers={"WWW-Authenticate": challenge},  # RFC 6750, 3
            )
        return state.caller


def _requires(scope: Scope) -> Any:
    return Security(Permission(scope), scopes=[scope])


SaReader = Annotated[Caller, _requires(Scope.SA_READ)]
EventsReader = Annotated[Caller, _requires(Scope.EVENTS_READ)]
MetricsReader = Annotated[Caller, _requires(Scope.METRICS_READ)]
DiagnosticsReader = Annotated[Caller, _requires(Scope.DIAGNOSTICS_READ)]


def permission_in(annotation: Any) -> Permission:
    """Return the permission in one of the annotations above, such as `SaReader`."""
    (marker,) = annotation.__metadata__
    return cast(Permission, marker.dependency)


def public_paths(routes: Sequence[BaseRoute]) -> re.Pattern[str]:
    """Return a pattern for the paths of all routes that require no scope; use `fullmatch`."""
    patterns = [
        re.sub(r"\(\?P<\w+>", "(?:", route.path_regex.pattern)  # group names must be unique
        for route in iter_route_contexts(routes)
        if not any(isinstance(each.call, Permission) for each in _parts(route.dependant))
    ]
    return re.compile("|".join(patterns) or "(?!)")


def scope_of(route: APIRoute) -> Scope | None:
    """Return the scope that a route requires, or None."""
    calls = (part.call for part in _parts(route.dependant))
    return next((call.scope for call in calls if isinstance(call, Permission)), None)


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for part in dependant.dependencies:
        yield from _parts(part)
