"""The reference of the command line agrees with `--help`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from app.cli.main import app


PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SECTIONS = {
    section[1]: section[2]
    for section in re.finditer(r"^## `([^`]+)`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def commands(command: Any, path: str = "sa-contexts") -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, part in getattr(command, "commands", {}).items():
        if not part.hidden:
            yield from commands(part, f"{path} {name}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def rows_of(section: str) -> dict[str, str]:
    _, _, table = section.partition("| option | meaning |\n|---|---|\n")
    return dict(re.findall(r"^\| `([\w-]+)` \| (.+) \|$", table, re.MULTILINE))


def parameters(command: Any) -> dict[str, str | None]:
    return {
        name: parameter.help
        for parameter in command.params
        if not getattr(parameter, "hidden", False)
        for name in (
            [parameter.metavar or parameter.name.upper()]
            if parameter.param_type_name == "argument"
            else [*parameter.opts, *parameter.secondary_opts]
        )
    }


def test_every_command_has_a_section() -> None:
    assert len(COMMANDS) > 10
    assert sorted(SECTIONS) == sorted(COMMANDS)


@pytest.mark.parametrize("path", COMMANDS)
def test_options_and_their_meanings_are_those_of_the_command(path: str) -> None:
    rows = rows_of(SECTIONS[path])
    expected = parameters(COMMANDS[path])

    assert list(rows) == list(expected)
    for name, text in expected.items():
        assert text in {rows[name], None}, name


@pytest.mark.parametrize("path", COMMANDS)
def test_help_shows_each_option(path: str) -> None:
    arguments = [*path.split()[1:], "--help"]

    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "NO_COLOR": "1"})

    assert done.exit_code == 0
    shown = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", done.output))
    documented = {name for name in rows_of(SECTIONS[path]) if name.startswith("--")}
    assert shown == {*documented, "--help"}


@pytest.mark.parametrize("path", [path for path in COMMANDS if path != "sa-contexts"])
def test_sections_begin_with_the_summary_of_the_command(path: str) -> None:
    summary, _, _ = COMMANDS[path].help.partition("\n\n")

    assert " ".join(SECTIONS[path].split()).startswith(" ".join(summary.split()))


def test_text_names_no_option_that_does_not_exist() -> None:
    named = set(re.findall(r"`(--[a-z-]+)", PAGE))
    existing = {name for command in COMMANDS.values() for name in parameters(command)}

    assert named <= {*existing, "--help"}
