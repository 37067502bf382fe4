"""Threads, churn, failures and restarts at once, watched by the sanitizers."""

from pathlib import Path

from . import SIMULATOR
from .build import SANITIZED, build, run


def test_sanitizers_find_nothing(tmp_path: Path) -> None:
    library = build(SANITIZED, tmp_path)
    program = tmp_path / "stress"
    run(
        "gcc",
        "-std=c11",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        f"-I{SIMULATOR / 'include'}",
        f"-I{SIMULATOR / 'library'}",
        f"-I{SIMULATOR.parent}",
        str(Path(__file__).with_name("stress.c")),
        str(library),
        "-pthread",
        f"-Wl,-rpath,{library.parent}",
        "-o",
        str(program),
    )

    report = run(str(program))

    assert "calls" in report
