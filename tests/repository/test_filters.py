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
from app.resources.wfp.indexed_names import NameKind, names_in, pack_names
from app.schemas import names
from app.schemas.names import Baseline
from bindings.engine import Engine
from bindings.library import Library
from bindings.records import Identity, SaContext, SaDetails
from bindings.rule_names import UNKNOWN, FilterId, PolicyName, Reference
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
    "key_module": names.KeyModule,
    "weakness": names.WeaknessFilter,
}
NAME_FILTERS = ("principal_name", "rule_name")


NAMES = ["*", "**", "a", "\xfd", "STRASSE", "stra\u00dfe*"]


def sas_of(context: SaContext) -> list[dict[str, Any]]:
    rendered = render_sa_context(context, baseline=BASELINE)
    return [sa for sa in (rendered["inboundSa"], rendered["outboundSa"]) if sa is not None]


def said_by(sa: dict[str, Any]) -> dict[str, set[Any]]:
    """Return for each filter the values in one direction's JSON."""
    traffic, bundle = sa["traffic"], sa["saBundle"]
    transforms = [one["transform"] for one in bundle["saList"]]
    ciphers = {t["cipherTransform"]["cipherConfig"] for t in transforms if t.get("cipherTransform")}
    auths = {t["authTransform"]["authConfig"] for t in transforms if t.get("authTransform")}
    identity, udp = bundle["ipsecId"] or {}, sa["udpEncapsulation"] or {}
    return {
        "local_address": {traffic["localAddress"]} - {None},
        "remote_address": {traffic["remoteAddress"]} - {None},
        "ip_version": {sa["ipVersion"]},
        "traffic_type": {traffic["trafficType"]},
        "transform_type": {t["transformType"] for t in transforms},
        "cipher": ciphers or {"none"},
        "integrity": auths or {"none"},
        "pfs_group": {bundle["pfsGroup"]},
        "key_module": {(bundle["keyModuleState"] or {}).get("keyModule", "unknown")},
        "weakness": {*sa["weaknesses"], *(["any"] if sa["weaknesses"] else [])},
        "principal_name": {identity.get("mmTargetName"), identity.get("emTargetName")} - {None},
        "rule_name": {sa["ruleName"]} - {None},
        "udp_port": {str(port) for port in udp.values()},
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
    for name in NAME_FILTERS:
        if name in texts and not any(is_named(n, t) for n in said[name] for t in texts[name]):
            return False
    return all(
        said[name] & set(some)
        for name, some in texts.items()
        if "subnet" not in name and name not in NAME_FILTERS
    )


def is_named(name: str, pattern: str) -> bool:
    """Return whether a name is the pattern, or begins like one that ends with `*`."""
    folded, wanted = name.casefold(), pattern.casefold()
    return folded.startswith(wanted[:-1]) if wanted.endswith("*") else folded == wanted


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
            else [*NAMES, *(text.swapcase() for text in here), *(text[:2] + "*" for text in here)]
            if name in NAME_FILTERS
            else ["0", "1", "65535"]
        )
        some = draw(st.lists(st.sampled_from(here + others), min_size=1, max_size=3))
        texts[name] = [*map(str, some)]
        if "subnet" in name:
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


def with_policy(id_: int, identity: Identity | None = None) -> SaDetails:
    details = sa_details()
    return details._replace(
        traffic=details.traffic._replace(policy_id=id_),
        sa_bundle=details.sa_bundle._replace(ipsec_id=identity),
    )


def test_a_rule_is_found_by_a_name_that_was_looked_up() -> None:
    found: dict[Reference, PolicyName] = {FilterId(9): PolicyName("Require IPsec")}
    key = index_key(SaContext(1, with_policy(9), None), BASELINE, found.__getitem__)

    for pattern, is_found in (("require ipsec", True), ("Require*", True), ("IPsec", False)):
        assert SaContextSelection.parse({"rule_name": [pattern]}).matcher()(key) is is_found
    assert not SaContextSelection.parse({"principal_name": ["*"]}).matcher()(key)


def test_both_filters_on_names_must_be_met_by_one_sa() -> None:
    named = with_policy(1, Identity("host/a", "CORP\\Ann", ()))
    found: dict[Reference, PolicyName] = {FilterId(1): UNKNOWN, FilterId(2): PolicyName("out")}
    key = index_key(SaContext(1, named, with_policy(2)), BASELINE, found.__getitem__)

    def is_found(**filters: str) -> bool:
        texts = {name: [text] for name, text in filters.items()}
        return SaContextSelection.parse(texts).matcher()(key)

    assert is_found(principal_name="corp\\ann")
    assert is_found(rule_name="OUT")
    assert not is_found(principal_name="corp\\ann", rule_name="out")


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=8), max_size=4))
def test_indexed_names_are_what_was_indexed(principals: list[str]) -> None:
    packed = pack_names(NameKind.PRINCIPAL, (None, *principals)) + pack_names(
        NameKind.RULE, ("Rule", None)
    )

    assert names_in(packed, NameKind.PRINCIPAL) == principals
    assert names_in(packed, NameKind.RULE) == ["Rule"]


def test_filters_have_all_weaknesses_and_any() -> None:
    assert {*names.WeaknessFilter} == {*names.Weakness, "any"}


def test_more_spis_than_a_key_can_have_are_no_error() -> None:
    details = sa_details(spis=tuple(range(65_536)))
    context = SaContext(1, details, details)

    key = index_key(context, BASELINE)

    assert SaContextSelection.parse({"spi": ["1"]}).matcher()(key)


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
            if member == "any":
                continue  # it is no value of its own
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
    matches = SaContextSelection.parse({"weakness": ["any"]}).matcher()
    assert (
        counts.with_weakness
        == sum(map(matches, keys))
        == sum(any(sa["weaknesses"] for sa in sas_of(context)) for context in contexts)
    )
