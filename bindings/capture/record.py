"""Recording the answers of an engine, function by function, as the lines of a capture.

All generations of each function are called in turn, newest first, in one session, with one
enumeration open at a time. Objects are in the engine's order. An error is an answer, too: it
is recorded, and the next function is called.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.capture.file import Line
from bindings.capture.policy import References, record_policy, resolve_names
from bindings.capture.walk import walk
from bindings.connections import ConnectionTemplate
from bindings.engine_options import EngineOption
from bindings.enumeration import ObjectArray, ObjectKind, ObjectReader, Template
from bindings.errors import EngineError, MalformedAnswer, NotSupported, reading
from bindings.net_event import OTHER_TRAFFIC
from bindings.policy import NEWEST as NEWEST_POLICY
from bindings.policy import tunnel_types
from bindings.session import Session
from bindings.tunnel_policies import TunnelTemplate
from bindings.winerror import WinError


@dataclass(frozen=True, slots=True)
class Family:
    """Objects of one kind in all their generations.

    Attributes:
        functions: the prefix of the functions' names.
        struct: the struct's name without its generation.
        newest: the newest generation.
        template: the name of the enumeration template's struct.
        templates: returns the templates to use, one after the other, given the generation.
    """

    functions: str
    struct: str
    newest: int
    template: str
    templates: Callable[[int], tuple[Template | None, ...]] = lambda _generation: (None,)


SA_CONTEXTS: Final = Family(
    "IPsecSaContext", "IPSEC_SA_CONTEXT", 1, "IPSEC_SA_CONTEXT_ENUM_TEMPLATE0"
)
IKE_SAS: Final = Family("IkeextSa", "IKEEXT_SA_DETAILS", 2, "IKEEXT_SA_ENUM_TEMPLATE0")
CONNECTIONS: Final = Family(
    "FwpmConnection",
    "FWPM_CONNECTION",
    0,
    "FWPM_CONNECTION_ENUM_TEMPLATE0",
    lambda _generation: (ConnectionTemplate(),),
)
_CONNECTIONS_WITHOUT_TEMPLATE: Final = replace(CONNECTIONS, templates=lambda _generation: (None,))
"""All connections, but without the flag for current byte counts."""

NET_EVENTS: Final = Family("FwpmNetEvent", "FWPM_NET_EVENT", 5, "FWPM_NET_EVENT_ENUM_TEMPLATE0")
TUNNELS: Final = Family(
    "FwpmProviderContext",
    "FWPM_PROVIDER_CONTEXT",
    NEWEST_POLICY,
    "FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0",
    lambda generation: tuple([TunnelTemplate(each) for each in tunnel_types(generation)]),
)
"""The provider contexts of tunnels; those of main modes, which contain keys, are not requested."""
STATISTICS: Final = (
    ("IPsecGetStatistics", "IPSEC_STATISTICS"),
    ("IkeextGetStatistics", "IKEEXT_STATISTICS"),
)


def record(session: Session, alias: Callable[[int], str | None]) -> Iterator[Line]:
    """Yield the engine's answers as the lines that docs/captures.md describes.

    Args:
        session: an open session, which is used until the iteration ends.
        alias: maps the LUID of an interface to its name (`interface_aliases`).
    """
    for option in EngineOption:
        yield from _option(session, option)
    luids: set[int] = set()
    references = References()
    for family in (SA_CONTEXTS, IKE_SAS, CONNECTIONS, NET_EVENTS, TUNNELS):
        for generation in reversed(range(family.newest + 1)):
            for line in _objects(session, family, generation):
                luids.update(_interfaces(line))
                if "value" in line and family is not TUNNELS:  # they refer to nothing
                    references.add_from(line["value"])
                yield line
    yield from record_policy(session, references)
    for function, struct in STATISTICS:
        for generation in (1, 0):
            yield from _statistics(session, f"{function}{generation}", f"{struct}{generation}")
    for luid in sorted(luids):
        if (name := alias(luid)) is not None:
            yield {"function": "ConvertInterfaceLuidToAlias", "argument": luid, "value": name}


def _option(session: Session, option: EngineOption) -> Iterator[Line]:
    line: Line = {"function": "FwpmEngineGetOption0", "argument": int(option)}
    try:
        with session.result("FWP_VALUE0 **") as value:
            session.call("FwpmEngineGetOption0", option, value)
            with reading("FwpmEngineGetOption0"):
                address = int(ffi.cast("uintptr_t", value[0]))
                found = walk("FWP_VALUE0", address) if address else None
    except EngineError as error:
        yield line | {"error": error.code}
    else:
        yield line | {"struct": "FWP_VALUE0", "value": found}


def _objects(session: Session, family: Family, generation: int) -> Iterator[Line]:
    """Yield the objects of one generation, then their number or the error that ended reading."""
    function, struct = f"{family.functions}Enum{generation}", f"{family.struct}{generation}"
    if not session.library.has(function):
        yield {"function": function, "error": int(WinError.RPC_S_PROCNUM_OUT_OF_RANGE)}
        return
    count = left_out = 0
    try:
        with closing(_values(session, family, generation)) as values:
            for value in values:
                if _is_of_other_traffic(family, value):
                    left_out += 1
                else:
                    count += 1
                    yield {"function": function, "struct": struct, "value": value}
    except EngineError as error:
        yield {"function": error.function, "error": error.code}
    else:
        yield {"function": function, "count": count, "leftOut": left_out}
        if family is CONNECTIONS and not count:  # the engine may treat 0 as an ordinary id
            yield from _objects(session, _CONNECTIONS_WITHOUT_TEMPLATE, generation)


def _values(session: Session, family: Family, generation: int) -> Generator[Any]:
    """Yield the objects of one generation as JSON, for one template after the other."""
    reader = _Reader(family, generation, session)
    for template in family.templates(generation):
        with closing(reader.arrays(template)) as arrays:
            for array in arrays:
                with array:
                    if reader.generation != generation:  # the reader fell back to an older one
                        raise NotSupported(
                            WinError.RPC_S_PROCNUM_OUT_OF_RANGE,
                            f"{family.functions}Enum{generation}",
                        )
                    page = [array.read(index)[0] for index in range(len(array))]
                for value in page:
                    if isinstance(template, TunnelTemplate) and value["type"] != template.type:
                        raise MalformedAnswer(array.function)
                    yield value


class _Array(ObjectArray[Any]):
    """One page of objects, which are converted to JSON instead of records."""


class _Reader(ObjectReader[Any, _Array]):
    """A reader of one generation; each raw tree is a tuple of one item, the object as JSON."""

    array = _Array

    def __init__(self, family: Family, generation: int, session: Session) -> None:
        def read(address: int, found: int, _order: Ipv6Order) -> tuple[Any, ...]:
            value = walk(f"{family.struct}{found}", address)
            for details in (value.get("inboundSa"), value.get("outboundSa")):
                if details is not None and details["transportFilter"] is not None:
                    resolve_names(details["transportFilter"])
            if "displayData" in value:
                resolve_names(value)
            return (value,)

        kind: ObjectKind[Any] = ObjectKind(
            functions=family.functions,
            struct=family.struct,
            template=family.template,
            newest=generation,
            read_id=lambda _address: 0,
            read=read,
            decode=lambda tree: tree,
        )
        super().__init__(kind, session)


def _is_of_other_traffic(family: Family, value: Any) -> bool:
    """Return whether an object is a net event unrelated to IPsec, which a capture omits."""
    return family is NET_EVENTS and value["type"] in OTHER_TRAFFIC


def _interfaces(line: Line) -> Iterator[int]:
    if line.get("struct") == "IPSEC_SA_CONTEXT1":
        for details in (line["value"]["inboundSa"], line["value"]["outboundSa"]):
            if details is not None:
                yield details["traffic"]["localIfLuid"]
    elif line.get("struct") == f"FWPM_PROVIDER_CONTEXT{NEWEST_POLICY}":
        for value in line["value"].values():
            if isinstance(value, dict) and "tunnelEndpoints" in value:
                yield value["tunnelEndpoints"]["localIfLuid"]


def _statistics(session: Session, function: str, struct: str) -> Iterator[Line]:
    memory = ffi.new(f"{struct} *")
    try:
        session.call(function, memory)
    except EngineError as error:
        yield {"function": error.function, "error": error.code}
    else:
        value = walk(struct, int(ffi.cast("uintptr_t", memory)))
        yield {"function": function, "struct": struct, "value": value}
