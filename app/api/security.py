"""Which scope an endpoint needs: said in its signature, and so in the OpenAPI document.

The gate (`app.middleware.authentication`) has put the caller into the request before it was routed.
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
from app.auth.callers import Caller
from app.auth.scopes import Scope


REALM: Final = "sa-contexts"
"""What credentials are for (RFC 9110, 11.5): all of this server."""

_DESCRIPTION: Final = (
    "An API key (`sa-contexts keys add`), or a token of the OIDC issuer that the server trusts, in "
    "the header `Authorization`, never in the query. Each operation names the scope that it needs: "
    "`sa:read` for SA contexts, main mode SAs, connections and the engine, `events:read` for the "
    "stream of events, `metrics:read` for metrics and statistics, `diagnostics:read` for net "
    "events. A server that only its own host can reach may ask for none."
)


class Permission(SecurityBase):
    """Lets those pass who have a scope.

    Attributes:
        scope: which.
    """

    model = HTTPBearer(description=_DESCRIPTION)
    scheme_name = "bearer"

    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    async def __call__(self, request: Request) -> Caller:
        """The caller.

        Raises:
            ProblemError: 403, the scope is missing.
        """
        state = request.scope["state"]
        caller: Caller = state["caller"]
        if self.scope not in caller.scopes:
            state["refused"] = INSUFFICIENT_SCOPE.code
            challenge = f'Bearer realm="{REALM}", error="insufficient_scope", scope="{self.scope}"'
            raise ProblemError(
                INSUFFICIENT_SCOPE,
                f"The credential does not have the scope {self.scope}.",
                headers={"WWW-Authenticate": challenge},  # RFC 6750, 3
            )
        return caller


def _needs(scope: Scope) -> Any:
    return Security(Permission(scope), scopes=[scope])


SaReader = Annotated[Caller, _needs(Scope.SA_READ)]
EventsReader = Annotated[Caller, _needs(Scope.EVENTS_READ)]
MetricsReader = Annotated[Caller, _needs(Scope.METRICS_READ)]
DiagnosticsReader = Annotated[Caller, _needs(Scope.DIAGNOSTICS_READ)]


def permission_in(annotation: Any) -> Permission:
    """What one of the annotations above asks for."""
    (marker,) = annotation.__metadata__
    return cast(Permission, marker.dependency)


def public_paths(routes: Sequence[BaseRoute]) -> re.Pattern[str]:
    """What the paths of those routes match whose signatures ask for no scope."""
    patterns = [
        re.sub(r"\(\?P<\w+>", "(?:", route.path_regex.pattern)  # names may occur in several
        for route in iter_route_contexts(routes)
        if not any(isinstance(each.call, Permission) for each in _parts(route.dependant))
    ]
    return re.compile("|".join(patterns) or "(?!)")


def scope_of(route: APIRoute) -> Scope | None:
    """The scope that a route's signature asks for, if it asks for any."""
    calls = (part.call for part in _parts(route.dependant))
    return next((call.scope for call in calls if isinstance(call, Permission)), None)


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for part in dependant.dependencies:
        yield from _parts(part)
