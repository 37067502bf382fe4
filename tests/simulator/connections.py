"""Connections by ctypes, declared by hand from Microsoft's documentation, as in `wfp.py`.

Layouts are those of fwpmtypes.h and iketypes.h on 64-bit Windows.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, Structure, byref
from dataclasses import dataclass
from typing import Any, ClassVar

from .wfp import Address, Blob, Wfp, pointer, u32, u64


QUERY_BYTES_TRANSFERRED = 1

PRESHARED_KEY, CERTIFICATE, KERBEROS, ANONYMOUS, NTLM_V2, EAP = 0, 1, 2, 3, 5, 11
BY_CERTIFICATE = {1, 4, 6, 7, 8, 9, 10}
BY_NAME = {2, 5, 11, 12}

IKE, AUTHIP, IKEV2 = 0, 1, 2


class Credential(Structure):
    """IKEEXT_CREDENTIAL2."""

    _fields_: ClassVar = [("method", u32), ("impersonation", u32), ("arm", pointer)]


class PresharedKey(Structure):
    """IKEEXT_PRESHARED_KEY_AUTHENTICATION1."""

    _fields_: ClassVar = [("key", Blob), ("flags", u32)]


class Certificate(Structure):
    """IKEEXT_CERTIFICATE_CREDENTIAL1."""

    _fields_: ClassVar = [
        ("subjectName", Blob),
        ("certHash", Blob),
        ("flags", u32),
        ("certificate", Blob),
    ]


class Connection(Structure):
    """FWPM_CONNECTION0."""

    _fields_: ClassVar = [
        ("connectionId", u64),
        ("ipVersion", u32),
        ("local", Address),
        ("remote", Address),
        ("providerKey", pointer),
        ("trafficMode", u32),
        ("keyModule", u32),
        ("cipher", u32 * 3),
        ("integrity", u32),
        ("maxLifetimeSeconds", u32),
        ("dhGroup", u32),
        ("quickModeLimit", u32),
        ("mmPeer", Credential),
        ("emPeer", Credential),
        ("bytesIn", u64),
        ("bytesOut", u64),
        ("bytesTotal", u64),
        ("startLow", u32),
        ("startHigh", u32),
    ]


class Template(Structure):
    """FWPM_CONNECTION_ENUM_TEMPLATE0."""

    _fields_: ClassVar = [("connectionId", u64), ("flags", u32)]


ConnectionCallback = ctypes.CFUNCTYPE(None, pointer, u32, POINTER(Connection))


class Subscription(Structure):
    """FWPM_CONNECTION_SUBSCRIPTION0."""

    _fields_: ClassVar = [
        ("enumTemplate", POINTER(Template)),
        ("flags", u32),
        ("sessionKey", u32 * 4),
    ]


assert ctypes.sizeof(Connection) == 160
assert ctypes.sizeof(Template) == 16
assert ctypes.sizeof(Subscription) == 32


@dataclass
class Page:
    """What one call of FwpmConnectionEnum0 returned."""

    entries: pointer
    count: int
    connections: list[Any]


def create(wfp: Wfp, engine: int, connection_id: int = 0, flags: int = 0) -> int:
    """A handle of an enumeration."""
    handle = pointer()
    template = Template(connection_id, flags)
    wfp.call("FwpmConnectionCreateEnumHandle0", engine, byref(template), byref(handle))
    assert handle.value is not None
    return handle.value


def next_page(wfp: Wfp, engine: int, handle: int, size: int) -> Page:
    """Read a page; its memory is the caller's to free."""
    entries, count = pointer(), u32()
    wfp.call("FwpmConnectionEnum0", engine, handle, size, byref(entries), byref(count))
    array = ctypes.cast(entries, POINTER(POINTER(Connection)))
    return Page(entries, count.value, [array[i].contents for i in range(count.value)])


def destroy(wfp: Wfp, engine: int, handle: int) -> None:
    wfp.call("FwpmConnectionDestroyEnumHandle0", engine, handle)


def ids(wfp: Wfp, size: int = 100) -> list[int]:
    """Enumerate as documented, in a session of its own, and free everything."""
    seen: list[int] = []
    with wfp.session() as engine:
        handle = create(wfp, engine)
        while True:
            page = next_page(wfp, engine, handle, size)
            seen += [connection.connectionId for connection in page.connections]
            wfp.free(page.entries)
            if page.count < size:
                break
        destroy(wfp, engine, handle)
    return seen


@contextmanager
def all_of(
    wfp: Wfp, flags: int = QUERY_BYTES_TRANSFERRED, connection_id: int = 0
) -> Iterator[list[Any]]:
    """All connections at once, freed at the end."""
    with wfp.session() as engine:
        handle = create(wfp, engine, connection_id, flags)
        page = next_page(wfp, engine, handle, 0xFFFFFFFF)
        try:
            yield page.connections
        finally:
            wfp.free(page.entries)
            destroy(wfp, engine, handle)


@contextmanager
def get(wfp: Wfp, engine: int, connection_id: int) -> Iterator[Any]:
    """One connection, freed at the end."""
    memory = pointer()
    wfp.call("FwpmConnectionGetById0", engine, connection_id, byref(memory))
    try:
        yield ctypes.cast(memory, POINTER(Connection)).contents
    finally:
        wfp.free(memory)


def subscribe(
    wfp: Wfp, engine: int, callback: Any, context: int | None = None, connection_id: int = 0
) -> int:
    handle = pointer()
    what = Subscription(ctypes.pointer(Template(connection_id, 0)))
    wfp.call("FwpmConnectionSubscribe0", engine, byref(what), callback, context, byref(handle))
    assert handle.value is not None
    return handle.value


@contextmanager
def subscribed(wfp: Wfp, callback: Any, **how: Any) -> Iterator[int]:
    with wfp.session() as engine:
        handle = subscribe(wfp, engine, callback, **how)
        yield engine
        wfp.call("FwpmConnectionUnsubscribe0", engine, handle)


def bytes_of(wfp: Wfp, flags: int = QUERY_BYTES_TRANSFERRED) -> dict[int, tuple[int, int, int]]:
    """The bytes in and out of each connection, and their sum, by id."""
    with all_of(wfp, flags) as connections:
        return {c.connectionId: (c.bytesIn, c.bytesOut, c.bytesTotal) for c in connections}


def packed(version: int, address: Any) -> bytes:
    return int(address.v4).to_bytes(4, "big") if version == 0 else bytes(address.v6)


def groups_of(wfp: Wfp) -> set[tuple[int, bytes, bytes, int]]:
    """Between whom there are complete SA contexts: version, addresses, mode."""
    with wfp.all() as contexts:
        return {
            (
                sa.traffic.ipVersion,
                packed(sa.traffic.ipVersion, sa.traffic.local),
                packed(sa.traffic.ipVersion, sa.traffic.remote),
                sa.traffic.trafficType,
            )
            for context in contexts
            if context.inboundSa and context.outboundSa
            for sa in [context.outboundSa.contents]
        }


def group_of(connection: Connection) -> tuple[int, bytes, bytes, int]:
    version = connection.ipVersion
    return (
        version,
        packed(version, connection.local),
        packed(version, connection.remote),
        connection.trafficMode,
    )
