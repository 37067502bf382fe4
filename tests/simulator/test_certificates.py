"""The simulated host's certificates: those that its main mode SAs use, as a script makes them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from ctypes import CDLL, byref, c_char_p, c_int, c_uint64, c_void_p, create_string_buffer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from sa_contexts_simulator import Simulator

from bindings.certificates import find_certificates
from bindings.engine import Engine
from bindings.library import Library


FOLDER = Path(__file__).parents[2] / "bindings" / "simulator"
COMMITTED = FOLDER / "library" / "certificate_data.c"


def test_the_committed_certificates_are_what_the_script_makes(tmp_path: Path) -> None:
    made = tmp_path / "certificate_data.c"
    subprocess.run([sys.executable, FOLDER / "generate_certificates.py", made], check=True)

    assert made.read_bytes() == COMMITTED.read_bytes()


def local_certificates(library: Library) -> dict[bytes, bytes]:
    """The subjects of this host's certificates in main mode SAs, by their hashes."""
    with Engine(library) as engine:
        return engine.with_ike_sas(
            lambda source: {
                certificate.cert_hash: certificate.subject_name
                for page in source.pages()
                for sa in page
                for pair in sa.ike_credentials
                if (certificate := pair.local_credentials.certificate) is not None
            }
        )


def test_all_certificates_of_this_host_are_in_its_store(simulator: Simulator) -> None:
    library = Library(simulator.path)
    simulator.populate(500, 3)

    subjects = local_certificates(library)
    found = find_certificates(library, subjects)

    assert len(subjects) == 4
    assert {*found} == {*subjects}
    for thumbprint, encoded in found.items():
        assert encoded is not None
        assert hashlib.sha1(encoded, usedforsecurity=False).digest() == thumbprint
        certificate = x509.load_der_x509_certificate(encoded)
        assert certificate.subject.public_bytes() == subjects[thumbprint]


@pytest.fixture
def crypt32(simulator: Simulator) -> Any:
    loaded = CDLL(str(simulator.path))
    loaded.CertOpenStore.restype = c_void_p
    loaded.CertOpenStore.argtypes = (c_void_p, c_int, c_uint64, c_int, c_char_p)
    loaded.CertFindCertificateInStore.restype = c_void_p
    loaded.CertFindCertificateInStore.argtypes = (c_void_p, c_int, c_int, c_int, c_void_p, c_void_p)
    loaded.CertFreeCertificateContext.argtypes = (c_void_p,)
    loaded.CertCloseStore.argtypes = (c_void_p, c_int)
    return loaded


LOCAL_MACHINE = 0x20000


@pytest.mark.parametrize(
    ("provider", "flags", "name"),
    [
        (9, LOCAL_MACHINE, "MY"),
        (10, 0x10000, "MY"),  # of the current user
        (10, LOCAL_MACHINE, "Root"),
        (10, LOCAL_MACHINE, "MYX"),
        (10, LOCAL_MACHINE, None),
    ],
)
def test_there_is_one_store(
    provider: int, flags: int, name: str | None, crypt32: Any, simulator: Simulator
) -> None:
    text = None if name is None else name.encode("utf-16-le") + b"\0\0"

    assert not crypt32.CertOpenStore(provider, 0, 0, flags, text)
    assert simulator.misuses() == 0


def test_misuse_is_counted(crypt32: Any, simulator: Simulator) -> None:
    store = crypt32.CertOpenStore(10, 0, 0, LOCAL_MACHINE, "MY".encode("utf-16-le") + b"\0\0")
    assert store
    assert simulator.unfreed_blocks() == 1

    assert not crypt32.CertFindCertificateInStore(store, 1, 0, 0x10000, None, None)
    assert not crypt32.CertFindCertificateInStore(None, 1, 0, 0x10000, byref(c_int()), None)
    assert not crypt32.CertFreeCertificateContext(create_string_buffer(8))
    assert simulator.misuses() == 3
    assert crypt32.CertCloseStore(store, 0)
    assert not crypt32.CertCloseStore(store, 0)
    assert simulator.misuses() == 4
    assert crypt32.CertFreeCertificateContext(None)
    assert (simulator.unfreed_blocks(), simulator.misuses()) == (0, 4)


def test_a_thumbprint_has_20_bytes(simulator: Simulator) -> None:
    for act in (
        lambda: simulator.put_certificate(b"", b""),
        lambda: simulator.delete_certificate(b""),
    ):
        with pytest.raises(ValueError, match="20 bytes"):
            act()
    assert not simulator.delete_certificate(bytes(20))
