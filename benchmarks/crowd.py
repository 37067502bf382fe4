"""A crowd: how often the engine is read when many clients send requests at once."""

from __future__ import annotations

from contextlib import ExitStack
from time import perf_counter, sleep

from benchmarks import servers
from benchmarks.client import ANEW, MIN_REST_SECONDS, PATH, Client
from benchmarks.figures import Bar, Figure, Section
from benchmarks.servers import Server
from benchmarks.sizes import Sizes


MAX_ENUMERATIONS = 2.0
BEGINS_ENUMERATION = "IPsecSaContextCreateEnumHandle0"
DEFAULT_MAX_AGE_SECONDS = 1.0
FEW_CONTEXTS = 250
"""So few that a refresh is over before all clients have sent their requests."""

TARGETS = {
    "maxAge=0": f"{PATH}?limit=100&maxAge=0",
    "no maxAge": f"{PATH}?limit=100",
}


def measure(sizes: Sizes) -> list[Section]:
    """Have every client send a request before any client reads its response."""
    figures = [
        figure
        for contexts in (FEW_CONTEXTS, sizes.small)
        for figure in _figures(contexts, sizes.crowd, sizes.few_rounds)
    ]
    return [
        Section(
            f"A crowd: {sizes.crowd} clients at once, over HTTP",
            f"{sizes.crowd} connections; on each a request for limit=100 is sent before the first "
            "answer is read. Enumerations: how many this causes, as the simulator counts them; the "
            "maximum of all rounds. Answered: when the last client has its page.",
            tuple(figures),
        )
    ]


def _figures(contexts: int, crowd: int, rounds: int) -> list[Figure]:
    enumerations: dict[str, list[float]] = {name: [] for name in TARGETS}
    seconds: dict[str, list[float]] = {name: [] for name in TARGETS}
    with servers.ours(contexts) as server, ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port)) for _ in range(crowd)]
        clients[0].get(ANEW)
        for _ in range(rounds):
            for name, target in TARGETS.items():
                _rest(clients)
                before = _enumerations(server)
                began = perf_counter()
                for client in clients:
                    client.ask(target)
                for client in clients:
                    client.answer()
                seconds[name].append(perf_counter() - began)
                enumerations[name].append(_enumerations(server) - before)
    return [
        figure
        for name in TARGETS
        for figure in (
            Figure(
                f"{contexts} contexts, {name}: enumerations",
                "",
                (max(enumerations[name]),),
                Bar.AT_MOST,
                MAX_ENUMERATIONS,
            ),
            Figure(f"{contexts} contexts, {name}: answered", "s", tuple(seconds[name])),
        )
    ]


def _rest(clients: list[Client]) -> None:
    """Wait until a new refresh is both needed and allowed; then reconnect all clients.

    It is needed when the snapshot is older than the default `maxAge`, and allowed when the minimum
    interval between refreshes has passed.
    """
    clients[0].reconnect()
    sleep(2 * clients[0].last_refresh_seconds() + DEFAULT_MAX_AGE_SECONDS + MIN_REST_SECONDS)
    for client in clients:
        client.reconnect()


def _enumerations(server: Server) -> int:
    calls: int = server.simulate("calls", BEGINS_ENUMERATION)
    return calls
