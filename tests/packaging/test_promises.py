"""docs/promises.md links promises to tests that exist, and lists what is untested."""

from __future__ import annotations

import ast
import os
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest


ROOT = Path(__file__).parents[2]
DOCUMENTS = {
    "README.md": ROOT / "README.md",
    "SECURITY.md": ROOT / "SECURITY.md",
    "robustness.md": ROOT / "docs" / "robustness.md",
}
LINKED = re.compile(r"^(.*?) \(\[[\w-]+\.md\]\(([\w-]+\.md)\)\)$")


class Promise(NamedTuple):
    text: str
    document: Path
    tests: list[str]


def text_of(path: Path) -> str:
    """Return a document with line ends as spaces."""
    return " ".join(path.read_text(encoding="utf-8").split())


def promises() -> list[Promise]:
    found, document = [], None
    for line in PROVED.splitlines():
        if line.startswith("## "):
            document = DOCUMENTS.get(line.removeprefix("## "))
        elif row := re.fullmatch(r"\| (.+) \| (`tests/.+`) \|", line):
            text, tests = row[1], re.findall(r"`([^`]+)`", row[2])
            linked = LINKED.fullmatch(text)
            if document is None:
                assert linked, line
                found.append(Promise(linked[1], ROOT / "docs" / linked[2], tests))
            else:
                found.append(Promise(text, document, tests))
    return found


def untested() -> list[Promise]:
    """Return what no test proves."""
    rows = re.findall(r"^\| (.+) \(\[(.+)\]\(.+\)\) \| .+ \|$", UNPROVED, re.MULTILINE)
    return [Promise(text, DOCUMENTS[name], []) for text, name in rows]


PROVED, _, UNPROVED = (
    (ROOT / "docs" / "promises.md").read_text(encoding="utf-8").partition("## Without a test\n")
)
PROMISES = promises()
UNTESTED = untested()


def sentences(path: Path) -> list[str]:
    """Return the sentences of a document's paragraphs and lists."""
    text = re.sub(r"(?ms)^```.*?^```$", "", path.read_text(encoding="utf-8"))
    prose = [line for line in text.splitlines() if not line.startswith(("#", "|"))]
    found = []
    for paragraph in re.split(r"\n\s*\n|\n(?=- |\d+\. )", "\n".join(prose)):
        joined = re.sub(r"^(- |\d+\. )", "", " ".join(paragraph.split()))
        found += [each for each in re.split(r"(?<=[.:])\s+(?=[A-Z`*\d/\[])", joined) if each]
    return found


def clauses(cell: str) -> list[str]:
    """Return the statements of a table's cell."""
    return [clause.rstrip(";") for clause in re.split(r"(?<=[;.])\s+", cell)]


@cache
def names_in(path: Path) -> set[str]:
    """Return the names of a module's tests."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    functions = {
        node.name
        for node in module.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    }
    machines = re.findall(r"(?m)^(Test\w+) = \w+\.TestCase$", path.read_text(encoding="utf-8"))
    return functions | set(machines)


def rows_of(document: str, header: str) -> list[list[str]]:
    """Return the cells of each row of the table with a header."""
    lines = DOCUMENTS[document].read_text(encoding="utf-8").splitlines()
    start = lines.index(header) + 2
    end = next(at for at in range(start, len(lines)) if not lines[at].startswith("|"))
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[start:end]]


def test_there_are_promises_of_each_document() -> None:
    assert set(DOCUMENTS.values()) < {promise.document for promise in PROMISES}


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.text[:60])
def test_a_promise_stands_in_its_document_and_has_tests(promise: Promise) -> None:
    assert promise.text in text_of(promise.document)
    for test in promise.tests:
        file, _, name = test.partition("::")
        path = ROOT / file
        assert path.is_file(), test
        if name:
            assert name in names_in(path), test
        else:
            assert os.access(path, os.X_OK), f"{test} is neither a test nor a script"


@pytest.mark.parametrize(
    ("document", "header", "column"),
    [
        ("robustness.md", "| client | server |", 0),
        ("SECURITY.md", "| attacker | attack | defence | code and tests |", 2),
    ],
)
def test_every_row_is_a_promise(document: str, header: str, column: int) -> None:
    texts = [promise.text for promise in PROMISES if promise.document == DOCUMENTS[document]]
    rows = rows_of(document, header)

    assert len(rows) > 20
    for row in rows:
        assert any(text in row[column] for text in texts), row


def test_every_sentence_of_the_limits_is_proved_or_listed_as_untested() -> None:
    assert unknown("robustness.md", sentences(DOCUMENTS["robustness.md"])) == []


def test_every_defence_is_proved_or_listed_as_untested() -> None:
    rows = rows_of("SECURITY.md", "| attacker | attack | defence | code and tests |")

    assert unknown("SECURITY.md", [each for row in rows for each in clauses(row[2])]) == []


def unknown(name: str, statements: list[str]) -> list[str]:
    """Return the statements of a document of which no promise is a considerable part."""
    assert len(statements) > 20
    known = [each.text for each in (*PROMISES, *UNTESTED) if each.document == DOCUMENTS[name]]
    return [
        each
        for each in statements
        if not any(each in text or (text in each and len(text) > 20) for text in known)
    ]


@pytest.mark.parametrize("promise", UNTESTED, ids=lambda promise: promise.text[:60])
def test_what_is_untested_stands_in_its_document(promise: Promise) -> None:
    assert promise.text in text_of(promise.document)
