"""The sizes of keys are reported without reading the keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from sa_contexts_simulator import Simulator

from bindings import key_sizes
from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.key_sizes import KeySizes, read_key_sizes
from bindings.library import Library
from bindings.session import Session


NOWHERE = ffi.cast("UINT8 *", 8)
"""An unmapped address: reading there ends the process."""


@pytest.mark.parametrize("generation", [0, 1])
def test_keys_are_not_looked_at(generation: int) -> None:
    both = ffi.new("IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 *")
    both.saCipherInformation.cipherKey = {"size": 36, "data": NOWHERE}
    both.saAuthInformation.authKey = {"size": 20, "data": NOWHERE}
    auth = ffi.new("IPSEC_SA_AUTH_INFORMATION0 *", {"authKey": {"size": 0, "data": NOWHERE}})
    cipher = ffi.new("IPSEC_SA_CIPHER_INFORMATION0 *", {"cipherKey": {"size": 7, "data": NOWHERE}})
    sas = ffi.new("IPSEC_SA0[4]")
    sas[0].saTransformType, sas[0].espAuthAndCipherInformation = 4, both
    sas[1].saTransformType, sas[1].ahInformation = 1, auth
    sas[2].saTransformType, sas[2].espCipherInformation = 3, cipher
    sas[3].saTransformType, sas[3].ahInformation = 99, ffi.cast("void *", NOWHERE)
    details = ffi.new(f"IPSEC_SA_DETAILS{generation} *")
    details.saBundle.numSAs, details.saBundle.saList = 4, sas
    context = ffi.new(f"IPSEC_SA_CONTEXT{generation} *")
    context.outboundSa = details

    address = int(ffi.cast("uintptr_t", context))
    assert read_key_sizes(address, generation, Ipv6Order.NETWORK) == (36, 20, 0, 7)


def test_sizes_are_those_of_the_ciphers(library: Library, simulator: Simulator) -> None:
    simulator.populate(50, 3)

    with Session(library) as session:
        reported = [sizes for page in KeySizes(session).pages() for sizes in page]

    assert len(reported) == 50
    # What RFC 4106 and RFC 3602 want of AES, RFC 2451 of 3DES, and RFC 2404 and 4868 of HMAC.
    assert {size for sizes in reported for size in sizes} <= {8, 16, 20, 24, 28, 32, 36}
    assert (simulator.open_handles(), simulator.unfreed_blocks(), simulator.misuses()) == (0, 0, 0)


def test_no_more_than_sizes_is_named() -> None:
    source = Path(str(key_sizes.__file__)).read_text(encoding="utf-8")

    assert source.count("Key.") == source.count("Key.size") == 4
    assert ".data" not in source
