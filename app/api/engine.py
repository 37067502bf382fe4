"""`/engine`: the filter engine behind the server, and whether the server can read it."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Response
from pydantic import MISSING

from app.api import problems
from app.api.dependencies import ServiceDep, reject_query, require_json
from app.api.errors import to_problem
from app.api.security import SaReader
from app.schemas.engine import (
    Engine,
    Ipv6Order,
    Ipv6OrderEvidence,
    NotReadyReason,
    Refresh,
)
from app.schemas.names import EngineKind, Ipv6OrderReason
from app.service import Service
from bindings.ipv6_order import Ipv6OrderState


router = APIRouter(tags=["Engine"], dependencies=[Depends(require_json), Depends(reject_query)])


@router.get(
    "/engine",
    responses=problems.responses(
        *problems.AUTH_PROBLEMS,
        problems.NOT_ACCEPTABLE,
        problems.INVALID_PARAMETERS,
        problems.INTERNAL_ERROR,
    ),
)
async def get_engine(_caller: SaReader, service: ServiceDep, response: Response) -> Engine:
    """Get the last known state of the filter engine, without calling the engine."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Vary"] = "Accept"
    store, refresh, current = service.store, service.store.last_refresh, service.store.current
    return Engine(
        host=service.host,
        kind=EngineKind(service.library.kind),
        library=str(service.library.path),
        functions=service.library.functions(),
        session="open" if service.listed(service.primary).engine.is_open else "closed",
        changes="announced" if _are_changes_announced(service) else "compared",
        ready=service.is_ready,
        reasons=_reasons(service),
        epoch=current.epoch if current else MISSING,
        revision=current.revision if current else MISSING,
        last_refresh=Refresh(
            started_at=refresh.started_at,
            duration_seconds=refresh.seconds,
            succeeded=refresh.error is None,
            contexts=refresh.object_count if refresh.error is None else MISSING,
        )
        if refresh
        else MISSING,
        ipv6_order=_ipv6_order(service.ipv6_order.state),
        leased_snapshots=len(store.leases),
        streams=service.streams.count,
        baseline=service.settings.baseline,
    )


def _are_changes_announced(service: Service) -> bool:
    engine = service.listed(service.primary).engine
    return engine.is_subscribed and service.store.incremental.error is None


def _ipv6_order(state: Ipv6OrderState) -> Ipv6Order:
    return Ipv6Order(
        order=state.order.value,
        reason=Ipv6OrderReason(state.reason),
        since=state.since,
        host_addresses=Ipv6OrderEvidence(**state.host_addresses._asdict()),
        filter_conditions=Ipv6OrderEvidence(**state.filter_conditions._asdict()),
    )


def _reasons(service: Service) -> list[NotReadyReason]:
    reasons = [] if service.store.is_ready else [_engine_reason(service)]
    if (call := service.hung_call) is not None:
        detail = f"{call.function} has not returned for {call.seconds():.0f} s."
        reasons.append(NotReadyReason(code="hung", detail=detail, function=call.function))
    if service.rejects_keys:
        kind = problems.API_KEYS_UNAVAILABLE
        reasons.append(NotReadyReason(code=kind.code, detail=f"{kind.title}."))
    return reasons


def _engine_reason(service: Service) -> NotReadyReason:
    refresh = service.store.last_refresh
    if refresh is None:
        return NotReadyReason(code="starting", detail="The engine has not been read yet.")
    if refresh.error is None:
        return NotReadyReason(code="stale", detail="The last refresh was too long ago.")
    problem = to_problem(refresh.error)
    return NotReadyReason(
        code=problem.kind.code,
        detail=problem.detail,
        win_error=problem.members.get("winError", MISSING),
        win_error_hex=problem.members.get("winErrorHex", MISSING),
        win_error_name=problem.members.get("winErrorName", MISSING),
        function=problem.members.get("function", MISSING),
    )
