"""The generated contexts: the same for the same seed, like real ones, full of canaries."""

import ctypes
from collections.abc import Iterator
from typing import Any

import pytest
from sa_contexts_simulator import Simulator

from .wfp import V4, V6, Context, Details, Wfp, secrets_of, text_at, u16


CANARY = b"CANARY-KEY-MATERIAL"
CANARY_NUMBER = 0x4352414E41525921


def sas(contexts: list[Context]) -> Iterator[Details]:
    for context in contexts:
        for sa in (context.inboundSa, context.outboundSa):
            if sa:
                yield sa.contents


def plain(details: Details) -> tuple[Any, ...]:
    """What can be compared of an SA."""
    bundle, transport = details.saBundle, details.transportFilter
    identity = bundle.ipsecId.contents if bundle.ipsecId else None
    return (
        bytes(details.traffic),
        bundle.flags,
        tuple(bundle.lifetime),
        bundle.qmSaId,
        bundle.mmSaId,
        bundle.pfsGroup,
        tuple((sa.spi, sa.transformType) for sa in bundle.saList[: bundle.numSAs]),
        text_at(identity.mmTargetName) if identity else None,
        text_at(identity.emTargetName) if identity else None,
        text_at(transport.contents.name) if transport else None,
        bytes(transport.contents.filterKey) if transport else None,
    )


def snapshot(wfp: Wfp) -> list[tuple[Any, ...]]:
    with wfp.all() as contexts:
        return [
            (
                context.saContextId,
                plain(context.inboundSa.contents) if context.inboundSa else None,
                plain(context.outboundSa.contents) if context.outboundSa else None,
            )
            for context in contexts
        ]


def test_same_seed_gives_the_same_contexts(simulator: Simulator, wfp: Wfp) -> None:
    runs = []
    for seed in (1, 1, 2):
        simulator.reset()
        simulator.populate(100, seed)
        runs.append(snapshot(wfp))

    assert runs[0] == runs[1]
    assert not {row[0] for row in runs[0]} & {row[0] for row in runs[2]} or runs[0] != runs[2]
    assert [row[1:] for row in runs[0]] != [row[1:] for row in runs[2]]


def test_larger_population_begins_with_the_smaller(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(10, seed=1)
    small = snapshot(wfp)
    simulator.reset()
    simulator.populate(20, seed=1)

    assert snapshot(wfp)[:10] == small


def test_ids_ascend_are_never_reused_and_exceed_doubles(simulator: Simulator) -> None:
    simulator.populate(1000, seed=1)
    first = simulator.ids()
    simulator.populate(1000, seed=1)
    second = simulator.ids()

    assert first == sorted(set(first))
    assert max(first) < min(second)
    assert min(first) < 2**53 < max(first)


def test_restarted_engine_negotiates_the_same_peers_anew(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(100, seed=1)
    ids = simulator.ids()
    with wfp.all() as contexts:
        before = [(sa.traffic.remote.v4, sa.saBundle.saList[0].spi) for sa in sas(contexts)]
    simulator.stop_engine()
    simulator.start_engine()
    with wfp.all() as contexts:
        after = [(sa.traffic.remote.v4, sa.saBundle.saList[0].spi) for sa in sas(contexts)]

    assert simulator.ids() == ids
    assert [peer for peer, _ in before] == [peer for peer, _ in after]
    assert not {spi for _, spi in before} & {spi for _, spi in after}


def test_every_secret_is_the_canary(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(300, seed=5)
    blobs = numbers = 0
    with wfp.all() as contexts:
        for sa in sas(contexts):
            for secret in secrets_of(sa):
                if isinstance(secret, int):
                    assert secret == CANARY_NUMBER
                    numbers += 1
                else:
                    assert secret == (CANARY * 8)[: len(secret)]
                    assert len(secret) >= 8
                    blobs += 1

    assert blobs > 1000
    assert numbers > 1000


def ends(traffic: Any) -> bytes:
    """Return the traffic of an SA without its transport filter, of which each direction has one."""
    raw = bytearray(bytes(traffic))
    if traffic.trafficType == 0:  # IPSEC_TRAFFIC_TYPE_TRANSPORT
        raw[40:48] = bytes(8)  # ipsecFilterId (ipsectypes.h)
    return bytes(raw)


def test_both_directions_belong_together(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(300, seed=6)
    complete = 0
    with wfp.all() as contexts:
        for context in contexts:
            if not context.outboundSa:
                continue
            complete += 1
            inbound, outbound = context.inboundSa.contents, context.outboundSa.contents
            assert (inbound.saDirection, outbound.saDirection) == (1, 0)
            assert ends(inbound.traffic) == ends(outbound.traffic)
            assert inbound.saBundle.qmSaId == outbound.saBundle.qmSaId
            assert inbound.saBundle.mmSaId == outbound.saBundle.mmSaId
            spis = {bundle.saList[0].spi for bundle in (inbound.saBundle, outbound.saBundle)}
            assert len(spis) == 2
            assert min(spis) > 255

    assert 0.9 < complete / 300 < 1


def test_population_shows_all_kinds(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(2000, seed=7)
    with wfp.all() as contexts:
        all_sas = list(sas(contexts))
        missing = {(bool(each.inboundSa), bool(each.outboundSa)) for each in contexts}
        transforms = {
            tuple(sa.transformType for sa in each.saBundle.saList[: each.saBundle.numSAs])
            for each in all_sas
        }
        traffic = {(each.ipVersion, each.traffic.trafficType) for each in all_sas}
        groups = {each.saBundle.pfsGroup for each in all_sas}
        values = {
            condition.conditionValue.type
            for each in all_sas
            if each.transportFilter
            for condition in each.transportFilter.contents.filterCondition[
                : each.transportFilter.contents.numFilterConditions
            ]
        }
        weights = {
            each.transportFilter.contents.weight.type for each in all_sas if each.transportFilter
        }
        encapsulated = [each for each in all_sas if each.udpEncapsulation]
        virtual = [each for each in all_sas if each.virtualIfTunnelId]
        known = [each for each in all_sas if each.saBundle.ipsecId]
        rich = [
            each
            for each in all_sas
            if each.transportFilter and each.transportFilter.contents.numFilterConditions >= 3
        ]

        assert missing == {(False, False), (True, False), (True, True)}
        assert transforms == {(1,), (2,), (3,), (4,), (5,), (4, 1)}
        assert traffic == {(V4, 0), (V4, 1), (V6, 0), (V6, 1)}
        assert groups == set(range(8))
        assert values == {1, 2, 3, 11, 256, 257, 258}
        assert weights == {1, 4}
        assert all(each.ipVersion == V4 for each in encapsulated)
        assert all(u16.from_address(each.udpEncapsulation).value == 4500 for each in encapsulated)
        assert all(each.traffic.trafficType == 1 for each in virtual)
        assert len(encapsulated) > 100
        assert len(virtual) > 100
        assert len(known) > 0.85 * len(all_sas)
        assert len(rich) > 0.8 * len(all_sas)


def test_generation_0_reports_the_same_in_its_shape(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(50, seed=8)
    compared = 0
    with wfp.session() as engine:
        for context_id in simulator.ids():
            with wfp.get(engine, context_id, 0) as old, wfp.get(engine, context_id, 1) as new:
                assert old.saContextId == new.saContextId == context_id
                assert bool(old.outboundSa) == bool(new.outboundSa)
                if not old.inboundSa:
                    continue
                before, after = old.inboundSa.contents, new.inboundSa.contents
                assert before.ipVersion == after.ipVersion
                assert bytes(before.remote) == bytes(after.traffic.remote)
                assert before.remotePort == after.traffic.remotePort
                assert bytes(before.bundle)[:24] == bytes(after.saBundle)[:24]
                assert bytes(before.bundle)[64:84] == bytes(after.saBundle)[64:84]
                assert bool(before.transportFilter) == bool(after.transportFilter)
                if before.transportFilter:
                    names = [each.transportFilter.contents.name for each in (before, after)]
                    assert text_at(names[0]) == text_at(names[1])
                compared += 1
    assert compared > 40


# ---- change ----


def test_churn_changes_all_and_keeps_the_number(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(500, seed=9)
    before = {row[0]: row[1:] for row in snapshot(wfp)}
    simulator.churn(300)
    after = {row[0]: row[1:] for row in snapshot(wfp)}

    assert before.keys() - after.keys()
    assert after.keys() - before.keys()
    assert min(after.keys() - before.keys()) > max(before)
    assert any(before[each] != after[each] for each in before.keys() & after.keys())
    assert abs(simulator.count() - 500) < 15


def test_churn_follows_its_seed(simulator: Simulator, wfp: Wfp) -> None:
    runs = []
    for changes in ((500,), (200, 300)):
        simulator.reset()
        simulator.populate(100, seed=1)
        for each in changes:
            simulator.churn(each)
        runs.append(snapshot(wfp))

    assert runs[0] == runs[1]


def test_churn_in_the_background_is_seen_and_stops(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(200, seed=1)
    before = simulator.ids()
    simulator.start_churn(50_000, seed=3)
    for _ in range(10_000):
        if simulator.ids() != before:
            break
        wfp.ids()
    simulator.stop_churn()
    after = snapshot(wfp)

    assert simulator.ids() != before
    assert snapshot(wfp) == after
    assert simulator.misuses() == 0


def test_churn_leaves_what_was_put_alone(simulator: Simulator) -> None:
    tree = Context()
    kept = simulator.put(ctypes.addressof(tree))
    simulator.churn(500)

    assert kept in simulator.ids()


def test_stopped_engine_does_not_churn(simulator: Simulator) -> None:
    simulator.populate(50)
    ids = simulator.ids()
    simulator.stop_engine()
    simulator.churn(100)

    assert simulator.ids() == ids


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_small_populations_churn(simulator: Simulator, wfp: Wfp, count: int) -> None:
    simulator.populate(count)
    simulator.churn(1000)

    assert wfp.ids() == simulator.ids()
    assert simulator.count() <= count + 3
