"""A selection matches what a reader of the JSON would match."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator

from app.resources.sa_contexts.counts import SaContextCounts
from app.resources.sa_contexts.encoding import render_sa_context
from app.resources.sa_contexts.filters import FIELDS_OF_SUITES, SaContextSelection
from app.resources.sa_contexts.index import index_key
from app.schemas import names
from app.schemas.names import Baseline
from bindings.engine import Engine
from bindings.library import Library
from bindings.records import SaContext
from tests.repository.states import sa_details
from tests.resources.contexts import CONTEXTS


BASELINE = Baseline.NIST_SP_800_77R1
_ENUMERATIONS: dict[str, type[Any]] = {
    "ip_version": names.IpVersion,
    "traffic_type": names.TrafficType,
    "transform_type": names.TransformType,
    "cipher": names.Cipher,
    "integrity": names.Integrity,
    "pfs_group": names.PfsGroup,
    "weakness": names.Weakness,
}


def sas_of(context: SaContext) -> list[dict[str, Any]]:
    rendered = render_sa_context(context, baseline=BASELINE)
    return [sa for sa in (rendered["inboundSa"], rendered["outboundSa"]) if sa is not None]


def said_by(sa: dict[str, Any]) -> dict[str, set[Any]]:
    """Return for each filter the values in one direction's JSON."""
    traffic, bundle = sa["traffic"], sa["saBundle"]
    transforms = [one["transform"] for one in bundle["saList"]]
    ciphers = {t["cipherTransform"]["cipherConfig"] for t in transforms if t.get("cipherTransform")}
    auths = {t["authTransform"]["authConfig"] for t in transforms if t.get("authTransform")}
    return {
        "local_address": {traffic["localAddress"]} - {None},
        "remote_address": {traffic["remoteAddress"]} - {None},
        "ip_version": {sa["ipVersion"]},
        "traffic_type": {traffic["trafficType"]},
        "transform_type": {t["transformType"] for t in transforms},
        "cipher": ciphers or {"none"},
        "integrity": auths or {"none"},
        "pfs_group": {bundle["pfsGroup"]},
        "weakness": set(sa["weaknesses"]),
        "mm_sa_id": {bundle["mmSaId"] or "0"},
        "qm_filter_id": {bundle["qmFilterId"]} if "qmFilterId" in bundle else set(),
        "spi": {str(one["spi"]) for one in bundle["saList"]},
    }


def is_met(sa: dict[str, Any], texts: dict[str, list[str]]) -> bool:
    said = said_by(sa)
    for side in ("local", "remote"):
        wanted = texts.get(f"{side}_subnet")
        if wanted:
            addresses = [ip_address(a) for a in said[f"{side}_address"]]
            if not any(address in ip_network(w) for w in wanted for address in addresses):
                return False
    return all(said[name] & set(some) for name, some in texts.items() if "subnet" not in name)


@st.composite
def contexts_and_texts(draw: st.DrawFn) -> tuple[SaContext, dict[str, list[str]]]:
    """Draw a context, and filters that mostly name its values or similar ones."""
    context = draw(CONTEXTS)
    said = [said_by(sa) for sa in sas_of(context)]
    texts: dict[str, list[str]] = {}
    for name in draw(
        st.lists(st.sampled_from(SaContextSelection.names()), max_size=4, unique=True)
    ):
        side = name.removesuffix("_subnet")
        here = sorted({v for one in said for v in one.get(name, one.get(f"{side}_address", ()))})
        others = (
            [member.value for member in _ENUMERATIONS[name]]
            if name in _ENUMERATIONS
            else ["10.0.0.1", "::", "255.255.255.255"]
            if "address" in name or "subnet" in name
            else ["0", "1", "4294967295"]
        )
        some = draw(st.lists(st.sampled_from(here + others), min_size=1, max_size=3))
        texts[name] = [*map(str, some)]
        if name != side:
            prefix = draw(st.integers(0, 32))
            texts[name] = [str(ip_network((text, prefix), strict=False)) for text in texts[name]]
    return context, texts


@settings(max_examples=400)
@given(contexts_and_texts())
def test_a_selection_matches_what_its_json_says(
    both: tuple[SaContext, dict[str, list[str]]],
) -> None:
    context, texts = both

    matches = SaContextSelection.parse(texts).matcher()(index_key(context, BASELINE))

    assert matches == (not texts or any(is_met(sa, texts) for sa in sas_of(context)))


@given(contexts_and_texts())
def test_a_selection_is_what_its_texts_say(
    both: tuple[SaContext, dict[str, list[str]]],
) -> None:
    _, texts = both
    selection = SaContextSelection.parse(texts)

    assert SaContextSelection.parse(selection.texts()) == selection
    assert {name: set(some) for name, some in selection.texts().items()} == {
        name: set(some) for name, some in texts.items()
    }
    doubled = {name: [*reversed(some), *some] for name, some in texts.items()}
    assert SaContextSelection.parse(doubled) == selection


@pytest.mark.parametrize(
    "texts", [{"name": ["x"]}, {"spi": ["x"]}, {"cipher": ["rot13"]}, {"local_subnet": ["1/2/3"]}]
)
def test_what_is_no_selection_is_refused(texts: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        SaContextSelection.parse(texts)


def test_more_than_two_spis_are_all_found() -> None:
    context = SaContext(1, None, sa_details(spis=(11, 22, 33)))

    for spi in (11, 22, 33):
        assert SaContextSelection.parse({"spi": [str(spi)]}).matcher()(index_key(context, BASELINE))
    assert not SaContextSelection.parse({"spi": ["44"]}).matcher()(index_key(context, BASELINE))


def test_counts_are_those_of_the_lists_that_they_speak_of(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(400, seed=9)
    simulator.churn(200)
    with Engine(library) as engine:
        contexts = [context for page in engine.pages() for context in page]
    keys = [index_key(context, BASELINE) for context in contexts]
    counts = SaContextCounts()
    for key in [*keys, *keys[:50]]:
        counts.add(key)
    for key in keys[:50]:
        counts.remove(key)

    for field in FIELDS_OF_SUITES:
        expected = {}
        for member in _ENUMERATIONS[field]:
            matches = SaContextSelection.parse({field: [member.value]}).matcher()
            if number := sum(map(matches, keys)):
                expected[member.value] = number
        assert counts.by(field) == expected
    peers = {sa["traffic"]["remoteAddress"] for context in contexts for sa in sas_of(context)} - {
        None
    }
    assert counts.peer_count == len(peers)
    for peer, number in counts.peers(5):
        matches = SaContextSelection.parse({"remote_address": [str(ip_address(peer))]}).matcher()
        assert number == sum(map(matches, keys))
    assert counts.contexts == len(contexts)
    assert counts.without_sa == sum(not sas_of(context) for context in contexts)
    assert counts.with_weakness == sum(
        any(sa["weaknesses"] for sa in sas_of(context)) for context in contexts
    )
