"""The WFP functions by ctypes, declared by hand from Microsoft's documentation.

Declared apart from `bindings/cdef` on purpose: if both agree with the library,
neither is wrong in its own way. Layouts are those of ipsectypes.h, fwptypes.h
and fwpmtypes.h on 64-bit Windows.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, Structure, Union, byref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar


u8 = ctypes.c_uint8
u16 = ctypes.c_uint16
u32 = ctypes.c_uint32
u64 = ctypes.c_uint64
pointer = ctypes.c_void_p
GUID = u8 * 16

SUCCESS = 0
INVALID_HANDLE = 6
INVALID_PARAMETER = 87
POSSIBLE_DEADLOCK = 1131
SERVER_UNAVAILABLE = 1722
UNKNOWN_AUTHN_SERVICE = 1747
NOT_REGISTERED = 1753
HANDLES_MISMATCH = 1778
NULL_REF_POINTER = 1780
NOT_FOUND = 0x80320008
SESSION_ABORTED = 0x80320010
TIMEOUT = 0x80320012
NET_EVENTS_DISABLED = 0x80320013
INVALID_NET_MASK = 0x8032001F
INVALID_INTERVAL = 0x80320021
TYPE_MISMATCH = 0x80320027
NEVER_MATCH = 0x80320033

V4, V6 = 0, 1


class Blob(Structure):
    _fields_: ClassVar = [("size", u32), ("data", pointer)]


class Arm(Union):
    _fields_: ClassVar = [
        ("uint8", u8),
        ("uint16", u16),
        ("uint32", u32),
        ("raw", u64),
        ("pointer", pointer),
    ]


class Value(Structure):
    """FWP_VALUE0 and FWP_CONDITION_VALUE0."""

    _anonymous_ = ("arm",)
    _fields_: ClassVar = [("type", u32), ("arm", Arm)]


class Range(Structure):
    _fields_: ClassVar = [("low", Value), ("high", Value)]


class V4AddrAndMask(Structure):
    _fields_: ClassVar = [("addr", u32), ("mask", u32)]


class V6AddrAndMask(Structure):
    _fields_: ClassVar = [("addr", u8 * 16), ("prefixLength", u8)]


class Template(Structure):
    _fields_: ClassVar = [("localSubNet", Value), ("remoteSubNet", Value)]


class Condition(Structure):
    _fields_: ClassVar = [("fieldKey", GUID), ("matchType", u32), ("conditionValue", Value)]


class Filter(Structure):
    _fields_: ClassVar = [
        ("filterKey", GUID),
        ("name", pointer),
        ("description", pointer),
        ("flags", u32),
        ("providerKey", pointer),
        ("providerData", Blob),
        ("layerKey", GUID),
        ("subLayerKey", GUID),
        ("weight", Value),
        ("numFilterConditions", u32),
        ("filterCondition", POINTER(Condition)),
        ("actionType", u32),
        ("actionKey", GUID),
        ("padding", u32),  # the union with rawContext has its alignment
        ("providerContextKey", GUID),
        ("reserved", pointer),
        ("filterId", u64),
        ("effectiveWeight", Value),
    ]


class Address(Union):
    _fields_: ClassVar = [("v4", u32), ("v6", u8 * 16)]


class Traffic(Structure):
    _fields_: ClassVar = [
        ("ipVersion", u32),
        ("local", Address),
        ("remote", Address),
        ("trafficType", u32),
        ("filterOrPolicyId", u64),
        ("remotePort", u16),
        ("localPort", u16),
        ("ipProtocol", u8),
        ("localIfLuid", u64),
        ("realIfProfileId", u32),
    ]


class Transform(Structure):
    """IPSEC_SA_AUTH_INFORMATION0 and IPSEC_SA_CIPHER_INFORMATION0, which are alike."""

    _fields_: ClassVar = [("type", u32), ("config", u8), ("cryptoModuleId", pointer), ("key", Blob)]


class AuthAndCipher(Structure):
    _fields_: ClassVar = [("cipher", Transform), ("auth", Transform)]


class Sa(Structure):
    _fields_: ClassVar = [("spi", u32), ("transformType", u32), ("information", pointer)]


class Token(Structure):
    _fields_: ClassVar = [("type", u32), ("principal", u32), ("mode", u32), ("token", u64)]


class Id(Structure):
    _fields_: ClassVar = [
        ("mmTargetName", pointer),
        ("emTargetName", pointer),
        ("numTokens", u32),
        ("tokens", POINTER(Token)),
        ("explicitCredentials", u64),
        ("logonId", u64),
    ]


class KeyModuleState(Structure):
    _fields_: ClassVar = [("keyModuleKey", GUID), ("stateBlob", Blob)]


class Bundle(Structure):
    _fields_: ClassVar = [
        ("flags", u32),
        ("lifetime", u32 * 3),
        ("idleTimeoutSeconds", u32),
        ("ndAllowClearTimeoutSeconds", u32),
        ("ipsecId", POINTER(Id)),
        ("napContext", u32),
        ("qmSaId", u32),
        ("numSAs", u32),
        ("saList", POINTER(Sa)),
        ("keyModuleState", POINTER(KeyModuleState)),
        ("ipVersion", u32),
        ("peerV4PrivateAddress", u32),
        ("mmSaId", u64),
        ("pfsGroup", u32),
        ("saLookupContext", GUID),
        ("qmFilterId", u64),
    ]


class Details(Structure):
    _fields_: ClassVar = [
        ("ipVersion", u32),
        ("saDirection", u32),
        ("traffic", Traffic),
        ("saBundle", Bundle),
        ("udpEncapsulation", pointer),
        ("transportFilter", POINTER(Filter)),
        ("virtualIfTunnelId", u64),
        ("trafficSelectorId", u64),
    ]


class Context(Structure):
    """IPSEC_SA_CONTEXT1."""

    _fields_: ClassVar = [
        ("saContextId", u64),
        ("inboundSa", POINTER(Details)),
        ("outboundSa", POINTER(Details)),
    ]


class Details0(Structure):
    """The head of IPSEC_SA_DETAILS0, whose traffic has no local port."""

    _fields_: ClassVar = [
        ("ipVersion", u32),
        ("saDirection", u32),
        ("trafficIpVersion", u32),
        ("local", Address),
        ("remote", Address),
        ("trafficType", u32),
        ("filterOrPolicyId", u64),
        ("remotePort", u16),
        ("bundle", u64 * 11),
        ("udpEncapsulation", pointer),
        ("transportFilter", POINTER(Filter)),
    ]


class Context0(Structure):
    """IPSEC_SA_CONTEXT0."""

    _fields_: ClassVar = [
        ("saContextId", u64),
        ("inboundSa", POINTER(Details0)),
        ("outboundSa", POINTER(Details0)),
    ]


class Subscription(Structure):
    """IPSEC_SA_CONTEXT_SUBSCRIPTION0."""

    _fields_: ClassVar = [
        ("enumTemplate", POINTER(Template)),
        ("flags", u32),
        ("sessionKey", u32 * 4),
    ]


class Change(Structure):
    """IPSEC_SA_CONTEXT_CHANGE0."""

    _fields_: ClassVar = [("changeType", u32), ("saContextId", u64)]


ADD, DELETE = 1, 2

Callback = ctypes.CFUNCTYPE(None, pointer, POINTER(Change))

assert ctypes.sizeof(Subscription) == 32
assert ctypes.sizeof(Change) == 16
assert ctypes.sizeof(Details) == 224
assert ctypes.sizeof(Details0) == 168
assert ctypes.sizeof(Filter) == 200

FUNCTIONS: dict[str, tuple[Any, ...]] = {
    "FwpmEngineOpen0": (pointer, u32, pointer, pointer, pointer),
    "FwpmEngineClose0": (pointer,),
    "FwpmEngineGetOption0": (pointer, u32, pointer),
    "FwpmEngineSetOption0": (pointer, u32, pointer),
    "FwpmFreeMemory0": (pointer,),
    "IPsecSaContextCreateEnumHandle0": (pointer, pointer, pointer),
    "IPsecSaContextEnum0": (pointer, pointer, u32, pointer, pointer),
    "IPsecSaContextEnum1": (pointer, pointer, u32, pointer, pointer),
    "IPsecSaContextDestroyEnumHandle0": (pointer, pointer),
    "IPsecSaContextGetById0": (pointer, u64, pointer),
    "IPsecSaContextGetById1": (pointer, u64, pointer),
    "FwpmNetEventCreateEnumHandle0": (pointer, pointer, pointer),
    **{
        f"FwpmNetEventEnum{generation}": (pointer, pointer, u32, pointer, pointer)
        for generation in range(6)
    },
    "FwpmNetEventDestroyEnumHandle0": (pointer, pointer),
    **{
        f"FwpmNetEventSubscribe{generation}": (pointer, pointer, pointer, pointer, pointer)
        for generation in range(5)
    },
    "FwpmNetEventUnsubscribe0": (pointer, pointer),
    "IPsecSaContextSubscribe0": (pointer, pointer, pointer, pointer, pointer),
    "IPsecSaContextUnsubscribe0": (pointer, pointer),
    "FwpmConnectionCreateEnumHandle0": (pointer, pointer, pointer),
    "FwpmConnectionEnum0": (pointer, pointer, u32, pointer, pointer),
    "FwpmConnectionDestroyEnumHandle0": (pointer, pointer),
    "FwpmConnectionGetById0": (pointer, u64, pointer),
    "FwpmConnectionSubscribe0": (pointer, pointer, pointer, pointer, pointer),
    "FwpmConnectionUnsubscribe0": (pointer, pointer),
    "IkeextSaCreateEnumHandle0": (pointer, pointer, pointer),
    "IkeextSaEnum0": (pointer, pointer, u32, pointer, pointer),
    "IkeextSaEnum1": (pointer, pointer, u32, pointer, pointer),
    "IkeextSaEnum2": (pointer, pointer, u32, pointer, pointer),
    "IkeextSaDestroyEnumHandle0": (pointer, pointer),
    "IkeextSaGetById0": (pointer, u64, pointer),
    "IkeextSaGetById1": (pointer, u64, pointer, pointer),
    "IkeextSaGetById2": (pointer, u64, pointer, pointer),
    "FwpmFilterGetById0": (pointer, u64, pointer),
    **{
        f"FwpmProviderContextGetById{generation}": (pointer, u64, pointer)
        for generation in range(4)
    },
    **{
        f"FwpmProviderContextGetByKey{generation}": (pointer, pointer, pointer)
        for generation in range(4)
    },
    "FwpmProviderContextCreateEnumHandle0": (pointer, pointer, pointer),
    **{
        f"FwpmProviderContextEnum{generation}": (pointer, pointer, u32, pointer, pointer)
        for generation in range(4)
    },
    "FwpmProviderContextDestroyEnumHandle0": (pointer, pointer),
    "IPsecGetStatistics0": (pointer, pointer),
    "IPsecGetStatistics1": (pointer, pointer),
    "IkeextGetStatistics0": (pointer, pointer),
    "IkeextGetStatistics1": (pointer, pointer),
}

CRYPT32 = frozenset(
    {
        *("CertOpenStore", "CertFindCertificateInStore"),
        *("CertFreeCertificateContext", "CertCloseStore"),
    }
)
"""The functions of another library of Windows that the simulator has, too."""

type_of_context = {0: Context0, 1: Context}


class WfpError(Exception):
    """A function returned another code than 0."""

    def __init__(self, function: str, code: int) -> None:
        super().__init__(f"{function}: {code:#x}")
        self.code = code


@dataclass
class Page:
    """What one call of IPsecSaContextEnum returned."""

    entries: pointer
    count: int
    contexts: list[Any]


class Wfp:
    """The functions of one library."""

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        for name, arguments in FUNCTIONS.items():
            function = getattr(self._library, name)
            function.argtypes = arguments
            function.restype = None if name == "FwpmFreeMemory0" else u32

    def code(self, function: str, *arguments: object) -> int:
        """Call a function and return its code."""
        code: int = getattr(self._library, function)(*arguments)
        return code

    def call(self, function: str, *arguments: object) -> None:
        """Call a function that is to succeed."""
        code = self.code(function, *arguments)
        if code:
            raise WfpError(function, code)

    def open(self) -> int:
        engine = pointer()
        self.call("FwpmEngineOpen0", None, 10, None, None, byref(engine))
        assert engine.value is not None
        return engine.value

    def close(self, engine: int) -> None:
        self.call("FwpmEngineClose0", engine)

    def free(self, memory: pointer) -> None:
        self._library.FwpmFreeMemory0(byref(memory))

    @contextmanager
    def session(self) -> Iterator[int]:
        engine = self.open()
        try:
            yield engine
        finally:
            self.close(engine)

    def create(self, engine: int, template: Template | None = None) -> int:
        handle = pointer()
        where = None if template is None else byref(template)
        self.call("IPsecSaContextCreateEnumHandle0", engine, where, byref(handle))
        assert handle.value is not None
        return handle.value

    def destroy(self, engine: int, handle: int) -> None:
        self.call("IPsecSaContextDestroyEnumHandle0", engine, handle)

    def next(self, engine: int, handle: int, size: int, generation: int = 1) -> Page:
        """Read a page; its memory is the caller's to free."""
        entries, count = pointer(), u32()
        name = f"IPsecSaContextEnum{generation}"
        self.call(name, engine, handle, size, byref(entries), byref(count))
        kind = POINTER(type_of_context[generation])
        array = ctypes.cast(entries, POINTER(kind))
        contexts: list[Any] = [array[i].contents for i in range(count.value)]
        return Page(entries, count.value, contexts)

    def ids(
        self, size: int = 100, template: Template | None = None, generation: int = 1
    ) -> list[int]:
        """Enumerate as documented, in a session of its own, and free everything."""
        seen: list[int] = []
        with self.session() as engine:
            handle = self.create(engine, template)
            while True:
                page = self.next(engine, handle, size, generation)
                seen += [context.saContextId for context in page.contexts]
                self.free(page.entries)
                if page.count < size:
                    break
            self.destroy(engine, handle)
        return seen

    def subscribe(
        self,
        engine: int,
        callback: Any,
        context: int | None = None,
        template: Template | None = None,
    ) -> int:
        """Subscribe; the `Callback` is the caller's to keep."""
        handle = pointer()
        what = Subscription(ctypes.pointer(template) if template is not None else None)
        name = "IPsecSaContextSubscribe0"
        self.call(name, engine, byref(what), callback, context, byref(handle))
        assert handle.value is not None
        return handle.value

    def unsubscribe(self, engine: int, handle: int) -> None:
        self.call("IPsecSaContextUnsubscribe0", engine, handle)

    @contextmanager
    def get(self, engine: int, context_id: int, generation: int = 1) -> Iterator[Any]:
        """One context, freed at the end."""
        memory = pointer()
        self.call(f"IPsecSaContextGetById{generation}", engine, context_id, byref(memory))
        try:
            yield ctypes.cast(memory, POINTER(type_of_context[generation])).contents
        finally:
            self.free(memory)

    @contextmanager
    def all(self) -> Iterator[list[Any]]:
        """All contexts at once, freed at the end."""
        with self.session() as engine:
            handle = self.create(engine)
            page = self.next(engine, handle, 0xFFFFFFFF)
            try:
                yield page.contexts
            finally:
                self.free(page.entries)
                self.destroy(engine, handle)


def text_at(address: int | None) -> bytes | None:
    """The UTF-16 code units of a string of C, as bytes."""
    if address is None:
        return None
    length = 0
    while u16.from_address(address + length).value:
        length += 2
    return ctypes.string_at(address, length)


def secrets_of(details: Details) -> Iterator[bytes | int]:
    """Every secret of an SA: the bytes of its blobs, the numbers."""
    bundle = details.saBundle
    for sa in bundle.saList[: bundle.numSAs]:
        if sa.transformType == 4:
            both = AuthAndCipher.from_address(sa.information)
            yield blob_bytes(both.auth.key)
            yield blob_bytes(both.cipher.key)
        else:
            yield blob_bytes(Transform.from_address(sa.information).key)
    if bundle.keyModuleState:
        yield blob_bytes(bundle.keyModuleState.contents.stateBlob)
    if bundle.ipsecId:
        identity = bundle.ipsecId.contents
        yield identity.explicitCredentials
        for token in identity.tokens[: identity.numTokens]:
            yield token.token


def blob_bytes(blob: Blob) -> bytes:
    return ctypes.string_at(blob.data, blob.size) if blob.data else b""
