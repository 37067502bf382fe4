"""The main mode SAs: those of the contexts, under the rules of the contexts."""

import ctypes
from ctypes import byref
from typing import Any

import pytest
from sa_contexts_simulator import Option, Simulator

from .ike import (
    BY_CERTIFICATE,
    BY_NAME,
    Certificate,
    Credential,
    CredentialPair,
    IkeSa,
    IkeTemplate,
    PresharedKey,
    credentials_of,
    ike_sas,
)
from .test_contexts import CANARY, sas
from .wfp import (
    HANDLES_MISMATCH,
    INVALID_HANDLE,
    INVALID_PARAMETER,
    NEVER_MATCH,
    NOT_FOUND,
    NULL_REF_POINTER,
    TYPE_MISMATCH,
    V4,
    V6,
    Blob,
    V4AddrAndMask,
    V6AddrAndMask,
    Wfp,
    blob_bytes,
    pointer,
    text_at,
    u16,
    u32,
)


def snapshot(wfp: Wfp) -> list[tuple[Any, ...]]:
    """What can be compared of all of them."""
    with ike_sas(wfp) as all_sas:
        return [
            (
                sa.saId,
                sa.keyModuleType,
                bytes(sa.traffic),
                bytes(sa.proposal),
                tuple(sa.cookies),
                tuple((each.method, each.impersonation) for each in credentials_of(sa)),
                bytes(sa.ikePolicyKey),
            )
            for sa in all_sas
        ]


def main_modes(simulator: Simulator, wfp: Wfp) -> tuple[set[int], set[int], int]:
    """The ids of the SAs, those that the contexts name, and how many disagree."""
    with ike_sas(wfp) as all_sas, wfp.all() as contexts:
        addresses = {sa.saId: bytes(sa.traffic)[:36] for sa in all_sas}
        assert len(addresses) == len(all_sas) == simulator.count_ike_sas()
        assert list(addresses) == sorted(addresses)
        named = {sa.saBundle.mmSaId: bytes(sa.traffic)[:36] for sa in sas(contexts)}
    wrong = [each for each in named if each in addresses and named[each] != addresses[each]]
    return set(addresses), set(named), len(wrong)


def test_same_seed_gives_the_same(simulator: Simulator, wfp: Wfp) -> None:
    runs = []
    for seed in (1, 1, 2):
        simulator.reset()
        simulator.populate(100, seed)
        simulator.churn(50)
        runs.append(snapshot(wfp))

    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_contexts_name_them_before_and_after_churn(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(4000, seed=3)
    generated = set()
    for _ in range(4):
        there, named, wrong = main_modes(simulator, wfp)
        assert wrong == 0
        assert 0 < len(named - there) < len(named) / 20
        assert len(there - named) < len(there) / 2  # those of contexts without an SA, too
        generated |= named
        simulator.churn(4000)

    assert there - named
    assert len(generated) > 2500  # some are new


def test_they_go_with_their_contexts_but_for_a_few(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(500)
    for context_id in simulator.ids():
        simulator.delete(context_id)

    there, named, _ = main_modes(simulator, wfp)

    assert named == set()
    assert len(there) == 8


def test_they_stay_few_under_long_churn(simulator: Simulator) -> None:
    simulator.populate(100)
    counts = []
    for _ in range(20):
        simulator.churn(2000)
        counts.append(simulator.count_ike_sas())

    assert max(counts) < 130


def test_restarted_engine_negotiates_them_anew(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(200, seed=1)
    simulator.churn(100)
    before, _, _ = main_modes(simulator, wfp)
    simulator.stop_engine()
    simulator.start_engine()

    after, named, wrong = main_modes(simulator, wfp)

    assert not before & after
    assert wrong == 0
    assert len(named & after) > 50


def test_population_shows_all_kinds(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(3000, seed=7)
    with ike_sas(wfp) as all_sas:
        assert {sa.keyModuleType for sa in all_sas} == {0, 1, 2}
        assert {sa.ipVersion for sa in all_sas} == {V4, V6}
        assert {sa.proposal[0] for sa in all_sas} == set(range(7))  # IKEEXT_CIPHER_TYPE
        assert {sa.proposal[3] for sa in all_sas} == set(range(4))  # IKEEXT_INTEGRITY_TYPE
        assert {sa.proposal[5] for sa in all_sas} == set(range(1, 7))  # IKEEXT_DH_GROUP
        assert all(sa.numCredentials == 1 or sa.keyModuleType == 1 for sa in all_sas)
        assert {sa.numCredentials for sa in all_sas} == {1, 2}
        encapsulated = [sa for sa in all_sas if sa.udpEncapsulation]
        assert all(u16.from_address(sa.udpEncapsulation).value == 4500 for sa in encapsulated)
        assert len(encapsulated) > 100
        methods = {each.method for sa in all_sas for each in credentials_of(sa)}
        assert {0, 1, 2, 3, 4, 5, 7, 8, 11} == methods


def test_peers_are_who_the_contexts_say(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(400, seed=2)
    compared = 0
    with ike_sas(wfp) as all_sas, wfp.all() as contexts:
        peers = {sa.saId: sa.credentials[0].peer for sa in all_sas}
        for details in sas(contexts):
            bundle = details.saBundle
            peer = peers.get(bundle.mmSaId)
            if peer is None:
                continue
            if not bundle.ipsecId:
                assert peer.method == 0  # IKEEXT_PRESHARED_KEY: nobody is known
                continue
            machine = text_at(bundle.ipsecId.contents.mmTargetName)
            assert machine is not None
            if peer.method in (2, 5):
                assert text_at(pointer.from_address(peer.proof).value) == machine
            elif peer.method in BY_CERTIFICATE:
                subject = blob_bytes(Certificate.from_address(peer.proof).subjectName)
                name = machine.decode("utf-16-le").removeprefix("host/").encode()
                # X.690: a sequence of a set of a sequence of commonName, 2.5.4.3, in UTF-8.
                attribute = b"\x06\x03\x55\x04\x03\x0c" + bytes([len(name)]) + name
                inner = b"\x31" + bytes([len(attribute) + 2, 0x30, len(attribute)]) + attribute
                assert subject == b"\x30" + bytes([len(inner)]) + inner
            compared += 1
    assert compared > 400


def test_secrets_are_canaries(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(500, seed=5)
    secrets = []
    with ike_sas(wfp) as all_sas:
        for sa in all_sas:
            secrets.append(blob_bytes(sa.correlationKey))
            for each in credentials_of(sa):
                if each.method == 0:
                    secrets.append(blob_bytes(PresharedKey.from_address(each.proof).presharedKey))
                elif each.method in BY_CERTIFICATE:
                    secrets.append(blob_bytes(Certificate.from_address(each.proof).certificate))

    assert {len(secret) for secret in secrets} == {32, 1200}
    assert all(secret == (CANARY * 64)[: len(secret)] for secret in secrets)


@pytest.mark.parametrize("generation", [0, 1, 2])
def test_generations_report_the_same(simulator: Simulator, wfp: Wfp, generation: int) -> None:
    simulator.populate(100, seed=8)
    with ike_sas(wfp) as newest, ike_sas(wfp, generation=generation) as older:
        assert len(newest) == len(older) > 40
        for new, old in zip(newest, older, strict=True):
            assert bytes(new)[24:120] == bytes(old)[24:120]
            for one, other in zip(credentials_of(new), credentials_of(old), strict=True):
                assert (one.method, one.impersonation) == (other.method, other.impersonation)
                if one.method in BY_NAME:
                    names = [pointer.from_address(each.proof).value for each in (one, other)]
                    assert text_at(names[0]) == text_at(names[1])


# ---- enumerating ----


def test_pages_and_shuffle(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(50)
    expected = [row[0] for row in snapshot(wfp)]
    simulator.set_option(Option.SHUFFLE)
    seen: list[int] = []
    handle, entries, count = pointer(), pointer(), u32()
    with wfp.session() as engine:
        wfp.call("IkeextSaCreateEnumHandle0", engine, None, byref(handle))
        while True:
            wfp.call("IkeextSaEnum2", engine, handle, 7, byref(entries), byref(count))
            array = ctypes.cast(entries, ctypes.POINTER(ctypes.POINTER(IkeSa)))
            seen += [array[i].contents.saId for i in range(count.value)]
            wfp.free(entries)
            if count.value < 7:
                break
        wfp.call("IkeextSaDestroyEnumHandle0", engine, handle)

    assert seen != expected
    assert sorted(seen) == expected
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def test_set_is_fixed_when_the_handle_is_created(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(20)
    before = {row[0] for row in snapshot(wfp)}
    for keeps_contents in (False, True):
        simulator.reset()
        simulator.populate(20)
        simulator.set_option(Option.SNAPSHOT_CONTENTS, int(keeps_contents))
        handle, entries, count = pointer(), pointer(), u32()
        with wfp.session() as engine:
            wfp.call("IkeextSaCreateEnumHandle0", engine, None, byref(handle))
            assert simulator.delete_ike_sa(min(before))
            assert not simulator.delete_ike_sa(min(before))
            added = IkeSa(saId=1)
            simulator.put_ike_sa(ctypes.addressof(added))
            wfp.call("IkeextSaEnum2", engine, handle, 100, byref(entries), byref(count))
            array = ctypes.cast(entries, ctypes.POINTER(ctypes.POINTER(IkeSa)))
            seen = {array[i].contents.saId for i in range(count.value)}
            wfp.free(entries)
            wfp.call("IkeextSaDestroyEnumHandle0", engine, handle)
        assert seen == (before if keeps_contents else before - {min(before)})


def template(side: str, kind: int, of: Any) -> IkeTemplate:
    made = IkeTemplate()
    value = getattr(made, side)
    value.type = kind
    if kind == 3:
        value.uint32 = of
    else:
        value.pointer = ctypes.addressof(of)
    return made


def test_template_of_subnets(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(300, seed=1)
    with ike_sas(wfp) as all_sas:
        remotes = {sa.saId: (sa.traffic.ipVersion, bytes(sa.traffic.remote)) for sa in all_sas}
    v4 = {
        i: int.from_bytes(of[:4], "little") for i, (version, of) in remotes.items() if not version
    }
    net = V4AddrAndMask(0x0A000000, 0xFF000000)
    with ike_sas(wfp, template("remoteSubNet", 256, net)) as found:
        assert {sa.saId for sa in found} == {i for i, of in v4.items() if of >> 24 == 10}
    one = next(iter(v4.values()))
    with ike_sas(wfp, template("remoteSubNet", 3, one)) as found:
        assert {sa.saId for sa in found} == {i for i, of in v4.items() if of == one}
    v6 = V6AddrAndMask(prefixLength=0)
    with ike_sas(wfp, template("localSubNet", 257, v6)) as found:
        assert {sa.saId for sa in found} == remotes.keys() - v4.keys()


def test_template_of_a_certificate(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(300, seed=1)
    with ike_sas(wfp) as all_sas:
        by_hash: dict[bytes, set[int]] = {}
        for sa in all_sas:
            local = sa.credentials[0].local
            if local.method in BY_CERTIFICATE:
                of = blob_bytes(Certificate.from_address(local.proof).certHash)
                by_hash.setdefault(of, set()).add(sa.saId)
    assert len(by_hash) > 1
    assert {len(each) for each in by_hash} == {20}
    for each, expected in by_hash.items():
        memory = ctypes.create_string_buffer(each, 20)
        wanted = IkeTemplate(certHash=Blob(20, ctypes.addressof(memory)))
        with ike_sas(wfp, wanted) as found:
            assert {sa.saId for sa in found} == expected
        wanted.certHash.size = 19
        with ike_sas(wfp, wanted) as found:
            assert found == []


def test_bad_templates_are_refused(simulator: Simulator, wfp: Wfp) -> None:
    handle = pointer()
    both = template("localSubNet", 3, 1)
    v6 = V6AddrAndMask()
    both.remoteSubNet.type, both.remoteSubNet.pointer = 257, ctypes.addressof(v6)
    with wfp.session() as engine:
        codes = [
            wfp.code("IkeextSaCreateEnumHandle0", engine, byref(each), byref(handle))
            for each in (
                template("localSubNet", 2, v6),
                both,
                IkeTemplate(certHash=Blob(20, None)),
            )
        ]

    assert codes == [TYPE_MISMATCH, NEVER_MATCH, NULL_REF_POINTER]
    assert simulator.open_handles() == 0


# ---- misuse ----


def test_handles_of_contexts_are_not_those_of_main_modes(simulator: Simulator, wfp: Wfp) -> None:
    entries, count, mine = pointer(), u32(), pointer()
    with wfp.session() as engine, wfp.session() as other:
        contexts = wfp.create(engine)
        wfp.call("IkeextSaCreateEnumHandle0", engine, None, byref(mine))
        codes = [
            wfp.code("IkeextSaEnum2", engine, contexts, 1, byref(entries), byref(count)),
            wfp.code("IkeextSaDestroyEnumHandle0", engine, contexts),
            wfp.code("IPsecSaContextEnum1", engine, mine, 1, byref(entries), byref(count)),
            wfp.code("IPsecSaContextDestroyEnumHandle0", engine, mine),
            wfp.code("IkeextSaEnum0", other, mine, 1, byref(entries), byref(count)),
        ]
        wfp.destroy(engine, contexts)
        wfp.call("IkeextSaDestroyEnumHandle0", engine, mine)
        codes.append(wfp.code("IkeextSaEnum1", engine, mine, 1, byref(entries), byref(count)))

    assert codes == [INVALID_HANDLE] * 4 + [HANDLES_MISMATCH, INVALID_HANDLE]
    assert simulator.misuses() == 6
    assert simulator.open_handles() == 0


def test_null_and_0_are_refused(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(1)
    entries, count, mine = pointer(), u32(), pointer()
    with wfp.session() as engine:
        wfp.call("IkeextSaCreateEnumHandle0", engine, None, byref(mine))
        codes = [
            wfp.code("IkeextSaCreateEnumHandle0", engine, None, None),
            wfp.code("IkeextSaEnum2", engine, mine, 1, None, byref(count)),
            wfp.code("IkeextSaEnum2", engine, mine, 1, byref(entries), None),
            wfp.code("IkeextSaGetById0", engine, 1, None),
            wfp.code("IkeextSaGetById2", engine, 1, None, None),
        ]
        zero = wfp.code("IkeextSaEnum2", engine, mine, 0, byref(entries), byref(count))
        wfp.call("IkeextSaDestroyEnumHandle0", engine, mine)

    assert codes == [NULL_REF_POINTER] * 5
    assert zero == INVALID_PARAMETER
    assert simulator.misuses() == 5


def test_unknown_id_is_not_found(simulator: Simulator, wfp: Wfp) -> None:
    simulator.populate(4)
    memory = pointer()
    with wfp.session() as engine:
        codes = [wfp.code("IkeextSaGetById0", engine, simulator.ids()[0], byref(memory))]
        for generation in (1, 2):
            function = f"IkeextSaGetById{generation}"
            codes += [wfp.code(function, engine, each, None, byref(memory)) for each in (0, 1)]

    assert codes == [NOT_FOUND] * 5
    assert memory.value is None


def test_functions_fail_on_demand_and_a_failing_destroy_releases(
    simulator: Simulator, wfp: Wfp
) -> None:
    simulator.fail("IkeextSaCreateEnumHandle0", 0x80320044)
    simulator.fail("IkeextSaDestroyEnumHandle0", 1726)
    mine = pointer()
    with wfp.session() as engine:
        first = wfp.code("IkeextSaCreateEnumHandle0", engine, None, byref(mine))
        wfp.call("IkeextSaCreateEnumHandle0", engine, None, byref(mine))
        last = wfp.code("IkeextSaDestroyEnumHandle0", engine, mine)
        assert simulator.open_handles() == 1

    assert (first, last) == (0x80320044, 1726)
    assert simulator.misuses() == 0


# ---- what was put ----


def test_what_was_put_is_copied_with_canaries(simulator: Simulator, wfp: Wfp) -> None:
    secret = ctypes.create_string_buffer(b"SECRET", 6)
    blob = Blob(6, ctypes.addressof(secret))
    key = PresharedKey(presharedKey=blob, flags=2)
    certificate = Certificate(blob, blob, 1, blob)
    pairs = (CredentialPair * 2)(
        CredentialPair(
            Credential(0, 0, ctypes.addressof(key)), Credential(1, 0, ctypes.addressof(certificate))
        ),
        CredentialPair(Credential(3, 0, 0xDEADBEEF), Credential(99, 1, 0xDEADBEEF)),
    )
    sa = IkeSa(saId=2**64 - 1, ipVersion=V6, udpEncapsulation=1, numCredentials=2)
    sa.credentials = ctypes.cast(pairs, ctypes.POINTER(CredentialPair))
    sa.correlationKey = blob
    assert simulator.put_ike_sa(ctypes.addressof(sa)) == 2**64 - 1
    assert simulator.put_ike_sa(ctypes.addressof(sa)) == 2**64 - 1
    assert simulator.count_ike_sas() == 1

    with ike_sas(wfp) as (got,):
        assert (got.udpEncapsulation, blob_bytes(got.correlationKey)) == (1, CANARY[:6])
        first, second, third, fourth = credentials_of(got)
        copied = PresharedKey.from_address(first.proof)
        assert (blob_bytes(copied.presharedKey), copied.flags) == (CANARY[:6], 2)
        shown = Certificate.from_address(second.proof)
        assert (blob_bytes(shown.subjectName), blob_bytes(shown.certHash)) == (b"SECRET",) * 2
        assert blob_bytes(shown.certificate) == CANARY[:6]
        assert third.proof == fourth.proof == 0xDEADBEEF
    simulator.populate(0)
    assert simulator.count_ike_sas() == 0


def test_tree_without_an_id_is_refused(simulator: Simulator) -> None:
    sa = IkeSa()
    with pytest.raises(ValueError, match="saId"):
        simulator.put_ike_sa(ctypes.addressof(sa))
    with pytest.raises(ValueError, match="NULL"):
        simulator.put_ike_sa(0)
