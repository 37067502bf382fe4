r"""Certificates in this system's own store `LocalMachine\My`, which Wine keeps in its registry."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import pytest

from app.answers.certificates.names import StoreState
from app.answers.certificates.store import read_store
from bindings.certificates import find_certificates
from bindings.library import Library, find_library
from tests.answers.certificates import certificate, name, thumbprint_of


PROVIDER_SYSTEM_W: Final = 10
LOCAL_MACHINE: Final = 0x20000
X509: Final = 1
REPLACE_EXISTING: Final = 3
FIND_SHA1_HASH: Final = 0x10000
ABSENT: Final = bytes(20)


class HashBlob(ctypes.Structure):
    """CRYPT_HASH_BLOB."""

    _fields_: ClassVar = [("cbData", ctypes.c_uint32), ("pbData", ctypes.c_char_p)]


@pytest.fixture
def crypt32() -> Any:
    loaded: Any = ctypes.CDLL("crypt32.dll")
    pointer = ctypes.c_void_p
    loaded.CertOpenStore.restype = pointer
    loaded.CertOpenStore.argtypes = (pointer, ctypes.c_int, pointer, ctypes.c_int, ctypes.c_wchar_p)
    loaded.CertAddEncodedCertificateToStore.argtypes = (
        *(pointer, ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_int),
        pointer,
    )
    loaded.CertFindCertificateInStore.restype = pointer
    loaded.CertFindCertificateInStore.argtypes = (
        *(pointer, ctypes.c_int, ctypes.c_int, ctypes.c_int),
        *(pointer, pointer),
    )
    loaded.CertDeleteCertificateFromStore.argtypes = (pointer,)
    loaded.CertCloseStore.argtypes = (pointer, ctypes.c_int)
    return loaded


@contextmanager
def writable_store(crypt32: Any) -> Iterator[Any]:
    """Open the store; Wine writes what has changed when it is closed."""
    opened = crypt32.CertOpenStore(PROVIDER_SYSTEM_W, 0, None, LOCAL_MACHINE, "MY")
    assert opened
    yield opened
    assert crypt32.CertCloseStore(opened, 0)


@pytest.fixture
def added(crypt32: Any) -> Iterator[bytes]:
    """A certificate that is in the store for the duration of the test."""
    encoded = certificate(name("vpn01.contoso.example"), days=12.5, usages=["1.3.6.1.5.5.8.2.2"])
    with writable_store(crypt32) as opened:
        assert crypt32.CertAddEncodedCertificateToStore(
            opened, X509, encoded, len(encoded), REPLACE_EXISTING, None
        )
    yield encoded
    with writable_store(crypt32) as opened:
        blob = HashBlob(20, thumbprint_of(encoded))
        context = crypt32.CertFindCertificateInStore(
            opened, X509, 0, FIND_SHA1_HASH, ctypes.byref(blob), None
        )
        assert crypt32.CertDeleteCertificateFromStore(context)


@pytest.fixture
def library() -> Library:
    return Library(find_library("windows"))


def test_a_certificate_in_the_store_is_found_whole(added: bytes, library: Library) -> None:
    key = thumbprint_of(added)

    assert find_certificates(library, [ABSENT, key]) == {key: added}


def test_it_is_decoded(added: bytes, library: Library) -> None:
    contents = read_store(library, [ABSENT, thumbprint_of(added)])

    assert contents.state is StoreState.READABLE
    (decoded,) = contents.certificates.values()
    assert decoded is not None
    assert decoded.subject == "CN=vpn01.contoso.example"
    assert decoded.usages == ("1.3.6.1.5.5.8.2.2",)


def test_a_certificate_that_was_removed_is_not_found(added: bytes, library: Library) -> None:
    assert find_certificates(library, [thumbprint_of(added[:-1]), ABSENT]) == {}
