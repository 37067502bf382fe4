"""Each field of each resource's JSON is what a reader without our code finds in the same memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from app.resources.connections.encoding import encode_connection
from app.resources.connections.schema import Connection
from app.resources.ike_sas.encoding import encode_ike_sa
from app.resources.ike_sas.schema import IkeSa
from app.resources.net_events.encoding import encode_net_event
from app.resources.net_events.schema import NetEvent
from app.resources.sa_contexts.encoding import encode_sa_context
from app.resources.sa_contexts.schema import SaContext
from app.resources.statistics.encoding import encode_statistics
from app.resources.statistics.schema import IkeextStatistics, IpsecStatistics, StatisticsSample
from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.connections import decode_connection, read_connection
from bindings.decode import decode_sa_context
from bindings.ike_decode import decode_ike_sa
from bindings.ike_tree import read_ike_sa
from bindings.net_event import read_net_event
from bindings.statistics import _ike as read_ike
from bindings.statistics import _ipsec as read_ipsec
from bindings.tree import read_sa_context

from .any_memory import AnyMemory
from .json_names import ELSEWHERE
from .json_reader import read_json, without_elsewhere


ORDER: Final = Ipv6Order.NETWORK
DOCUMENT: Final = Path(__file__).parents[2] / "docs" / "openapi.json"


def _sa_context(address: int, generation: int) -> bytes:
    return encode_sa_context(decode_sa_context(read_sa_context(address, generation, ORDER)))


def _ike_sa(address: int, generation: int) -> bytes:
    return encode_ike_sa(decode_ike_sa(read_ike_sa(address, generation, ORDER)))


def _connection(address: int, generation: int) -> bytes:
    return encode_connection(decode_connection(read_connection(address, generation, ORDER)))


def _net_event(address: int, generation: int) -> bytes:
    event = read_net_event(address, generation, ORDER)
    assert event
    return encode_net_event(event, "b893933fedc9-17")


SAMPLE: Final = StatisticsSample.model_validate(
    {
        "epoch": "b893933fedc9",
        "takenAt": "2026-01-01T00:00:00Z",
        "host": "WEB01",
        "engine": "simulator",
        "modulus": 2**32,
    }
)


def _ipsec_statistics(address: int, generation: int) -> bytes:
    record = read_ipsec(ffi.cast(f"IPSEC_STATISTICS{generation} *", address))
    shape = IpsecStatistics.model_validate({**encode_statistics(record), "sample": SAMPLE})
    return shape.model_dump_json(by_alias=True).encode()


def _ike_statistics(address: int, generation: int) -> bytes:
    record = read_ike(ffi.cast(f"IKEEXT_STATISTICS{generation} *", address))
    shape = IkeextStatistics.model_validate({**encode_statistics(record), "sample": SAMPLE})
    return shape.model_dump_json(by_alias=True).encode()


class Kind:
    """Objects of one struct, and their schema."""

    def __init__(
        self,
        shape: type[BaseModel],
        struct: str,
        generations: int,
        encode: Callable[[int, int], bytes],
    ) -> None:
        self.shape = shape
        self.schema = shape.__name__
        self.structs = [f"{struct}{generation}" for generation in range(generations)]
        self._encode = encode

    def text_of(self, memory: AnyMemory) -> bytes:
        """Return the JSON of an object by our code."""
        return self._encode(memory.address, int(memory.struct[-1]))

    def ours(self, memory: AnyMemory) -> Any:
        """Return the same, parsed, without what other tests assert."""
        return without_elsewhere(orjson.loads(self.text_of(memory)))


def theirs(memory: AnyMemory) -> Any:
    """Return the JSON of an object by the reader."""
    return read_json(memory.struct, memory.address)


KINDS: Final = (
    Kind(SaContext, "IPSEC_SA_CONTEXT", 2, _sa_context),
    Kind(IkeSa, "IKEEXT_SA_DETAILS", 3, _ike_sa),
    Kind(Connection, "FWPM_CONNECTION", 1, _connection),
    Kind(NetEvent, "FWPM_NET_EVENT", 6, _net_event),
    Kind(IpsecStatistics, "IPSEC_STATISTICS", 2, _ipsec_statistics),
    Kind(IkeextStatistics, "IKEEXT_STATISTICS", 2, _ike_statistics),
)
EVERY: Final = [pytest.param(kind, struct, id=struct) for kind in KINDS for struct in kind.structs]


@pytest.mark.parametrize(("kind", "struct"), EVERY)
@settings(max_examples=200)
@given(seed=st.integers(0, 2**64 - 1))
def test_json_is_what_memory_holds(kind: Kind, struct: str, seed: int) -> None:
    memory = AnyMemory(struct, Random(seed))

    assert kind.ours(memory) == theirs(memory)
    kind.shape.model_validate_json(kind.text_of(memory))


# ---- completeness ----

Path_ = tuple[str, ...]
"""The names that lead to a member, through objects and lists."""


def paths_of(value: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield the path of each member of a document."""
    if isinstance(value, list):
        for item in value:
            yield from paths_of(item, path)
    elif isinstance(value, dict):
        for name, member in value.items():
            yield (*path, name)
            yield from paths_of(member, (*path, name))


def paths_in(schema: Any, schemas: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Yield the path of each member that a schema allows."""
    if "$ref" in schema:
        schema = schemas[schema["$ref"].rpartition("/")[2]]
    for name, member in schema.get("properties", {}).items():
        if name not in ELSEWHERE:
            yield (*path, name)
            yield from paths_in(member, schemas, (*path, name))
    branches = [each for key in ("anyOf", "oneOf", "allOf") for each in schema.get(key, ())]
    for branch in [*branches, *([schema["items"]] if "items" in schema else [])]:
        yield from paths_in(branch, schemas, path)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.schema)
def test_each_field_of_the_schema_is_in_some_memory(kind: Kind) -> None:
    """A field that the reader does not know would otherwise go unnoticed if it were never there."""
    schemas = json.loads(DOCUMENT.read_text(encoding="utf-8"))["components"]["schemas"]
    documented, known = set(paths_in(schemas[kind.schema], schemas)), set[Path_]()
    for seed in range(1000):
        for struct in kind.structs:
            known.update(paths_of(theirs(AnyMemory(struct, Random(seed)))))
        if known >= documented:
            break

    assert known == documented
    assert len(known) > 20
