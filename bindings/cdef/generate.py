"""Generate `bindings/_fwpuclnt.py` from the headers in this folder.

Run `python -m bindings.cdef.generate` after changing a header. The generated
module is committed, so installing and importing the package do not parse C.
A test checks that the committed module is up to date.
"""

from pathlib import Path

from cffi import FFI


HEADERS = (
    "base.h",
    "fwptypes.h",
    "engine.h",
    "engine_option.h",
    "filter.h",
    "provider_context.h",
    "sa_transform.h",
    "sa_bundle.h",
    "sa_context.h",
    "subscription.h",
    "ikeext.h",
    "net_event.h",
    "connection.h",
    "ike_sa.h",
    "statistics.h",
    "host.h",
    "host_state.h",
    "certificate.h",
)
"""The headers, each after the headers whose types it uses."""

FOLDER = Path(__file__).parent
GENERATED = FOLDER.parent / "_fwpuclnt.py"


def generate(target: Path = GENERATED) -> None:
    """Generate cffi's module for all headers (ABI mode, out of line) and write it to `target`."""
    builder = FFI()
    for header in HEADERS:
        builder.cdef((FOLDER / header).read_text(encoding="ascii"))
    builder.set_source("bindings._fwpuclnt", None)
    builder.emit_python_code(str(target))
    # Write LF line endings on every system.
    target.write_text(target.read_text(encoding="utf-8"), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    generate()
