"""Provider contexts by ctypes, as documented in fwpmtypes.h, fwpmu.h and ipsectypes.h."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, Structure, byref
from typing import ClassVar

from .wfp import GUID, Blob, Wfp, pointer, u8, u32, u64


CANARY = b"CANARY-KEY-MATERIAL"
TUNNELS = {2: "IKE", 4: "AuthIP", 9: "IKEv2"}
"""FWPM_PROVIDER_CONTEXT_TYPE: the tunnels' types."""
MAIN_MODES = {5, 6, 10}


class ContextTemplate(Structure):
    """FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0."""

    _fields_: ClassVar = [("providerKey", POINTER(GUID)), ("providerContextType", u32)]


class Endpoints(Structure):
    """The beginning of IPSEC_TUNNEL_ENDPOINTS0 to 2."""

    _fields_: ClassVar = [("ipVersion", u32), ("local", u8 * 16), ("remote", u8 * 16)]


class TunnelPolicy(Structure):
    """The beginning of IPSEC_TUNNEL_POLICY0 to 3."""

    _fields_: ClassVar = [
        ("flags", u32),
        ("numIpsecProposals", u32),
        ("ipsecProposals", pointer),
        ("tunnelEndpoints", Endpoints),
    ]


class ProviderContext(Structure):
    """FWPM_PROVIDER_CONTEXT0 to 3."""

    _fields_: ClassVar = [
        ("providerContextKey", GUID),
        ("name", pointer),
        ("description", pointer),
        ("flags", u32),
        ("providerKey", POINTER(GUID)),
        ("providerData", Blob),
        ("type", u32),
        ("policy", pointer),
        ("providerContextId", u64),
    ]


assert ctypes.sizeof(ContextTemplate) == 16
assert ctypes.sizeof(ProviderContext) == 88


@contextmanager
def enumerated(
    wfp: Wfp,
    type_: int | None,
    *,
    size: int = 7,
    generation: int = 3,
    provider: bytes | None = None,
) -> Iterator[list[ProviderContext]]:
    """Yield all provider contexts of a type (None: of all, without a template), then free them."""
    name = "FwpmProviderContext"
    with wfp.session() as engine:
        handle, blocks, found = pointer(), [], []
        key = None if provider is None else ctypes.pointer(GUID.from_buffer_copy(provider))
        template = None if type_ is None else byref(ContextTemplate(key, type_))
        wfp.call(f"{name}CreateEnumHandle0", engine, template, byref(handle))
        count = u32(size)
        while count.value == size:
            entries = pointer()
            wfp.call(f"{name}Enum{generation}", engine, handle, size, byref(entries), byref(count))
            blocks.append(entries)
            array = ctypes.cast(entries, POINTER(POINTER(ProviderContext)))
            found += [array[i].contents for i in range(count.value)]
        try:
            yield found
        finally:
            for block in blocks:
                wfp.free(block)
            wfp.call(f"{name}DestroyEnumHandle0", engine, handle)
