"""A view omits the documented fields, and no others."""

from __future__ import annotations

from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic.alias_generators import to_camel
from sa_contexts_simulator import Simulator

from app.resources.sa_contexts.encoding import encode_sa_context
from app.resources.sa_contexts.filters import SaContextSelection
from app.resources.sa_contexts.index import index_key
from app.resources.sa_contexts.protection import protection_of
from app.resources.sa_contexts.summarized_schema import SummarizedSaContext
from app.resources.sa_contexts.summary_view import summary_view
from app.resources.sa_contexts.views import basic_view
from app.schemas.names import Baseline, Weakness
from bindings.engine import Engine
from bindings.library import Library
from bindings.records import FilterCondition, Identity, SaContext, SaDetails, Value
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


def summarized(shape: dict[str, Any]) -> dict[str, Any]:
    """Return a context as documented for `view=summary`, from its members."""
    inbound, outbound = shape["inboundSa"], shape["outboundSa"]
    sa = outbound or inbound
    states = {
        (True, True): "complete",
        (True, False): "inbound_only",
        (False, True): "outbound_only",
        (False, False): "no_sa",
    }
    summary: dict[str, Any] = dict.fromkeys(
        to_camel(name)
        for name, field in SummarizedSaContext.model_fields.items()
        if field.is_required()
    )
    summary |= {
        "saContextId": shape["saContextId"],
        "state": states[inbound is not None, outbound is not None],
        "weaknesses": [],
    }
    if sa is None:
        return summary
    traffic, bundle = sa["traffic"], sa["saBundle"]
    both = [each["weaknesses"] for each in (inbound, outbound) if each]
    identity = bundle["ipsecId"] or {}
    copied = ("localAddress", "remoteAddress", "trafficType", "trafficTypeRaw")
    ports = ("ipProtocol", "localPort", "remotePort")
    return (
        summary
        | {name: traffic[name] for name in (*copied, *ports) if name in traffic}
        | {name: bundle[name] for name in ("pfsGroup", "pfsGroupRaw") if name in bundle}
        | (sa["udpEncapsulation"] or {})
        | {
            "protection": protection_of(bundle["saList"]),
            "weaknesses": [w for w in Weakness if any(w in each for each in both)],
            "principalName": identity.get("emTargetName") or identity.get("mmTargetName") or None,
            "ruleName": sa["ruleName"],
        }
    )


@settings(max_examples=500)
@given(st.lists(CONTEXTS, max_size=4), st.sampled_from([b",", b"\n"]))
def test_a_summary_has_the_members_of_its_context(
    contexts: list[SaContext], separator: bytes
) -> None:
    texts = [encode_sa_context(context) for context in contexts]

    shown = summary_view(separator.join(texts)).split(separator + b'{"') if texts else []

    summaries = [orjson.loads(text if not at else b'{"' + text) for at, text in enumerate(shown)]
    assert summaries == [summarized(orjson.loads(text)) for text in texts]
    for summary in summaries:
        SummarizedSaContext.model_validate(summary)


@given(CONTEXTS)
def test_a_summary_without_fields_of_newer_structs_is_complete(context: SaContext) -> None:
    older = SaContext(context.sa_context_id, *map(as_generation_0, context[1:]))
    text = encode_sa_context(older)

    summary = orjson.loads(summary_view(text))

    assert summary == summarized(orjson.loads(text))
    SummarizedSaContext.model_validate(summary)


def as_generation_0(details: SaDetails | None) -> SaDetails | None:
    if details is None:
        return None
    return details._replace(
        traffic=details.traffic._replace(
            local_port=None, ip_protocol=None, local_if_luid=None, real_if_profile_id=None
        ),
        sa_bundle=details.sa_bundle._replace(sa_lookup_context=None, qm_filter_id=None),
        virtual_if_tunnel_info=None,
    )


@given(CONTEXTS)
def test_names_cannot_be_taken_for_members_of_a_summary(context: SaContext) -> None:
    evil = '{"saContextId":"1","weaknesses":[],"name":","description":"emTargetName":,"tokens":['
    details = context.inbound_sa or context.outbound_sa
    if details is None or details.transport_filter is None:
        return
    details = details._replace(
        sa_bundle=details.sa_bundle._replace(ipsec_id=Identity(evil, evil, ())),
        transport_filter=details.transport_filter._replace(name=evil, description=evil),
    )
    text = encode_sa_context(SaContext(1, details, details), alias=lambda _: evil)

    assert orjson.loads(summary_view(text)) == summarized(orjson.loads(text))


def test_a_summary_is_small(library: Library, simulator: Simulator) -> None:
    simulator.populate(1000)
    with Engine(library) as engine:
        texts = [encode_sa_context(each) for page in engine.pages() for each in page]

    summary = summary_view(b",".join(texts))

    # The figures of docs/api.md: some 420 bytes, a thirteenth.
    assert 400 < len(summary) / len(texts) < 440
    assert 12.5 < sum(map(len, texts)) / len(summary) < 13.7


@given(CONTEXTS)
def test_a_context_is_found_by_the_names_in_its_summary(context: SaContext) -> None:
    summary = summarized(orjson.loads(encode_sa_context(context)))
    key = index_key(context, Baseline.NIST_SP_800_77R1)

    for name in ("principal_name", "rule_name"):
        text = summary[to_camel(name)]
        if text and not text.endswith("*"):
            assert SaContextSelection.parse({name: [text.upper()]}).matcher()(key)
