"""SA contexts: pairs of an inbound and an outbound IPsec SA."""

from __future__ import annotations

from typing import Final

from app.api import problems
from app.api.listed import Listed, listed_router
from app.api.resource import EngineAction, Resource
from app.resources.sa_contexts import events, summary
from app.resources.sa_contexts.event_schema import (
    SaContextDeleted,
    SaContextEvent,
    SummarizedSaContextEvent,
)
from app.resources.sa_contexts.kind import SaContextKind
from app.resources.sa_contexts.metrics import add_metrics
from app.resources.sa_contexts.parameters import SaContextQuery, requested_view
from app.resources.sa_contexts.schema import SaContext, SaContextExportEnd, SaContextPage
from app.resources.sa_contexts.summarized_schema import (
    SummarizedSaContext,
    SummarizedSaContextPage,
)
from app.resources.wfp.actions import IPSEC_DATABASE, enumeration
from app.service import start_announced
from bindings.interfaces import interface_aliases
from bindings.sa_contexts import SaContexts
from bindings.subscriptions import subscribe_to_sa_contexts


TAG: Final = "SA contexts"

NOT_FOUND: Final = problems.declare(
    "sa_context_not_found",
    404,
    "There is no such SA context",
    "The engine has no SA context with this id. An SA context ends at the end of its lifetime, "
    "when its peer disconnects, and when the Base Filtering Engine restarts; a rekey assigns a new "
    "id.",
)

LISTED: Final = Listed(
    kind=SaContextKind,
    plural="sa_contexts",
    singular="sa_context",
    query=SaContextQuery,
    item=SaContext,
    page=SaContextPage,
    export_end=SaContextExportEnd,
    summary=SummarizedSaContext,
    summary_page=SummarizedSaContextPage,
    item_view=requested_view,
    item_id="saContextId",
    not_found=NOT_FOUND,
    list_description="""List the IPsec SA contexts of this host, in ascending order of their id.

    All pages of one list show one snapshot. To get the next page, send `nextCursor` as
    `cursor`, or follow the `Link` header; if both are absent, the list is complete. As
    `application/x-ndjson` the whole list is streamed, one context per line.
    """,
    item_description="Get one IPsec SA context, read from the engine for this request.",
    item_links={
        "mainModeSa": {
            "operationId": "get_ike_sa",
            "parameters": {"path.saId": "$response.body#/outboundSa/saBundle/mmSaId"},
            "description": "The main mode SA that negotiated the outbound SA.",
        },
    },
)

RESOURCE: Final = Resource(
    tag=TAG,
    description="Pairs of an inbound and an outbound IPsec SA. Lists are paginated, and all pages "
    "of a list come from one snapshot.",
    router=listed_router(LISTED, TAG, events.router, summary.router),
    key=SaContextKind,
    start=lambda foundation: start_announced(
        SaContextKind(interface_aliases, foundation.settings.baseline, foundation.rule_names),
        foundation,
        foundation.ipv6_order,
    ),
    stream_shapes=(
        SummarizedSaContextPage,
        SaContextExportEnd,
        SaContextEvent,
        SummarizedSaContextEvent,
        SaContextDeleted,
    ),
    add_metrics=add_metrics,
    actions=(
        enumeration("read_sa_contexts", "SA contexts", IPSEC_DATABASE, SaContexts),
        EngineAction(
            "subscribe_to_changes",
            "subscribe to changes of SA contexts",
            "FWPM_ACTRL_SUBSCRIBE",
            IPSEC_DATABASE,
            lambda session: subscribe_to_sa_contexts(session, lambda *_: None).close(),
        ),
    ),
    features={
        "ports, protocol and interface of an SA": (
            "IPsecSaContextEnum1",
            "IPsecSaContextGetById1",
        ),
        "notifications of changes (the server compares refreshes instead)": (
            "IPsecSaContextSubscribe0",
            "IPsecSaContextUnsubscribe0",
        ),
    },
)
