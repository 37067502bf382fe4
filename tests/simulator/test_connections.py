"""Connections: one for each two ends that have a complete context, and what they carry."""

import ctypes
from ctypes import byref
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from sa_contexts_simulator import Option, Simulator

from .connections import (
    AUTHIP,
    BY_CERTIFICATE,
    BY_NAME,
    IKE,
    PRESHARED_KEY,
    QUERY_BYTES_TRANSFERRED,
    Certificate,
    Connection,
    PresharedKey,
    all_of,
    bytes_of,
    create,
    destroy,
    get,
    group_of,
    groups_of,
    ids,
    next_page,
)
from .wfp import (
    HANDLES_MISMATCH,
    INVALID_HANDLE,
    INVALID_PARAMETER,
    NOT_FOUND,
    NULL_REF_POINTER,
    SERVER_UNAVAILABLE,
    SESSION_ABORTED,
    Context,
    Details,
    Wfp,
    WfpError,
    blob_bytes,
    pointer,
    text_at,
    u32,
)


CONNECTIONS_DISABLED = 0x80320041
CANARY = b"CANARY-KEY-MATERIAL"


def started_of(connection: Connection) -> datetime:
    """A FILETIME: 100 ns since 1601-01-01, in UTC."""
    units = connection.startHigh << 32 | connection.startLow
    return datetime(1601, 1, 1, tzinfo=UTC) + timedelta(microseconds=units // 10)


# ---- which there are ----


def test_there_is_one_connection_for_each_group_of_complete_contexts(
    simulator: Simulator, wfp: Wfp
) -> None:
    simulator.populate(1000, seed=3)
    with all_of(wfp) as connections:
        groups = [group_of(each) for each in connections]

    assert set(groups) == groups_of(wfp)
    assert len(groups) == len(set(groups)) == len(simulator.connections())


@pytest.mark.parametrize("changes", [1, 7, 2000])
def test_connections_follow_the_contexts_through_churn(
    simulator: Simulator, wfp: Wfp, changes: int
) -> None:
    simulator.populate(60, seed=4)
    seen: set[int] = set()
    for _ in range(40):
        simulator.churn(changes)
        with all_of(wfp) as connections:
            groups = [group_of(each) for each in connections]
            seen |= {each.connectionId for each in connections}
        assert set(groups) == groups_of(wfp)
        assert len(groups) == len(set(groups))
        assert ids(wfp) == simulator.connections()
    assert len(seen) > len(simulator.connections())


def test_a_connection_lasts_as_long_as_its_group_is_never_empty(
    simulator: Simulator, wfp: Wfp
) -> None:
    """A rekey puts a new context in the place of the old one: the connection goes on."""
    simulator.populate(40, seed=5)
    last: dict[Any, int] = {}
    changes = 0
    for _ in range(300):
        simulator.churn(1)
        with all_of(wfp) as connections:
            now = {group_of(each): each.connectionId for each in connections}
        for group in last.keys() & now.keys():
            assert last[group] == now[group]
        changes += last.keys() != now.keys()
        last = now
    assert 0 < changes < 300


def test_an_id_is_never_given_twice_while_the_engine_runs(simulator: Simulator) -> None:
    simulator.populate(50, seed=1)
    highest = max(simulator.connections())
    simulator.populate(0)
    assert simulator.connections() == []
    simulator.populate(50, seed=1)

    assert min(simulator.connections()) > highest


def test_the_same_seed_gives_the_same_connections(simulator: Simulator, wfp: Wfp) -> None:
    runs = []
    for seed in (1, 1, 2):
        simulator.reset()
        simulator.populate(300, seed)
        simulator.churn(200)
        with all_of(wfp) as connections:
            runs.append([described(each) for each in connections])

    assert runs[0] == runs[1] != runs[2]


def described(connection: Connection) -> tuple[Any, ...]:
    """All that is said of a connection, without addresses of memory."""
    raw = bytearray(bytes(connection))
    for name in ("providerKey", "mmPeer", "emPeer"):
        field = getattr(Connection, name)
        raw[field.offset : field.offset + field.size] = bytes(field.size)
    provider = connection.providerKey
    return (
        bytes(raw),
        ctypes.string_at(provider, 16) if provider else None,
        *map(proven_by, (connection.mmPeer, connection.emPeer)),
    )


def proven_by(credential: Any) -> tuple[int, int, Any]:
    proof: Any = None
    if credential.method in BY_CERTIFICATE:
        certificate = Certificate.from_address(credential.arm)
        proof = blob_bytes(certificate.subjectName), blob_bytes(certificate.certHash)
    elif credential.method in BY_NAME:
        proof = text_at(pointer.from_address(credential.arm).value)
    elif credential.method == PRESHARED_KEY:
        proof = blob_bytes(PresharedKey.from_address(credential.arm).key)
    return credential.method, credential.impersonation, proof


def test_a_restarted_engine_counts_its_ids_and_bytes_anew(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(200, seed=9)
    before, groups = simulator.connections(), groups_of(wfp)
    assert any(total for _, _, total in bytes_of(wfp).values())

    simulator.stop_engine()
    simulator.start_engine()

    assert simulator.connections()[:10] == before[:10]
    assert groups_of(wfp) == groups
    assert set(bytes_of(wfp).values()) == {(0, 0, 0)}


def test_contexts_that_were_put_make_connections_too(simulator: Simulator, wfp: Wfp) -> None:
    first = tree_between(0x0A000001, 0x0A000002)
    for tree in (
        first,
        tree_between(0x0A000001, 0x0A000002),
        tree_between(1, 2, ip_version=2),  # neither IPv4 nor IPv6
        tree_between(0x0A000001, 0x0A000002, is_tunnel=True),
    ):
        simulator.put(ctypes.addressof(tree))

    with all_of(wfp) as connections:
        assert [group_of(each) for each in connections] == [
            (0, b"\n\0\0\1", b"\n\0\0\2", mode) for mode in (0, 1)
        ]
    first.outboundSa = None
    for context_id in simulator.ids():
        first.saContextId = context_id  # it replaces each in turn
        simulator.put(ctypes.addressof(first))
    assert simulator.connections() == []


def tree_between(
    local: int, remote: int, *, is_tunnel: bool = False, ip_version: int = 0
) -> Context:
    details = Details()
    details.ipVersion = details.traffic.ipVersion = ip_version
    details.traffic.local.v4, details.traffic.remote.v4 = local, remote
    details.traffic.trafficType = int(is_tunnel)
    return Context(0, ctypes.pointer(details), ctypes.pointer(details))


# ---- what they say ----


def test_every_kind_of_connection_is_there(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(2000, seed=2)
    with all_of(wfp) as connections:
        assert {each.ipVersion for each in connections} == {0, 1}
        assert {each.trafficMode for each in connections} == {0, 1}
        assert {each.keyModule for each in connections} == {0, 1, 2}
        assert {bool(each.providerKey) for each in connections} == {False, True}
        assert {each.cipher[0] for each in connections} == set(range(7))
        assert {each.integrity for each in connections} == {0, 1, 2, 3}
        assert {each.dhGroup for each in connections} == set(range(1, 7))
        assert {each.mmPeer.method for each in connections} == {0, 1, 2, 7, 8}
        assert {each.emPeer.method for each in connections} == {2, 3, 5, 11}
        assert any(each.bytesTotal == 0 for each in connections)
        assert any(each.bytesTotal > 2**32 for each in connections)
        for each in connections:
            assert each.bytesTotal == each.bytesIn + each.bytesOut
            assert each.keyModule != IKE or not each.emPeer.arm
            assert each.keyModule == AUTHIP or each.mmPeer.method in BY_CERTIFICATE | {0}
            end = datetime(2026, 1, 1, tzinfo=UTC)
            assert end - timedelta(days=30) <= started_of(each) <= end + timedelta(seconds=1)


def test_peers_are_those_of_the_contexts(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(300, seed=6)
    with wfp.all() as contexts:
        names = {
            text_at(sa.saBundle.ipsecId.contents.mmTargetName)
            for context in contexts
            if context.inboundSa
            for sa in [context.inboundSa.contents]
            if sa.saBundle.ipsecId
        }
    with all_of(wfp) as connections:
        shown = [text for each in connections for text in [proven_by(each.mmPeer)] if text[0] == 2]

    assert len(shown) > 20
    assert {name for _, _, name in shown} <= names


def test_secrets_hold_the_canary(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(1000)
    with all_of(wfp) as connections:
        keys = [
            blob_bytes(PresharedKey.from_address(each.mmPeer.arm).key)
            for each in connections
            if each.mmPeer.method == PRESHARED_KEY
        ]

    assert len(keys) > 5
    assert {key[: len(CANARY)] for key in keys} == {CANARY}
    assert {len(key) for key in keys} == {24}


def test_certificates_name_their_subject_in_der(simulator: Simulator, wfp: Wfp) -> None:
    """One SEQUENCE of one SET of one SEQUENCE: 2.5.4.3 (CN), a UTF8String (X.690)."""
    simulator.populate(500)
    with all_of(wfp) as connections:
        proofs = [proven_by(c.mmPeer)[2] for c in connections if c.mmPeer.method in BY_CERTIFICATE]

    assert len(proofs) > 50
    for subject, hash_ in proofs:
        content, tags = subject, b""
        for _ in range(3):
            tags += content[:1]
            assert content[1] == len(content) - 2
            content = content[2:]
        assert tags == b"\x30\x31\x30"
        assert content[:6] == b"\x06\x03\x55\x04\x03\x0c"
        assert len(content) == 7 + content[6]
        assert "." in content[7:].decode()
        assert len(hash_) == 20


# ---- bytes and time ----


def test_the_engine_knows_the_bytes_only_after_the_driver_was_asked(
    simulator: Simulator, wfp: Wfp
) -> None:
    simulator.populate(200, seed=7)
    assert {total for _, _, total in bytes_of(wfp, flags=0).values()} == {0}

    counted = bytes_of(wfp)
    simulator.churn(500)
    stale = bytes_of(wfp, flags=0)
    fresh = bytes_of(wfp)

    assert all(stale[each] == counted[each] for each in stale.keys() & counted.keys())
    assert all(stale[each] == (0, 0, 0) for each in stale.keys() - counted.keys())
    assert any(fresh[each] > counted[each] for each in fresh.keys() & counted.keys())
    assert all(
        new >= old
        for each in fresh.keys() & counted.keys()
        for new, old in zip(fresh[each], counted[each], strict=True)
    )


def test_bytes_grow_evenly_with_each_change(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(40, seed=8)
    series: dict[int, list[int]] = {}
    for _ in range(6):
        for each, (_, _, total) in bytes_of(wfp).items():
            series.setdefault(each, []).append(total)
        simulator.churn(1)
    lasting = [totals for totals in series.values() if len(totals) == 6]

    assert len(lasting) > 5
    for totals in lasting:
        assert len({new - old for old, new in pairwise(totals)}) == 1
    assert any(totals[0] < totals[-1] for totals in lasting)


def test_a_lookup_does_not_ask_the_driver(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(20)
    one = simulator.connections()[0]
    assert simulator.set_connection_bytes(one, 5, 2**64 - 1)
    with wfp.session() as engine, get(wfp, engine, one) as before:
        assert (before.bytesIn, before.bytesOut, before.bytesTotal) == (0, 0, 0)
    with all_of(wfp, connection_id=one) as connections:
        assert [each.connectionId for each in connections] == [one]
    with wfp.session() as engine, get(wfp, engine, one) as after:
        assert (after.bytesIn, after.bytesOut, after.bytesTotal) == (5, 2**64 - 1, 4)


def test_only_the_connection_that_was_asked_for_is_counted(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(20)
    one, other, *_ = simulator.connections()
    simulator.set_connection_bytes(one, 1, 2)
    simulator.set_connection_bytes(other, 3, 4)
    with all_of(wfp, connection_id=one):
        pass
    counts = bytes_of(wfp, flags=0)

    assert (counts[one], counts[other]) == ((1, 2, 3), (0, 0, 0))


def test_later_connections_begin_later(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(50)
    old = set(simulator.connections())
    simulator.churn(1000)
    with all_of(wfp) as connections:
        new = [started_of(each) for each in connections if each.connectionId not in old]

    assert len(new) > 5
    assert new == sorted(new)
    assert new[0] >= datetime(2026, 1, 1, tzinfo=UTC)
    assert new[-1] <= datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=1001)


def test_bytes_of_no_connection_cannot_be_set(simulator: Simulator) -> None:
    assert not simulator.set_connection_bytes(1, 2, 3)
    with pytest.raises(ValueError, match="not an unsigned 64-bit"):
        simulator.set_connection_bytes(1, -1, 0)


# ---- enumerations ----


@pytest.mark.parametrize("size", [1, 7, 48, 100, 0xFFFFFFFF])
def test_pages_give_every_connection_once(simulator: Simulator, wfp: Wfp, size: int) -> None:
    simulator.populate(100, seed=1)

    assert ids(wfp, size) == simulator.connections()
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def test_null_is_the_template_of_all(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(30)
    with wfp.session() as engine:
        handle = pointer()
        wfp.call("FwpmConnectionCreateEnumHandle0", engine, None, byref(handle))
        page = next_page(wfp, engine, handle.value or 0, 100)
        wfp.free(page.entries)
        destroy(wfp, engine, handle.value or 0)

    assert page.count == len(simulator.connections())


def test_the_template_of_an_unknown_id_gives_nothing(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(30)
    with all_of(wfp, connection_id=2**64 - 1) as connections:
        assert connections == []


def test_the_snapshot_is_of_the_set_or_of_the_contents(simulator: Simulator, wfp: Wfp) -> None:
    for option, is_there in ((0, False), (1, True)):
        simulator.set_option(Option.SNAPSHOT_CONTENTS, option)
        simulator.populate(30, seed=1)
        before = simulator.connections()
        with wfp.session() as engine:
            handle = create(wfp, engine)
            simulator.populate(0)
            simulator.populate(10, seed=2)
            page = next_page(wfp, engine, handle, 100)
            seen = [each.connectionId for each in page.connections]
            wfp.free(page.entries)
            destroy(wfp, engine, handle)
        assert seen == (before if is_there else [])


def test_the_order_can_be_another(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(100)
    simulator.set_option(Option.SHUFFLE)

    first, second = ids(wfp), ids(wfp)

    assert first != second
    assert sorted(first) == sorted(second) == simulator.connections()


# ---- an engine that keeps no track ----


def test_an_engine_without_monitoring_refuses(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(30)
    memory = pointer()
    one = simulator.connections()[0]
    simulator.monitor_connections(is_on=False)
    with wfp.session() as engine:
        codes = [
            wfp.code("FwpmConnectionCreateEnumHandle0", engine, None, byref(memory)),
            wfp.code("FwpmConnectionGetById0", engine, one, byref(memory)),
        ]
    assert codes == [CONNECTIONS_DISABLED] * 2

    simulator.monitor_connections(is_on=True)
    assert ids(wfp) == simulator.connections()


def test_an_engine_without_monitoring_may_have_none(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(30)
    simulator.set_option(Option.UNMONITORED_IS_EMPTY)
    one = simulator.connections()[0]
    simulator.monitor_connections(is_on=False)

    assert ids(wfp) == []
    with wfp.session() as engine, pytest.raises(WfpError, match=f"{NOT_FOUND:#x}"):
        get(wfp, engine, one).__enter__()

    simulator.reset()
    simulator.populate(30)
    assert ids(wfp) == simulator.connections() != []


# ---- mistakes and failures ----


def test_an_unknown_id_is_not_found(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(10)
    memory = pointer()
    with wfp.session() as engine:
        for each in (0, 2**64 - 1, simulator.connections()[0] - 1):
            assert wfp.code("FwpmConnectionGetById0", engine, each, byref(memory)) == NOT_FOUND
    assert simulator.misuses() == 0


def test_null_where_none_may_be_is_refused(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(10)
    memory, count = pointer(), u32()
    with wfp.session() as engine:
        handle = create(wfp, engine)
        codes = [
            wfp.code("FwpmConnectionCreateEnumHandle0", engine, None, None),
            wfp.code("FwpmConnectionEnum0", engine, handle, 1, None, byref(count)),
            wfp.code("FwpmConnectionEnum0", engine, handle, 1, byref(memory), None),
            wfp.code("FwpmConnectionGetById0", engine, simulator.connections()[0], None),
        ]
        nothing = wfp.code("FwpmConnectionEnum0", engine, handle, 0, byref(memory), byref(count))
        destroy(wfp, engine, handle)

    assert codes == [NULL_REF_POINTER] * 4
    assert nothing == INVALID_PARAMETER
    assert simulator.misuses() == 4


def test_a_handle_is_good_for_its_kind_and_session_only(simulator: Simulator, wfp: Wfp) -> None:
    memory, count = pointer(), u32()
    with wfp.session() as owner, wfp.session() as other:
        handle, foreign = create(wfp, owner), wfp.create(owner)
        of_kind = [
            wfp.code("FwpmConnectionEnum0", owner, foreign, 1, byref(memory), byref(count)),
            wfp.code("FwpmConnectionDestroyEnumHandle0", owner, foreign),
            wfp.code("IPsecSaContextEnum1", owner, handle, 1, byref(memory), byref(count)),
            wfp.code("IPsecSaContextDestroyEnumHandle0", owner, handle),
        ]
        of_session = [
            wfp.code("FwpmConnectionEnum0", other, handle, 1, byref(memory), byref(count)),
            wfp.code("FwpmConnectionDestroyEnumHandle0", other, handle),
        ]
        destroy(wfp, owner, handle)
        wfp.destroy(owner, foreign)
        stale = wfp.code("FwpmConnectionDestroyEnumHandle0", owner, handle)

    assert of_kind == [INVALID_HANDLE] * 4
    assert of_session == [HANDLES_MISMATCH] * 2
    assert stale == INVALID_HANDLE
    assert simulator.misuses() == 7
    assert simulator.open_handles() == 0


def test_closing_a_session_counts_what_it_left_open(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(10)
    engine = wfp.open()
    create(wfp, engine)
    assert simulator.open_enumerations() == 1
    wfp.close(engine)

    assert (simulator.open_enumerations(), simulator.misuses()) == (0, 1)


def test_enumerations_die_with_the_engine(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(10)
    memory, count = pointer(), u32()
    engine = wfp.open()
    handle = create(wfp, engine)
    simulator.stop_engine()
    assert simulator.open_enumerations() == 0
    arguments = engine, handle, 1, byref(memory), byref(count)
    assert wfp.code("FwpmConnectionEnum0", *arguments) == SERVER_UNAVAILABLE
    simulator.start_engine()
    assert wfp.code("FwpmConnectionEnum0", *arguments) == SESSION_ABORTED
    wfp.close(engine)


def test_a_failing_destruction_releases_its_handle(simulator: Simulator, wfp: Wfp) -> None:
    simulator.fail("FwpmConnectionDestroyEnumHandle0", 1727)
    with wfp.session() as engine:
        handle = create(wfp, engine, flags=QUERY_BYTES_TRANSFERRED)
        assert wfp.code("FwpmConnectionDestroyEnumHandle0", engine, handle) == 1727
    assert (simulator.open_handles(), simulator.misuses()) == (0, 0)


def test_failures_are_where_they_were_asked_for(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(10)
    simulator.fail("FwpmConnectionEnum0", 8, after=1)
    with wfp.session() as engine:
        handle = create(wfp, engine)
        seen = []
        for _ in range(10):
            try:
                page = next_page(wfp, engine, handle, 1)
            except WfpError as error:
                assert error.code == 8  # noqa: PT017  # it goes on
                continue
            seen += [each.connectionId for each in page.connections]
            wfp.free(page.entries)
        destroy(wfp, engine, handle)

    assert seen == simulator.connections()
    assert simulator.calls("FwpmConnectionEnum0") == 10
