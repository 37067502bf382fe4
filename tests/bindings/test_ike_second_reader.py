"""The decoder of main mode SAs against a second reader of the same memory."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from sa_contexts_simulator import Simulator

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.fingerprints import fingerprint
from bindings.ike_decode import decode_ike_sa
from bindings.ike_records import Credential, CredentialPair, IkeSa
from bindings.ike_tree import read_ike_sa, read_ike_sa_id
from bindings.library import Library
from bindings.session import Session
from tests.conftest import SIMULATOR_PATH

from .ike_second_reader import RESERVED, read_sa
from .ike_trees import ike_trees
from .structs import ABI
from .test_second_reader import V6, any_tree, differences
from .trees import CANARY, Tree


GENERATIONS = (0, 1, 2)


def decoded(address: int, generation: int, order: Ipv6Order = Ipv6Order.NETWORK) -> IkeSa:
    return decode_ike_sa(read_ike_sa(address, generation, order))


@pytest.fixture
def session(simulator: Simulator) -> Iterator[Session]:
    assert simulator.path == SIMULATOR_PATH
    with Session(Library(SIMULATOR_PATH)) as session:
        yield session


def enumerated(session: Session, generation: int, page: int = 50) -> Iterator[int]:
    """The address of each SA, whose memory is the engine's until the next one."""
    handle, returned = ffi.new("HANDLE *"), ffi.new("UINT32 *")
    session.call("IkeextSaCreateEnumHandle0", ffi.NULL, handle)
    more = True
    while more:
        with session.result(f"IKEEXT_SA_DETAILS{generation} ***") as entries:
            session.call(f"IkeextSaEnum{generation}", handle[0], page, entries, returned)
            for i in range(returned[0]):
                yield int(ffi.cast("uintptr_t", entries[0][i]))
        more = returned[0] == page
    session.call("IkeextSaDestroyEnumHandle0", handle[0])


def as_generation(sa: IkeSa, generation: int) -> IkeSa:
    """The record without what the unions of an older generation have no arm for."""

    def older(credential: Credential) -> Credential:
        if generation < 2 and credential.authentication_method_type == RESERVED:
            return credential._replace(principal_name=None)
        return credential

    return sa._replace(
        ike_credentials=tuple(
            CredentialPair(older(pair.local_credentials), older(pair.peer_credentials))
            for pair in sa.ike_credentials
        )
    )


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("seed", [0, 7, 2**64 - 1])
def test_both_readers_agree_on_what_the_engine_gives(
    simulator: Simulator, session: Session, seed: int, generation: int
) -> None:
    simulator.populate(500, seed)
    simulator.churn(250)

    seen = []
    for address in enumerated(session, generation):
        first, second = decoded(address, generation), read_sa(address, generation)
        assert differences(first, second, "sa") == []
        assert read_ike_sa_id(address) == second.sa_id
        seen.append(second.sa_id)

    assert len(set(seen)) == len(seen) == simulator.count_ike_sas()
    assert len(seen) > 200


@pytest.mark.parametrize("generation", GENERATIONS)
def test_both_readers_agree_on_any_tree(generation: int) -> None:
    @any_tree
    @given(tree=ike_trees(generation))
    def check(tree: Tree) -> None:
        first, second = decoded(tree.address, generation), read_sa(tree.address, generation)
        assert differences(first, second, "sa") == []

    check()


@any_tree
@given(tree=ike_trees(copyable=True))
def test_any_tree_comes_through_the_engine_as_it_was(
    simulator: Simulator, session: Session, tree: Tree
) -> None:
    simulator.populate(0)
    simulator.put_ike_sa(tree.address)
    original = read_sa(tree.address)

    for generation in GENERATIONS:
        expected = as_generation(original, generation)
        seen = 0
        for address in enumerated(session, generation):
            assert differences(read_sa(address, generation), expected, "sa") == []
            assert differences(decoded(address, generation), expected, "sa") == []
            seen += 1
        assert seen == 1


@any_tree
@given(tree=ike_trees())
def test_a_reversed_order_turns_the_ipv6_addresses_of_traffic_and_nothing_else(
    tree: Tree,
) -> None:
    sa = read_sa(tree.address)
    traffic = sa.ike_traffic
    if traffic.ip_version == V6:
        assert traffic.local_address is not None
        assert traffic.remote_address is not None
        traffic = traffic._replace(
            local_address=traffic.local_address[::-1], remote_address=traffic.remote_address[::-1]
        )

    turned = decoded(tree.address, 2, Ipv6Order.REVERSED)
    assert differences(turned, sa._replace(ike_traffic=traffic), "sa") == []


# ---- every byte ----

UNREAD = {
    "IKEEXT_SA_DETAILS2": {"correlationKey"},
    "IKEEXT_CERTIFICATE_CREDENTIAL1": {"certificate"},
    "IKEEXT_PRESHARED_KEY_AUTHENTICATION1": {"presharedKey", "flags"},
}
"""Fields that no record has: secrets, and unneeded ones."""

LEADING = {"numCredentials", "authenticationMethodType", "size", "ipVersion"}


def complete_tree() -> Tree:
    """An SA with one credential of each kind; its own version is IPv4, its traffic's IPv6."""
    tree = Tree(2, struct="IKEEXT_SA_DETAILS")
    sa = tree.context
    sa.ikeTraffic.ipVersion = V6
    sa.v4UdpEncapsulation = tree.new("IPSEC_V4_UDP_ENCAPSULATION0")
    sa.correlationKey.data, sa.correlationKey.size = tree.array("UINT8", CANARY), len(CANARY)
    pairs = tree.array("IKEEXT_CREDENTIAL_PAIR2", bytes(2 * ffi.sizeof("IKEEXT_CREDENTIAL_PAIR2")))
    sa.ikeCredentials.numCredentials, sa.ikeCredentials.credentials = 2, pairs

    key = tree.new("IKEEXT_PRESHARED_KEY_AUTHENTICATION1")
    key.presharedKey.data, key.presharedKey.size = tree.array("UINT8", CANARY), len(CANARY)
    pairs[0].localCredentials.presharedKey = key

    certificate = tree.new("IKEEXT_CERTIFICATE_CREDENTIAL1")
    for blob, content in (
        (certificate.subjectName, b"subject"),
        (certificate.certHash, b"h" * 20),
        (certificate.certificate, CANARY),
    ):
        blob.data, blob.size = tree.array("UINT8", content), len(content)
    pairs[0].peerCredentials.authenticationMethodType = 1  # IKEEXT_CERTIFICATE
    pairs[0].peerCredentials.certificate = certificate

    name = tree.new("IKEEXT_NAME_CREDENTIAL0")
    name.principalName = tree.text(b"n\0")
    pairs[1].localCredentials.authenticationMethodType = 2  # IKEEXT_KERBEROS
    pairs[1].localCredentials.name = name
    pairs[1].peerCredentials.authenticationMethodType = 3  # IKEEXT_ANONYMOUS
    return tree


def bytes_of(struct: str) -> tuple[set[int], set[int]]:
    """Return a struct's bytes that records contain, and those that determine how it is read."""
    read: set[int] = set()
    structure: set[int] = set()
    for name, field in ABI["structs"][struct]["fields"].items():
        place = range(field["offset"], field["offset"] + field["size"])
        if name in UNREAD.get(struct, set()):
            continue
        if field["type"] in ABI["structs"]:
            inner_read, inner_structure = bytes_of(field["type"])
            read |= {place.start + i for i in inner_read}
            structure |= {place.start + i for i in inner_structure}
        elif field["type"].endswith("*") or name in LEADING:
            structure.update(place)
        else:
            read.update(place)
    return read - structure, structure


def test_every_byte_is_read_and_marked_or_left_alone_as_the_records_say() -> None:
    tree = complete_tree()
    before = read_sa(tree.address)
    mark = fingerprint(read_ike_sa(tree.address, 2, Ipv6Order.NETWORK))
    checked = 0
    for kind, part in tree.parts:
        memory = ffi.buffer(part)
        struct = kind.removesuffix("[]")
        if struct in ABI["structs"]:
            one_read, one_structure = bytes_of(struct)
            starts = range(0, len(memory), ABI["structs"][struct]["size"])
            read = {start + i for start in starts for i in one_read}
            structure = {start + i for start in starts for i in one_structure}
        elif kind == "char16_t[]":
            read, structure = {0, 1}, {2, 3}
        else:
            read, structure = set() if memory[:] == CANARY else set(range(len(memory))), set()
        for i in sorted(set(range(len(memory))) - structure):
            memory[i] = bytes((memory[i][0] ^ 0xFF,))
            first, second = decoded(tree.address, 2), read_sa(tree.address)
            assert differences(first, second, "sa") == [], (kind, i)
            assert bool(differences(second, before, "sa")) == (i in read), (kind, i)
            other_mark = fingerprint(read_ike_sa(tree.address, 2, Ipv6Order.NETWORK))
            assert (other_mark != mark) == (i in read), (kind, i)
            memory[i] = bytes((memory[i][0] ^ 0xFF,))
            checked += 1
    assert checked > 300
