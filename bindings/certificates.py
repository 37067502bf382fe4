r"""Encoded certificates of the local machine, found by their thumbprints (wincrypt.h).

The store is `LocalMachine\My`, which is opened read-only; by default, every account may read it.
On Windows, crypt32.dll in System32 reads it. Elsewhere, the engine's library does if it has a store
of its own, as the simulator has.

Only the encoded certificate is read, which is public. Its properties are not read, because some of
them lead to private keys. No function that acquires a key is declared.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from bindings._fwpuclnt import ffi
from bindings.errors import UNREADABLE, EngineError, NotSupported, error_for
from bindings.library import Library, windows_library
from bindings.memory import Layout, read_bytes
from bindings.security_error import SecurityError
from bindings.winerror import WinError


STORE: Final = "MY"
THUMBPRINT_BYTES: Final = 20
"""The size of a SHA-1 hash."""

CERT_STORE_PROV_SYSTEM_W: Final = 10
CERT_SYSTEM_STORE_LOCAL_MACHINE: Final = 0x20000
CERT_STORE_READONLY_FLAG: Final = 0x8000
CERT_STORE_OPEN_EXISTING_FLAG: Final = 0x4000
X509_ASN_ENCODING: Final = 1
PKCS_7_ASN_ENCODING: Final = 0x10000
CERT_FIND_SHA1_HASH: Final = 0x10000
ERROR_FILE_NOT_FOUND: Final = 2
"""The code for a store that does not exist, and so is empty (winerror.h)."""

CONTEXT: Final = Layout("CERT_CONTEXT", "pbCertEncoded", "cbCertEncoded")


def find_certificates(library: Library, thumbprints: Iterable[bytes]) -> dict[bytes, bytes | None]:
    """Return the certificates in the store that have one of these thumbprints.

    Args:
        library: the engine's library.
        thumbprints: SHA-1 hashes, of `THUMBPRINT_BYTES` each.

    Returns:
        X.509 in DER, by thumbprint; None for a certificate that is larger than
        `AnswerLimits.max_record_elements` or does not have the thumbprint by which it was found.
        Those that are not in the store are absent.

    Raises:
        NotSupported: this system has no such store.
        EngineError: a function failed.
    """
    functions = _functions(library)
    found = {}
    with _opened_store(functions) as store:
        for thumbprint in thumbprints if store else ():
            with _found(functions, store, thumbprint) as context:
                if context:
                    found[thumbprint] = _encoded(context, thumbprint)
    return found


def _functions(library: Library) -> Any:
    """Return the library that reads the store."""
    if os.name == "nt":
        return windows_library("crypt32")
    if library.has("CertOpenStore"):
        return library.lib
    raise NotSupported(WinError.RPC_S_PROCNUM_OUT_OF_RANGE, "CertOpenStore")


@contextmanager
def _opened_store(functions: Any) -> Iterator[Any]:
    """Open the store for the duration of the block; NULL if it does not exist."""
    store = functions.CertOpenStore(
        ffi.cast("char *", CERT_STORE_PROV_SYSTEM_W),
        0,
        0,
        CERT_SYSTEM_STORE_LOCAL_MACHINE | CERT_STORE_READONLY_FLAG | CERT_STORE_OPEN_EXISTING_FLAG,
        ffi.new("char16_t[]", STORE),
    )
    if not store:
        error = _last_error("CertOpenStore")
        if error.code != ERROR_FILE_NOT_FOUND:
            raise error
    try:
        yield store
    finally:
        if store:
            functions.CertCloseStore(store, 0)


@contextmanager
def _found(functions: Any, store: Any, thumbprint: bytes) -> Iterator[Any]:
    """Find a certificate, and free it at the end of the block; NULL if there is none."""
    data = ffi.from_buffer("UINT8[]", thumbprint)
    blob = ffi.new("CRYPT_HASH_BLOB *", {"cbData": len(thumbprint), "pbData": data})
    context = functions.CertFindCertificateInStore(
        store, X509_ASN_ENCODING | PKCS_7_ASN_ENCODING, 0, CERT_FIND_SHA1_HASH, blob, ffi.NULL
    )
    if not context:
        error = _last_error("CertFindCertificateInStore")
        if error.code != SecurityError.CRYPT_E_NOT_FOUND:
            raise error
    try:
        yield context
    finally:
        if context:
            functions.CertFreeCertificateContext(context)


def _encoded(context: Any, thumbprint: bytes) -> bytes | None:
    """Copy the encoded certificate; None if it is too large or has another thumbprint."""
    try:
        address, size = CONTEXT.read(int(ffi.cast("uintptr_t", context)))
        encoded = read_bytes(address, size) if address else b""
    except UNREADABLE:
        return None
    is_it = hashlib.sha1(encoded, usedforsecurity=False).digest() == thumbprint
    return encoded if is_it else None


def _last_error(function: str) -> EngineError:
    """Return the error that GetLastError names; on other systems, errno has its code."""
    return error_for(ffi.getwinerror()[0] if os.name == "nt" else ffi.errno, function)
