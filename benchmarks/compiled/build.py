"""Build the experiment's library: `python -m benchmarks.compiled.build [--windows] FOLDER`."""

from __future__ import annotations

import argparse
import os
import subprocess
from pathlib import Path

from benchmarks.compiled.names import header


FOLDER = Path(__file__).parent
LIBRARY = FOLDER / "library"
BINDINGS = FOLDER.parent.parent / "bindings"
INCLUDED = (LIBRARY, BINDINGS, BINDINGS / "simulator" / "library")
"""Folders of the headers; the last has `wfp.h`, which includes the headers in `bindings/cdef`."""

OPTIONS = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-O2", "-shared")
FOR_THIS_HOST = ("cc", "-fPIC", "-fvisibility=hidden")
FOR_WINDOWS = ("x86_64-w64-mingw32-gcc", "-static")


def build(folder: Path, *, for_windows: bool = False) -> Path:
    """Build the library in `folder`; return its path.

    Raises:
        subprocess.CalledProcessError: the compiler failed; its messages are on standard error.
        FileNotFoundError: there is no compiler.
    """
    (folder / "names.h").write_text(header(), encoding="ascii")
    library = folder / f"encode_sa_contexts.{'dll' if for_windows else 'so'}"
    command = [*(FOR_WINDOWS if for_windows else FOR_THIS_HOST), *OPTIONS]
    if os.environ.get("CI"):  # only in CI: other compilers may warn of more
        command.append("-Werror")
    command += [f"-I{path}" for path in (*INCLUDED, folder)]
    command += [str(source) for source in sorted(LIBRARY.glob("*.c"))]
    subprocess.run([*command, "-o", str(library)], check=True)
    return library


def main() -> None:
    """Build the library in the given folder, and print its path."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compiled.build")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--windows", action="store_true", help="with mingw-w64, for Windows")
    arguments = parser.parse_args()
    print(build(arguments.folder, for_windows=arguments.windows))


if __name__ == "__main__":
    main()
