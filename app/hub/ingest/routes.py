"""`/fleet/v1`: enrolment, sessions and reports of agents.

A session names its host, and nothing in a report can name another one. Agents get no command: an
answer says what the hub has, what it needs and at what pace.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Final, NamedTuple, TypeVar

import anyio.to_thread
import orjson
from fastapi import APIRouter, Depends, Request
from pydantic import ValidationError

from app.api.problems import UNAUTHENTICATED, ProblemError
from app.api.request_state import credential_of, request_state
from app.api.security import REALM, Permission
from app.auth.scopes import Scope
from app.fleet.identity import host_id_of, is_signed, statement
from app.fleet.wire import (
    PREFIX,
    Challenge,
    Enrolled,
    Enrolment,
    Heartbeat,
    HeartbeatTaken,
    Session,
    SessionRequest,
    Taken,
    Wire,
)
from app.hub.credentials import new_session, secret_hash
from app.hub.ingest.problems import (
    POSITION_DIFFERS,
    SESSION_SUPERSEDED,
    SIGNATURE_REJECTED,
    TOKEN_REJECTED,
    UNKNOWN_HOST_ID,
    UNREADABLE_REPORT,
)
from app.hub.ingest.reports import ReportUnreadable, place_of, read_changes, read_part
from app.hub.service import HubService, hub_of
from app.hub.store import (
    HubStore,
    NonceUsed,
    PositionDiffers,
    SessionSuperseded,
    TokenRejected,
    UnknownHost,
)


T = TypeVar("T")
W = TypeVar("W", bound=Wire)

router = APIRouter(prefix=PREFIX, include_in_schema=False)

Hub = Annotated[HubService, Depends(hub_of)]
MAX_JSON_BYTES: Final = 64 << 10
"""Maximum size of a body that is no report."""


class AgentSession(NamedTuple):
    """The session of an agent.

    Attributes:
        host_id: the host that it belongs to.
        hash: the hash of its credential, by which the store knows it.
    """

    host_id: str
    hash: bytes


class OfAgents(Permission):
    """A dependency that rejects callers who have no session."""

    def __init__(self) -> None:
        super().__init__(Scope.SA_READ)

    async def __call__(self, request: Request) -> AgentSession:  # type: ignore[override]  # it is a dependency
        """Return the agent's session.

        Raises:
            ProblemError: 401: the caller has none.
        """
        state = request_state(request.scope)
        if state.caller.kind != "agent":
            state.is_rejected = True
            raise ProblemError(
                UNAUTHENTICATED,
                "The request has no session.",
                headers={"WWW-Authenticate": f'Bearer realm="{REALM}"'},
            )
        text = credential_of(request.scope).text.decode()
        return AgentSession(state.caller.name, secret_hash(text))


Agent = Annotated[AgentSession, Depends(OfAgents())]


async def _read(request: Request, shape: type[W]) -> W:
    """Return a request's body.

    Raises:
        ProblemError: 422.
    """
    body = await request.body()
    if len(body) > MAX_JSON_BYTES:
        raise _unreadable(f"The body exceeds {MAX_JSON_BYTES:,} bytes.")
    try:
        return shape.model_validate(orjson.loads(body))
    except ValidationError as error:
        raise _unreadable(f"The body is not of the right shape: {place_of(error)}.") from None
    except ValueError:
        raise _unreadable("The body is not JSON.") from None


async def _read_report(request: Request, hub: HubService, read: Callable[[bytes], T]) -> T:
    """Return a report, read in a thread.

    Raises:
        ProblemError: 422.
    """
    body = await request.body()
    try:
        async with hub.capacity.filtering.seat():
            return await anyio.to_thread.run_sync(read, body)
    except ReportUnreadable as error:
        raise _unreadable(f"The report cannot be read: {error}.") from None


def _unreadable(detail: str) -> ProblemError:
    return ProblemError(UNREADABLE_REPORT, detail)


def _rejected(request: Request, problem: ProblemError) -> ProblemError:
    request_state(request.scope).is_rejected = True
    return problem


async def _stored(hub: HubService, agent: AgentSession, work: Callable[[HubStore], T]) -> T:
    """Store what an agent reported, and return what the store answers.

    Raises:
        ProblemError: 409, 410: it was not stored.
    """
    try:
        answer = await hub.database.run(work)
    except SessionSuperseded:
        raise ProblemError(SESSION_SUPERSEDED, "The host has opened another session.") from None
    except PositionDiffers as error:
        raise ProblemError(
            POSITION_DIFFERS,
            "The report does not follow what the hub has.",
            position=None if error.position is None else error.position.model_dump(),
        ) from None
    hub.presence.see(agent.host_id)
    return answer


@router.post("/enrolments", status_code=201)
async def enrol(request: Request, hub: Hub) -> Enrolled:
    """Enrol a host with a token; again with the same key, it is the same host."""
    enrolment = await _read(request, Enrolment)
    host_id = host_id_of(bytes.fromhex(enrolment.public_key))
    token, now = secret_hash(enrolment.token), time.time()
    try:
        await hub.database.run(lambda store: store.enrol(enrolment, host_id, token, now))
    except TokenRejected:
        detail = "The enrolment token is not accepted."
        raise _rejected(request, ProblemError(TOKEN_REJECTED, detail)) from None
    hub.presence.see(host_id)
    return Enrolled(host_id=host_id)


@router.post("/challenges")
async def challenge(hub: Hub) -> Challenge:
    """Return a nonce to sign."""
    return Challenge(nonce=hub.nonces.new())


@router.post("/sessions", status_code=201)
async def open_session(request: Request, hub: Hub) -> Session:
    """Open a session, which supersedes the host's last one."""
    asked = await _read(request, SessionRequest)
    session = new_session()
    signed = statement(asked.host_id, asked.nonce, asked.instance)
    nonce_time = hub.nonces.time_of(asked.nonce)
    wrong = ProblemError(SIGNATURE_REJECTED, "The signature or its nonce is not accepted.")
    try:
        key = await hub.database.run(lambda store: store.public_key(asked.host_id))
        if nonce_time is None or not is_signed(key, bytes.fromhex(asked.signature), signed):
            raise _rejected(request, wrong)
        positions = await hub.database.run(
            lambda store: store.open_session(
                *(asked.host_id, secret_hash(session), nonce_time, asked.name, asked.version)
            )
        )
    except UnknownHost:
        detail = f"The hub has no host {asked.host_id}."
        raise _rejected(request, ProblemError(UNKNOWN_HOST_ID, detail)) from None
    except NonceUsed:
        raise _rejected(request, wrong) from None
    hub.presence.see(asked.host_id)
    return Session(session=session, positions={**positions}, pacing=hub.pacing)


@router.post("/changes")
async def take_changes(agent: Agent, request: Request, hub: Hub) -> Taken:
    """Store changes; if they are stored already, only say so."""
    head, changes = await _read_report(request, hub, read_changes)
    now = time.time()
    position = await _stored(
        hub, agent, lambda store: store.take_changes(agent.hash, head, changes, now)
    )
    return Taken(position=position)


@router.post("/snapshots")
async def take_part(agent: Agent, request: Request, hub: Hub) -> Taken:
    """Store a part of a snapshot; the last one makes it the content of the channel."""
    head, part = await _read_report(request, hub, read_part)
    now = time.time()
    position, need = await _stored(
        hub, agent, lambda store: store.take_part(agent.hash, head, part, now)
    )
    return Taken(position=position, need=tuple(map(str, need)))


@router.post("/heartbeats")
async def take_heartbeat(agent: Agent, request: Request, hub: Hub) -> HeartbeatTaken:
    """Note a sign of life, and compare what the host has with what the hub has."""
    heartbeat = await _read(request, Heartbeat)
    differs = await _stored(hub, agent, lambda store: store.take_heartbeat(agent.hash, heartbeat))
    hub.presence.see(agent.host_id, heartbeat.time)
    return HeartbeatTaken(differs=tuple(differs), pacing=hub.pacing)
