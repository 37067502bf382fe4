"""Main mode SAs by ctypes, declared by hand like the rest in `wfp` (iketypes.h, 64-bit)."""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, Structure, byref
from typing import Any, ClassVar

from .wfp import GUID, Address, Blob, Value, Wfp, pointer, u32, u64


class Credential(Structure):
    """IKEEXT_CREDENTIAL2, and the older ones."""

    _fields_: ClassVar = [("method", u32), ("impersonation", u32), ("proof", pointer)]


class CredentialPair(Structure):
    _fields_: ClassVar = [("local", Credential), ("peer", Credential)]


class Certificate(Structure):
    """IKEEXT_CERTIFICATE_CREDENTIAL1."""

    _fields_: ClassVar = [
        ("subjectName", Blob),
        ("certHash", Blob),
        ("flags", u32),
        ("certificate", Blob),
    ]


class PresharedKey(Structure):
    """IKEEXT_PRESHARED_KEY_AUTHENTICATION1."""

    _fields_: ClassVar = [("presharedKey", Blob), ("flags", u32)]


class IkeTraffic(Structure):
    _fields_: ClassVar = [
        ("ipVersion", u32),
        ("local", Address),
        ("remote", Address),
        ("authIpFilterId", u64),
    ]


class IkeSa(Structure):
    """IKEEXT_SA_DETAILS2; IKEEXT_SA_DETAILS0 ends before the correlation key."""

    _fields_: ClassVar = [
        ("saId", u64),
        ("keyModuleType", u32),
        ("ipVersion", u32),
        ("udpEncapsulation", pointer),
        ("traffic", IkeTraffic),
        ("proposal", u32 * 7),
        ("cookies", u64 * 2),
        ("numCredentials", u32),
        ("credentials", POINTER(CredentialPair)),
        ("ikePolicyKey", GUID),
        ("virtualIfTunnelId", u64),
        ("correlationKey", Blob),
    ]


class IkeTemplate(Structure):
    _fields_: ClassVar = [("localSubNet", Value), ("remoteSubNet", Value), ("certHash", Blob)]


assert ctypes.sizeof(IkeSa) == 176
assert ctypes.sizeof(IkeTemplate) == 48

BY_CERTIFICATE = {1, 4, 6, 7, 8, 9, 10}
BY_NAME = {2, 5, 11, 12}


@contextmanager
def ike_sas(
    wfp: Wfp, template: IkeTemplate | None = None, generation: int = 2
) -> Iterator[list[Any]]:
    """All main mode SAs at once, freed at the end."""
    handle, entries, count = pointer(), pointer(), u32()
    with wfp.session() as engine:
        where = None if template is None else byref(template)
        wfp.call("IkeextSaCreateEnumHandle0", engine, where, byref(handle))
        function = f"IkeextSaEnum{generation}"
        wfp.call(function, engine, handle, 0xFFFFFFFF, byref(entries), byref(count))
        array = ctypes.cast(entries, POINTER(POINTER(IkeSa)))
        try:
            yield [array[i].contents for i in range(count.value)]
        finally:
            wfp.free(entries)
            wfp.call("IkeextSaDestroyEnumHandle0", engine, handle)


def credentials_of(sa: IkeSa) -> Iterator[Credential]:
    for pair in sa.credentials[: sa.numCredentials]:
        yield pair.local
        yield pair.peer
