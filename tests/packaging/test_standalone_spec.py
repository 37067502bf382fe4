"""The standalone program has the modules that PyInstaller cannot see asked for."""

from __future__ import annotations

import re
from pathlib import Path


ROOT = Path(__file__).parents[2]
BY_NAME = re.compile(r"""(?:import_module|find_spec)\(\s*["']([\w.]+)["']""")
SIMULATOR = "sa_contexts_simulator"


def test_what_is_imported_by_name_is_listed_for_pyinstaller() -> None:
    sources = [path for name in ("app", "bindings") for path in (ROOT / name).rglob("*.py")]
    named = {
        module
        for source in sources
        if ROOT / "bindings/simulator" not in source.parents
        for module in BY_NAME.findall(source.read_text(encoding="utf-8"))
    }
    spec = (ROOT / "standalone/sa_contexts.spec").read_text(encoding="utf-8")
    hidden, excluded = _listed(spec, "hidden = ["), _listed(spec, "excludes=[")

    assert SIMULATOR in named
    assert SIMULATOR in excluded
    assert named - {SIMULATOR} <= hidden


def _listed(spec: str, start: str) -> set[str]:
    listed = re.split(r"\n *\],?\n", spec.partition(start)[2])[0]
    return set(re.findall(r'"([\w.]+)"', listed))
