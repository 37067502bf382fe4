"""`/peers/{address}`: one peer, the objects behind its numbers, and a diagnosis."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from heapq import nsmallest
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import Annotated, Any, Final

import anyio.to_thread
import orjson
from fastapi import APIRouter, Depends, Path, Response

from app.answers.ended.buffer import EndedSelection
from app.answers.ended.recorder import EndedContexts
from app.answers.peers.aggregate import Peer
from app.answers.peers.diagnosis import HIDDEN_FAILURES, diagnosis_of
from app.answers.peers.failures import RECENT
from app.answers.peers.item import numbers_of
from app.answers.peers.part import PeersPart
from app.answers.peers.parts import NatClient, number_of
from app.answers.peers.schema import PeerDetail
from app.answers.peers.store import PeerStore
from app.answers.visible import Visible, visible_to
from app.api import problems
from app.api.dependencies import ServiceDep, reject_query, require_json
from app.api.media_types import JSON_UTF_8
from app.api.parameters import DEFAULT_MAX_AGE, AddressParameter
from app.api.problems import ProblemError
from app.api.security import SaReader
from app.api.snapshots import snapshot_of
from app.auth.scopes import Scope
from app.repository.store import Store
from app.schemas.names import View
from app.service import Service


MAX_ITEMS: Final = 100
"""Maximum number of objects of each kind: a peer may have thousands."""

NOT_FOUND: Final = problems.declare(
    "peer_not_found",
    404,
    "There is no such peer",
    "This host has no SA with this address, the settings do not expect one, and no negotiation "
    "with it failed in the last hour, as far as the caller may see that.",
)

CHECK_PATH: Final = (
    "Check that traffic to it matches a rule of this host, that the peer is up, and that UDP ports "
    "500 and 4500 reach it."
)

router = APIRouter(prefix="/peers", dependencies=[Depends(require_json), Depends(reject_query)])


@router.get(
    "/{address}",
    response_class=Response,
    responses={
        200: {"model": PeerDetail},
        **problems.responses(
            *problems.AUTH_PROBLEMS,
            NOT_FOUND,
            problems.NOT_ACCEPTABLE,
            problems.INVALID_PARAMETERS,
            *problems.ENGINE_PROBLEMS,
        ),
    },
)
async def get_peer(
    caller: SaReader,
    address: Annotated[AddressParameter, Path(description="The remote address.")],
    service: ServiceDep,
) -> Response:
    """Get one peer, the objects behind its numbers, and a diagnosis.

    Each list has at most 100 objects. The complete lists are those of `/sa-contexts`, `/ike-sas`,
    `/connections` and `/sa-contexts/ended`, filtered by `remoteAddress`.
    """
    detail = await detail_of(address, visible_to(caller, service.part(PeersPart)), service)
    if detail is None:
        why = why_not_found(address, sees_failures=Scope.DIAGNOSTICS_READ in caller.scopes)
        pointer = f" See what ended: /sa-contexts/ended?remoteAddress={address}"
        raise ProblemError(NOT_FOUND, f"{why}{pointer if _ended(address, service) else ''}")
    headers = {"Cache-Control": "no-store", "Vary": "Accept"}
    return Response(detail, media_type=JSON_UTF_8, headers=headers)


def why_not_found(address: IPv4Address | IPv6Address, *, sees_failures: bool) -> str:
    """Return what it means that there is no such peer, and what to check.

    Args:
        address: the address.
        sees_failures: whether the caller may see failures.
    """
    reason = "this host has no SA with it and does not expect one."
    failures = HIDDEN_FAILURES.finding
    if sees_failures:
        reason = "this host has no SA with it, does not expect one,"
        failures = "and knows of no negotiation with it that failed in the last hour."
    return f"There is no peer {address}: {reason} {failures} {CHECK_PATH}"


async def detail_of(
    address: IPv4Address | IPv6Address, view: Visible[PeerStore], service: Service
) -> bytes | None:
    """Return a peer as the JSON of a `PeerDetail` object; None if there is no such peer.

    Raises:
        EngineError, EngineBusy, EngineTimedOut, ShuttingDown: as for
            `PeerStore.snapshot_at_most`.
    """
    part, number = service.part(PeersPart), number_of(address)
    snapshot = await view.store.snapshot_at_most(DEFAULT_MAX_AGE)
    position = snapshot.position_of(number)
    if position is None:
        return None
    shown = orjson.loads(snapshot.blocks[position])
    peer = part.peers.get(address.packed)
    ended = _ended(address, service)
    clients = [] if peer is None else await _clients(peer)
    detail: dict[str, Any] = {
        **shown,
        "saContextItems": _items(part.contexts.store, () if peer is None else peer.contexts),
        "ikeSaItems": _items(part.ike_sas.store, () if peer is None else peer.ike_sas),
        "connectionItems": [
            orjson.Fragment(part.sampled.blocks[at])
            for at in part.sample.positions.get(number, ())[:MAX_ITEMS]
            if part.sampled is not None
        ],
        "natClientItems": [
            {
                "remoteUdpEncapPort": client.udp_port,
                "principalName": client.name or None,
                "mmSaId": str(client.main_mode) if client.main_mode else None,
                "saContexts": count,
            }
            for client, count in clients
        ],
        "ended": [orjson.Fragment(text) for text in ended],
        "diagnosis": diagnosis_of(shown, [*map(orjson.loads, ended)]),
        "snapshot": snapshot_of(snapshot, service),
    }
    return orjson.dumps(detail, option=orjson.OPT_UTC_Z)


async def _clients(peer: Peer) -> list[tuple[NatClient, int]]:
    """Return the first clients behind a NAT, and the number of contexts of each."""

    def first(peer: Peer) -> list[tuple[NatClient, int]]:
        return nsmallest(MAX_ITEMS, numbers_of(peer).nat_clients.items())

    return await anyio.to_thread.run_sync(first, peer.copy()) if peer.is_crowd else first(peer)


def _ended(address: IPv4Address | IPv6Address, service: Service) -> list[bytes]:
    """Return the JSON of the contexts with an address that ended in the last hour, newest first."""
    selection = EndedSelection(since=datetime.now(UTC) - RECENT, remote_addresses=(address,))
    found = service.part(EndedContexts).buffer.select(selection, MAX_ITEMS)
    return [row.json for row in found.rows]


def _items(store: Store, ids: Iterable[int]) -> list[orjson.Fragment]:
    """Return the JSON of the first objects with these ids."""
    state = store.state
    found = () if state is None else (state.item(number) for number in sorted(ids))
    present = islice((item for item in found if item is not None), MAX_ITEMS)
    return [orjson.Fragment(store.kind.in_view(item.json, View.SUMMARY)) for item in present]
