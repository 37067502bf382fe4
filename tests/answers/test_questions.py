"""docs/questions.md: the questions, each with a request and a command that give what it shows.

The times in the page are those of its writing, so they are compared as times only.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from rich.cells import cell_len
from sa_contexts_simulator import Simulator
from typer.testing import CliRunner

from app.cli.main import app
from tests.answers.example_host import example_host


PAGE = (Path(__file__).parents[2] / "docs" / "questions.md").read_text(encoding="utf-8")
QUESTIONS = (
    "Which SA contexts does a rule make?",
    "Why does 10.80.0.0 not connect?",
    "Which configured tunnel is down?",
    "Which peers are weak?",
    "Who moves most bytes?",
    "Which SAs does the user alice have?",
    "Which certificate expires this month?",
    "What ended in the last ten minutes, and why?",
)
SECTIONS = {
    section.partition("\n")[0]: section.partition("\n")[2]
    for section in PAGE.split("\n## ")
    if section.partition("\n")[0] in QUESTIONS
}
SHELL = re.compile(
    r"```\n\$ (?P<command>(?:sa-contexts|curl) .+?[^|\\]\n)(?P<output>.*?)```", re.DOTALL
)
TIME = re.compile(r"(\d{4}-\d\d-\d\dT)?\d\d:\d\d:\d\d(\.\d+)?Z?")
MAX_CELLS = 80


def shown(question: str, program: str) -> tuple[list[str], str]:
    """Return the words of a program's only command in a section, and the output below it."""
    (found,) = (
        match for match in SHELL.finditer(SECTIONS[question]) if match[1].startswith(program)
    )
    return shlex.split(found["command"].replace("\\\n", "")), found["output"]


def assert_shown(printed: str, output: str) -> None:
    """Assert that a page shows what a command printed, or its beginning and an ellipsis."""
    beginning, _, _ = output.partition("…\n")
    assert TIME.sub("TIME", printed).startswith(TIME.sub("TIME", beginning))
    assert output.endswith("…\n") or len(printed.splitlines()) == len(output.splitlines())


@pytest.fixture
def url(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for module in ("list", "peers", "tunnels", "ended", "certificates"):
        monkeypatch.setattr(f"app.cli.{module}.terminal_width", lambda: MAX_CELLS)
    with example_host(simulator) as url:
        yield url


def test_the_page_has_the_questions_at_80_columns() -> None:
    assert [*SECTIONS] == [*QUESTIONS]
    blocks = [block for section in SECTIONS.values() for block in section.split("```")[1::2]]
    assert max(cell_len(line) for block in blocks for line in block.splitlines()) <= MAX_CELLS


def test_each_command_prints_what_the_page_shows(url: str) -> None:
    for question in QUESTIONS:
        (_, *words), output = shown(question, "sa-contexts")
        result = CliRunner().invoke(app, [*words, "--url", url])

        assert result.exit_code == 0, result.output
        assert max(map(cell_len, result.stdout.splitlines())) <= MAX_CELLS
        assert_shown(result.stdout, output)


def test_each_request_returns_what_the_page_shows(url: str) -> None:
    for question in QUESTIONS:
        (_, option, target, pipe, *filter_), output = shown(question, "curl")
        assert (option, pipe, filter_[0]) == ("-s", "|", "jq")
        response = httpx2.get(target.replace("http://127.0.0.1:8080", url))

        assert response.status_code == 200
        words = TIME.sub("", output.partition("…")[0]).split()
        assert words
        assert all(word in response.text for word in words)
        if jq := shutil.which("jq"):
            printed = subprocess.run(  # a filter of this project's documentation
                [jq, *filter_[1:]], input=response.content, capture_output=True, check=True
            )
            assert_shown(printed.stdout.decode(), output)


def test_a_peer_is_shown_with_what_ended(url: str) -> None:
    result = CliRunner().invoke(app, ["peer", "198.51.100.20", "--url", url])

    *_, heading, row, last = result.stdout.splitlines()
    assert heading.split()[:3] == ["Ended", "Remote", "Reason"]
    assert row.split()[1:3] == ["198.51.100.20", "main_mode_gone"]
    assert last == "1 SA context ended"
    assert max(map(cell_len, result.stdout.splitlines())) <= MAX_CELLS
