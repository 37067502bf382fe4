"""Build the standalone program for Windows: a folder, and a zip of it.

    python standalone/build.py FOLDER

Run it with a 64-bit CPython for Windows in which only the packages of
`standalone/requirements.lock` and the wheel of `sa-contexts` are installed: the program is built
from the installed packages, not from this checkout. `tests/windows/run --standalone FOLDER`
prepares such a CPython under Wine and runs the build. Builds with the same wheel, lock and CPython
are identical byte for byte.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Final

from PyInstaller.archive.readers import CArchiveReader, ZlibArchiveReader


HERE: Final = Path(__file__).resolve().parent
EPOCH: Final = 1_735_689_600
"""2025-01-01: the timestamp in built files, unless SOURCE_DATE_EPOCH gives another."""
ZIP_TIME: Final = (2025, 1, 1, 0, 0, 0)
ALWAYS_MODULES: Final = {
    "app.windows_service.host",
    "bindings._fwpuclnt",
    "win32evtlogutil",
    "win32timezone",
}
"""Required modules; if one is missing, PyInstaller only warns."""
NEVER_MODULES: Final = ("sa_contexts_simulator", "bindings.cdef", "tests", "pytest", "PyInstaller")
NEVER_FILES: Final = ("sa_simulator", "fwpuclnt", "bcryptprimitives", "ucrtbase", "api-ms-win")
"""The simulator's library, and libraries of Windows itself, which under Wine would be Wine's."""


def main(target: Path) -> None:
    """Build the folder `sa-contexts` and its zip in `target`.

    Raises:
        SystemExit: this is not a 64-bit CPython for Windows, or the build contains something
            forbidden or lacks a required module.
        subprocess.CalledProcessError: PyInstaller failed.
    """
    if os.name != "nt" or sys.maxsize < 1 << 32:
        raise SystemExit("standalone/build.py: needs a 64-bit CPython for Windows")
    target.mkdir(parents=True, exist_ok=True)
    folder = target / "sa-contexts"
    _freeze(target)
    _check(folder)
    for licence in (HERE.parent / "LICENSE", Path(sys.base_prefix) / "LICENSE.txt"):
        name = "LICENSE.txt" if licence.name == "LICENSE" else "LICENSE-CPython.txt"
        shutil.copyfile(licence, folder / name)
    archive = target / f"sa-contexts-{version('sa-contexts')}-windows-x86_64.zip"
    _pack(folder, archive)
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (target / f"{archive.name}.sha256").write_text(f"{digest}  {archive.name}\n", newline="\n")
    print(f"{archive.name}: {archive.stat().st_size:,} bytes, SHA-256 {digest}")


def _freeze(target: Path) -> None:
    epoch = os.environ.get("SOURCE_DATE_EPOCH", str(EPOCH))
    command = ["-m", "PyInstaller", "--noconfirm", "--clean", "--log-level", "WARN"]
    places = ["--distpath", str(target), "--workpath", str(target / "work")]
    subprocess.run(
        [sys.executable, *command, *places, str(HERE / "sa_contexts.spec")],
        check=True,
        env={**os.environ, "SOURCE_DATE_EPOCH": epoch, "PYTHONHASHSEED": "0"},
    )
    shutil.rmtree(target / "work")


def _check(folder: Path) -> None:
    """Check that the program has all required modules and contains nothing forbidden."""
    modules = _modules(folder / "sa-contexts.exe")
    strange = [
        name for name in modules for root in NEVER_MODULES if f"{name}.".startswith(f"{root}.")
    ]
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    strange += [path for path in files if path.rpartition("/")[2].lower().startswith(NEVER_FILES)]
    if strange:
        raise SystemExit(f"standalone/build.py: these must not be in it: {', '.join(strange)}")
    if missing := ALWAYS_MODULES - modules:
        raise SystemExit(f"standalone/build.py: these must be in it: {', '.join(sorted(missing))}")


def _modules(program: Path) -> set[str]:
    archive = CArchiveReader(str(program))
    inner: ZlibArchiveReader = archive.open_embedded_archive("PYZ.pyz")
    return set(inner.toc)


def _pack(folder: Path, archive: Path) -> None:
    """Zip the folder in order of names, with a fixed timestamp: equal folders give equal zips."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                name = path.relative_to(folder.parent).as_posix()
                packed.writestr(_entry(name), path.read_bytes())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, ZIP_TIME)
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


if __name__ == "__main__":
    if len(sys.argv) != 2:  # noqa: PLR2004  # the program and its one argument
        raise SystemExit("usage: python standalone/build.py FOLDER")
    main(Path(sys.argv[1]).resolve())
