"""A view omits the documented fields, and no others."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from app.resources.sa_contexts.encoding import encode_sa_context
from app.resources.sa_contexts.views import basic_view
from bindings.records import FilterCondition, Identity, SaContext, Value
from tests.resources.contexts import CONTEXTS


def without(shape: dict[str, Any]) -> dict[str, Any]:
    """Return a context as documented for `view=basic`, with the other fields omitted."""
    for sa in (shape["inboundSa"], shape["outboundSa"]):
        if sa is not None:
            del sa["saBundle"]["ipsecId"]
            if sa["transportFilter"] is not None:
                del sa["transportFilter"]["filterCondition"]
    return shape


@settings(max_examples=300)
@given(st.lists(CONTEXTS, max_size=4))
def test_a_basic_view_leaves_out_identities_and_conditions(contexts: list[SaContext]) -> None:
    texts = [encode_sa_context(context) for context in contexts]

    shown = orjson.loads(b"[" + basic_view(b",".join(texts)) + b"]")

    assert shown == [without(orjson.loads(text)) for text in texts]


@given(CONTEXTS)
def test_names_from_the_network_cannot_be_taken_for_members(context: SaContext) -> None:
    evil = '"ipsecId":,"napContext":"filterCondition":[],"action":{\\"ipsecId":{'
    details = context.inbound_sa or context.outbound_sa
    if details is None or details.transport_filter is None:
        return
    condition = FilterCondition("0" * 8, 0, Value(17, evil))
    details = details._replace(
        sa_bundle=details.sa_bundle._replace(ipsec_id=Identity(evil, evil, ())),
        transport_filter=details.transport_filter._replace(
            name=evil, description=evil, conditions=(condition,)
        ),
    )
    text = encode_sa_context(SaContext(1, details, details))

    assert orjson.loads(basic_view(text)) == without(orjson.loads(text))
