"""`/hosts`: the hosts of the fleet, as a list and one by one."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from app.api import problems
from app.api.dependencies import reject_query, reject_repeated, require_json
from app.api.problems import ProblemError
from app.api.security import SaReader
from app.hub.hosts.presence import HostState
from app.hub.hosts.schema import FleetHost, FleetHostPage, shown
from app.hub.ingest.problems import HUB_BUSY, declare
from app.hub.service import HubService, hub_of


NOT_FOUND: Final = declare(
    "host_not_found",
    404,
    "There is no such host",
    "No host of the fleet has this id. `/hosts` lists the ids of all hosts.",
)
MAX_LIMIT: Final = 1000
_READ_PROBLEMS: Final = (
    *problems.AUTH_PROBLEMS,
    problems.NOT_ACCEPTABLE,
    problems.INVALID_PARAMETERS,
    HUB_BUSY,
)

router = APIRouter(prefix="/hosts", tags=["Hosts"])

Hub = Annotated[HubService, Depends(hub_of)]


class HostQuery(BaseModel):
    """The parameters of the list of hosts."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)

    limit: int = Field(100, ge=1, le=MAX_LIMIT, description="Maximum number of items.")
    cursor: str | None = Field(
        None, pattern=r"^[0-9a-f]{32}$", description="`nextCursor` of the page before."
    )
    state: list[HostState] = Field([], max_length=3, description="Only hosts in these states.")
    name: list[str] = Field(
        [], max_length=16, description="Only hosts with one of these names, in any case."
    )


@router.get(
    "",
    dependencies=[Depends(require_json), Depends(reject_repeated(HostQuery))],
    response_model_exclude_unset=True,
    responses=problems.responses(*_READ_PROBLEMS),
)
async def list_hosts(
    _caller: SaReader, query: Annotated[HostQuery, Query()], hub: Hub, response: Response
) -> FleetHostPage:
    """List the hosts of the fleet, by id, and how current what the hub knows of each is.

    To get the next page, send `nextCursor` as `cursor`. Each page shows the time of its request.
    """
    names = {name.casefold() for name in query.name}
    found = (
        host
        for host in await hub.database.run(lambda store: store.hosts())
        if (query.cursor is None or host.id > query.cursor)
        and (not names or host.name.casefold() in names)
        and (not query.state or hub.presence.state_of(host) in query.state)
    )
    items = [shown(host, hub.presence) for host in islice(found, query.limit)]
    response.headers["Cache-Control"] = "no-store"
    if next(found, None) is None:
        return FleetHostPage(items=items)
    return FleetHostPage(items=items, next_cursor=items[-1].host_id)


@router.get(
    "/{hostId}",
    dependencies=[Depends(require_json), Depends(reject_query)],
    responses=problems.responses(*_READ_PROBLEMS, NOT_FOUND),
)
async def get_host(
    _caller: SaReader,
    host_id: Annotated[str, Path(alias="hostId", pattern=r"^[0-9a-f]{32}$")],
    hub: Hub,
    response: Response,
) -> FleetHost:
    """Get one host of the fleet."""
    for host in await hub.database.run(lambda store: store.hosts()):
        if host.id == host_id:
            response.headers["Cache-Control"] = "no-store"
            return shown(host, hub.presence)
    raise ProblemError(NOT_FOUND, f"No host has the id {host_id}.")
