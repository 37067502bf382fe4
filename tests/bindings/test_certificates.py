"""Certificates of the store: found by their thumbprints, whole, and nothing else of them."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator

from bindings import certificates
from bindings._fwpuclnt import ffi
from bindings.cdef.generate import FOLDER, HEADERS
from bindings.certificates import THUMBPRINT_BYTES, find_certificates
from bindings.errors import AccessDenied, NotSupported
from bindings.library import Library
from bindings.limits import LIMITS
from bindings.security_error import SecurityError

from .test_library import compile_library


MEASURED = json.loads(
    (Path(__file__).parents[1] / "data" / "wincrypt.json").read_text(encoding="utf-8")
)
FUNCTIONS = (
    "CertOpenStore",
    "CertFindCertificateInStore",
    "CertFreeCertificateContext",
    "CertCloseStore",
)
ABSENT = bytes(THUMBPRINT_BYTES)

pytestmark = pytest.mark.skipif(os.name == "nt", reason="tests/windows has them happen")


def thumbprint_of(encoded: bytes) -> bytes:
    return hashlib.sha1(encoded, usedforsecurity=False).digest()


@pytest.fixture(autouse=True)
def _nothing_is_left(simulator: Simulator) -> Iterator[None]:
    yield
    assert (simulator.unfreed_blocks(), simulator.misuses()) == (0, 0)


@pytest.mark.parametrize("name", MEASURED["structs"])
def test_a_struct_has_the_layout_of_the_header(name: str) -> None:
    measured, declared = MEASURED["structs"][name], ffi.typeof(name)

    assert (ffi.sizeof(declared), ffi.alignof(declared)) == (measured["size"], measured["align"])
    assert {
        field: {"offset": place.offset, "size": ffi.sizeof(place.type)}
        for field, place in declared.fields
    } == measured["fields"]


def test_constants_have_the_values_of_the_header() -> None:
    known = {name: getattr(certificates, name, None) for name in MEASURED["constants"]}

    assert known | {"CRYPT_E_NOT_FOUND": SecurityError.CRYPT_E_NOT_FOUND} == MEASURED["constants"]


def test_nothing_leads_to_a_private_key() -> None:
    """No function, property or struct that does is declared, so none can be called or read."""
    declared = "".join((FOLDER / header).read_text(encoding="ascii") for header in HEADERS)
    source = Path(certificates.__file__).read_text(encoding="utf-8")

    for text in (declared, source):
        for word in ("CryptAcquire", "GetCertificateContextProperty", "PROP_ID", "NCrypt", "PFX"):
            assert word not in text, word


@given(
    kept=st.lists(st.binary(max_size=200), unique=True, max_size=8),
    deleted=st.sets(st.integers(0, 7)),
)
def test_what_is_in_the_store_is_found(
    kept: list[bytes], deleted: set[int], library: Library, simulator: Simulator
) -> None:
    simulator.reset()
    model = {thumbprint_of(encoded): encoded for encoded in kept}
    for key, encoded in model.items():
        simulator.put_certificate(key, encoded)
    for number in deleted:
        if number < len(kept):
            key = thumbprint_of(kept[number])
            del model[key]
            assert simulator.delete_certificate(key)

    asked = [ABSENT, *map(thumbprint_of, kept)]

    assert find_certificates(library, asked) == model
    assert simulator.unfreed_blocks() == 0


def test_a_thumbprint_of_another_length_finds_nothing(library: Library) -> None:
    assert find_certificates(library, [b"", b"\1", bytes(32)]) == {}


def test_another_certificate_than_that_asked_for_is_not_returned(
    library: Library, simulator: Simulator
) -> None:
    simulator.put_certificate(ABSENT, b"not the one")

    assert find_certificates(library, [ABSENT]) == {ABSENT: None}


@pytest.mark.parametrize(("size", "is_read"), [(64, True), (65, False)])
def test_a_certificate_that_is_too_large_is_not_read(
    size: int, is_read: bool, library: Library, simulator: Simulator
) -> None:
    LIMITS.max_record_elements = 64
    encoded = bytes(size)
    key = thumbprint_of(encoded)
    simulator.put_certificate(key, encoded)

    assert find_certificates(library, [key]) == {key: encoded if is_read else None}


@pytest.mark.parametrize("function", FUNCTIONS[:2])
@pytest.mark.parametrize("after", range(3))
def test_a_function_that_fails_is_reported(
    function: str, after: int, library: Library, simulator: Simulator
) -> None:
    simulator.put_certificate(thumbprint_of(b"x"), b"x")
    simulator.fail(function, 5, after=after)
    asked = [thumbprint_of(b"x"), ABSENT, ABSENT]
    calls = {"CertOpenStore": 1, "CertFindCertificateInStore": 3}[function]

    if after < calls:
        with pytest.raises(AccessDenied, match=f"{function} returned ERROR_ACCESS_DENIED"):
            find_certificates(library, asked)
    else:
        assert find_certificates(library, asked) == {thumbprint_of(b"x"): b"x"}


def test_a_store_that_does_not_exist_is_empty(library: Library, simulator: Simulator) -> None:
    simulator.fail("CertOpenStore", 2)  # ERROR_FILE_NOT_FOUND

    assert find_certificates(library, [ABSENT]) == {}
    assert simulator.calls("CertFindCertificateInStore") == 0


@pytest.mark.parametrize("function", FUNCTIONS[2:])
def test_what_cannot_be_released_does_no_harm(
    function: str, library: Library, simulator: Simulator
) -> None:
    simulator.put_certificate(thumbprint_of(b"x"), b"x")
    simulator.fail(function, 6, times=0)

    assert find_certificates(library, [thumbprint_of(b"x")]) == {thumbprint_of(b"x"): b"x"}


def test_an_engine_may_have_no_store(tmp_path: Path) -> None:
    """An engine's library needs none: it is Windows' own that has the store."""
    required = "".join(
        f"unsigned {name}(void) {{ return 0; }}\n"
        for name in (
            *("FwpmEngineOpen0", "FwpmEngineClose0", "FwpmFreeMemory0"),
            *("IPsecSaContextCreateEnumHandle0", "IPsecSaContextEnum0"),
            *("IPsecSaContextDestroyEnumHandle0", "IPsecSaContextGetById0"),
        )
    )
    library = Library(compile_library(tmp_path, required))

    with pytest.raises(NotSupported):
        find_certificates(library, [ABSENT])


HOSTILE = """
#include <stdint.h>
typedef struct {{ uint32_t type; const uint8_t *encoded; uint32_t size;
                 void *info, *store; }} context;
static context found = {{1, {encoded}, {size}, 0, 0}};
int left = 0;
void *CertOpenStore(const char *p, uint32_t e, uint64_t c, uint32_t f, const void *a)
{{ left++; return &found; }}
const context *CertFindCertificateInStore(void *s, uint32_t e, uint32_t f, uint32_t t,
                                          const void *a, const context *p)
{{ left++; return &found; }}
int CertFreeCertificateContext(const context *c) {{ left--; return 1; }}
int CertCloseStore(void *s, uint32_t f) {{ left--; return 1; }}
"""


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Any]:
    """Make a library whose store returns a context with these fields; return how much is open."""

    def make(encoded: str, size: str) -> Any:
        source = HOSTILE.format(encoded=encoded, size=size)
        path = str(compile_library(tmp_path, source))
        opened = ffi.dlopen(path)
        monkeypatch.setattr(certificates, "_functions", lambda _library: opened)
        return ctypes.c_int.in_dll(ctypes.CDLL(path), "left")

    return make


@pytest.mark.parametrize(
    ("encoded", "size"),
    [
        ("0", "100"),  # NULL, with a size
        ("(const uint8_t *)0xBAD0", "0xFFFFFFFFu"),  # nowhere, and too large to be read
        ("(const uint8_t *)(1ull << 47)", "100"),  # out of reach
        ("(const uint8_t *)~0ull", "1"),
        ("(const uint8_t *)0xBAD0", "0"),  # nowhere, but without a size
    ],
)
def test_pointers_that_lead_nowhere_are_not_followed(
    encoded: str, size: str, hostile: Callable[[str, str], Any], library: Library
) -> None:
    left = hostile(encoded, size)

    assert find_certificates(library, [ABSENT]) == {ABSENT: None}
    assert left.value == 0
