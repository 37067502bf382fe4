"""The measured contexts, from one seed of the simulator.

`check` asserts that our way of reading them and the naive way give the same JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from statistics import mean

import orjson
from pydantic import TypeAdapter
from sa_contexts_simulator import LIBRARY, Simulator

from app.resources.sa_contexts.encoding import encode_sa_context
from app.resources.sa_contexts.schema import SaContextPage
from benchmarks import naive
from benchmarks.sizes import CHECKED_CONTEXTS, MIN_MEAN_BYTES, PAGE_LIMIT, SEED
from bindings._fwpuclnt import ffi
from bindings.engine import Engine
from bindings.library import Library
from bindings.sa_contexts import PAGE_SIZE
from bindings.session import Session


PAGE = TypeAdapter(SaContextPage)


def populated(contexts: int) -> Library:
    """Return the simulator's library in this process, filled with `contexts` contexts."""
    Simulator(LIBRARY).populate(contexts, SEED)
    return Library(LIBRARY)


def arrays(session: Session, size: int = PAGE_SIZE) -> Iterator[tuple[int, int]]:
    """Yield the address and the number of entries of each array of one enumeration.

    The entries point to IPSEC_SA_CONTEXT1; they are not read here. Each array is freed when the
    next one is requested.
    """
    handle, returned = ffi.new("HANDLE *"), ffi.new("UINT32 *")
    session.call("IPsecSaContextCreateEnumHandle0", ffi.NULL, handle)
    count = size
    while count == size:
        with session.result("IPSEC_SA_CONTEXT1 ***") as entries:
            session.call("IPsecSaContextEnum1", handle[0], size, entries, returned)
            count = returned[0]
            yield int(ffi.cast("uintptr_t", entries[0])), count
    session.call("IPsecSaContextDestroyEnumHandle0", handle[0])


def naive_json(session: Session, size: int) -> list[bytes]:
    """Return all contexts as pages of JSON, as FastAPI renders them with a response model."""
    engine = session.library.kind
    return [
        PAGE.dump_json(PAGE.validate_python(naive.page_of(items, engine)), by_alias=True)
        for items in naive.pages(session, size)
    ]


def check() -> float:
    """Return the mean JSON length of the contexts, in bytes.

    Assert that both ways read the same contexts, and that the mean is `MIN_MEAN_BYTES` or more.
    """
    library = populated(CHECKED_CONTEXTS)
    with Engine(library) as engine:
        ours = [encode_sa_context(context) for page in engine.pages() for context in page]
    with Session(library) as session:
        theirs = [
            item for page in naive_json(session, PAGE_LIMIT) for item in json.loads(page)["items"]
        ]
    assert len(ours) == CHECKED_CONTEXTS
    assert [orjson.loads(text) for text in ours] == theirs, "the naive way reads otherwise"
    length = mean(map(len, ours))
    assert length >= MIN_MEAN_BYTES, f"the mean context has {length:.0f} bytes only"
    return length
