"""Filters: the rules that SAs and net events refer to, and the policies behind them."""

from __future__ import annotations

from contextlib import closing, suppress
from typing import Final

from app.api.resource import EngineAction, Resource
from app.resources.filters.reader import FilterReader
from app.resources.filters.routes import TAG, router
from bindings.errors import EngineError, NotFound
from bindings.policy import Policy
from bindings.records import SaContext
from bindings.sa_contexts import SaContexts
from bindings.session import Session
from bindings.tunnel_policies import enumerate_tunnel_policies


MAX_CONTEXTS: Final = 4
"""How many SA contexts the doctor reads the filters of."""


def read_filters(session: Session) -> None:
    """Read the filters of some SAs, or any filter if there are none.

    A filter may be gone. That the account may not read it is a different error.
    """
    contexts: list[SaContext] = []
    with suppress(EngineError), closing(SaContexts(session).pages(size=MAX_CONTEXTS)) as pages:
        contexts = next(pages, [])
    ids = [sa.sa_bundle.qm_filter_id for context in contexts for sa in context[1:] if sa]
    for filter_id in ids or [1]:
        with suppress(NotFound):
            Policy(session).get_filter(filter_id or 1)


RESOURCE: Final = Resource(
    tag=TAG,
    description="Filters by their id: the rule behind an SA, a failure or a dropped packet.",
    router=router,
    key=FilterReader,
    start=lambda foundation: FilterReader(foundation.engine, foundation.engine_calls),
    actions=(
        EngineAction("read_filters", "read filters", "FWPM_ACTRL_READ", "filters", read_filters),
        EngineAction(
            "read_tunnels",
            "read the policies of tunnels",
            "FWPM_ACTRL_ENUM and FWPM_ACTRL_READ",
            "provider contexts",
            enumerate_tunnel_policies,
        ),
    ),
    features={
        "names of rules": ("FwpmFilterGetById0",),
        "tunnels": ("FwpmProviderContextCreateEnumHandle0", "FwpmProviderContextEnum0"),
        "names of policies": ("FwpmProviderContextGetById0", "FwpmProviderContextGetByKey0"),
    },
)
