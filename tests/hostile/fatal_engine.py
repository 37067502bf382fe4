"""A library that behaves as the simulator does, except for one lie.

It is the simulator with one function in front. The lie ends once a file exists, whose path is
compiled in.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

from bindings._fwpuclnt import ffi
from tests.bindings.wild_memory import NOWHERE
from tests.conftest import SIMULATOR_PATH


_HEAD: Final = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

static void *real(const char *name)
{
    return dlsym(dlopen(SIMULATOR, RTLD_LAZY), name);
}

static int lies(void)
{
    return access(HEALED, F_OK) != 0;
}

static void spoil(void *object, uint64_t offset)
{
    const uint64_t nowhere = NOWHERE;
    memcpy((char *)object + offset, &nowhere, sizeof nowhere);
}
"""

_ENUM: Final = """
uint32_t {function}(void *session, void *handle, uint32_t size, void ***entries, uint32_t *count)
{{
    uint32_t (*call)(void *, void *, uint32_t, void ***, uint32_t *) = real("{function}");
    uint32_t code = call(session, handle, size, entries, count);
    if (code == 0 && *count > 0 && lies())
        spoil((*entries)[0], {offset});
    return code;
}}
"""

_GET: Final = """
uint32_t {function}(void *session, uint64_t id, void **found)
{{
    uint32_t (*call)(void *, uint64_t, void **) = real("{function}");
    uint32_t code = call(session, id, found);
    if (code == 0 && lies())
        spoil(*found, {offset});
    return code;
}}
"""

_SUBSCRIBE: Final = """
typedef void (*callback)(void *, const void *);
static callback receiver;

static void receive(void *context, const void *event)
{{
    char wild[{size}];
    memcpy(wild, event, sizeof wild);
    if (lies())
        spoil(wild, {offset});
    receiver(context, wild);
}}

uint32_t {function}(void *session, void *what, callback receives, void *context, void **handle)
{{
    uint32_t (*call)(void *, void *, callback, void *, void **) = real("{function}");
    receiver = receives;
    return call(session, what, receive, context, handle);
}}
"""

_CALL: Final = """
uint32_t {function}(void *session, void *counts)
{{
    uint32_t (*call)(void *, void *) = real("{function}");
    return lies() ? *(volatile uint32_t *)NOWHERE : call(session, counts);
}}
"""

_HANG: Final = """
uint32_t IPsecGetStatistics1(void *session, void *counts)
{
    while (lies())
        sleep(1);
    return ((uint32_t (*)(void *, void *))real("IPsecGetStatistics1"))(session, counts);
}
"""

_ENDLESS: Final = """
uint32_t IPsecSaContextEnum1(void *session, void *handle, uint32_t size, void ***e, uint32_t *n)
{
    uint32_t (*create)(void *, void *, void **) = real("IPsecSaContextCreateEnumHandle0");
    uint32_t (*call)(void *, void *, uint32_t, void ***, uint32_t *) = real("IPsecSaContextEnum1");
    uint32_t (*destroy)(void *, void *) = real("IPsecSaContextDestroyEnumHandle0");
    static uint64_t next_id = 1;
    void *again = handle;
    if (lies())
        create(session, 0, &again);
    uint32_t code = call(session, again, size, e, n);
    if (again != handle)
        destroy(session, again);
    for (uint32_t i = 0; code == 0 && again != handle && i < *n; i++)
        memcpy((*e)[i], &next_id, sizeof next_id), next_id++;
    return code;
}
"""


def _offset(struct: str, path: str) -> int:
    offset: int = ffi.offsetof(struct, *path.split("."))
    return offset


FATAL: Final[dict[str, str]] = {
    "ike-sas": _ENUM.format(
        function="IkeextSaEnum2",
        offset=_offset("IKEEXT_SA_DETAILS2", "ikeCredentials.credentials"),
    ),
    "sa-contexts": _GET.format(
        function="IPsecSaContextGetById1", offset=_offset("IPSEC_SA_CONTEXT1", "outboundSa")
    ),
    "net-events": _SUBSCRIBE.format(
        function="FwpmNetEventSubscribe4",
        size=ffi.sizeof("FWPM_NET_EVENT5"),
        offset=_offset("FWPM_NET_EVENT5", "ikeMmFailure"),
    ),
    "statistics": _CALL.format(function="IPsecGetStatistics1"),
}
"""The lie that ends a process that reads the resource: in an enumeration, in a point read, in a
callback, or within the library's own function."""

HANG: Final = _HANG
"""The counters are never returned."""

ENDLESS: Final = _ENDLESS
"""Enumerations of SA contexts never end, and each context is another."""


def build(folder: Path, lie: str) -> Path:
    """Build the library in a folder, and return its path; the lie ends with `folder / "healed"`."""
    compiler = shutil.which("cc")
    assert compiler is not None, "a C compiler is needed"
    source, library = folder / "engine.c", folder / "engine.so"
    source.write_text(_HEAD + lie, encoding="ascii")
    constants = {
        "SIMULATOR": f'"{SIMULATOR_PATH}"',
        "HEALED": f'"{folder / "healed"}"',
        "NOWHERE": str(NOWHERE),
    }
    defined = [f"-D{name}={value}" for name, value in constants.items()]
    linked = ["-Wl,--no-as-needed", str(SIMULATOR_PATH), f"-Wl,-rpath,{SIMULATOR_PATH.parent}"]
    subprocess.run(
        [compiler, "-shared", "-fPIC", *defined, "-o", library, source, *linked, "-ldl"],
        check=True,
        timeout=60,
    )
    return library
