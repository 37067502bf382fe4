"""Every pattern of the source takes time proportional to the text that it searches.

Requests, tokens and engines choose the text, and the event loop waits while it is searched.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from re import _parser as parser  # has no public name
from time import process_time
from typing import Any, NamedTuple

import pytest


SIZES = (8 << 10, 64 << 10)
"""Bytes; the head of a request has 16 KiB unless configured otherwise."""
MAX_SECONDS = 0.2
"""Of the processor, for one search; linear ones take some milliseconds, others minutes."""
UNTRUSTED_FREE = frozenset({"app.api.openapi.components", "app.settings.model"})
"""Modules whose patterns see the source alone, or what the operator configured."""

LIST_PATTERNS = """
import json, pkgutil, re, sys

found, compile_ = [], re.compile

def record(pattern, flags=0):
    module = sys._getframe(1).f_globals["__name__"]
    if module.partition(".")[0] in ("app", "bindings") and isinstance(pattern, (str, bytes)):
        is_bytes = isinstance(pattern, bytes)
        found.append((module, pattern.decode() if is_bytes else pattern, int(flags), is_bytes))
    return compile_(pattern, flags)

re.compile = record
import app, bindings
for package in (app, bindings):
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if "simulator" not in module.name and "__main__" not in module.name:
            try:
                __import__(module.name)
            except ImportError as error:
                if "windows" not in module.name and "win32" not in str(error.name):
                    raise  # only pywin32 may be missing
print(json.dumps(found))
"""


class Found(NamedTuple):
    """A pattern, and the module that compiles it."""

    module: str
    pattern: str
    flags: int
    is_bytes: bool

    def compiled(self) -> re.Pattern[Any]:
        return re.compile(self.pattern.encode() if self.is_bytes else self.pattern, self.flags)


def found_patterns() -> list[Found]:
    listed = subprocess.run(
        [sys.executable, "-c", LIST_PATTERNS], check=True, capture_output=True, text=True
    )
    return [Found(*each) for each in json.loads(listed.stdout)]


def pieces_of(pattern: str | bytes) -> list[str]:
    """Texts that lead deep into a pattern: its words, and a member of each of its sets."""
    text = pattern.decode() if isinstance(pattern, bytes) else pattern
    words = re.findall(r"[A-Za-z_]{2,}", text)
    return sorted({"\x00", "a", *words, *_members(parser.parse(pattern))}, key=len)[-8:]


def _members(node: Any) -> Iterator[str]:
    """Every literal character of a parsed pattern, and the first of every range."""
    match node:
        case (operator, int() as code) if str(operator) == "LITERAL":
            yield chr(code)
        case (operator, (int() as first, int())) if str(operator) == "RANGE":
            yield chr(first)
        case tuple() | list() | parser.SubPattern():
            for inner in node:
                yield from _members(inner)


def hostile_texts(pattern: str | bytes, size: int) -> Iterator[str]:
    """Texts that keep a backtracking search busy, and at last do not match."""
    pieces = pieces_of(pattern)
    for piece in pieces:
        yield piece * (size // len(piece)) + "\x00"
    for one, other in permutations(pieces, 2):
        yield one + other * (size // len(other)) + "\x00"
        yield (one + other) * (size // len(one + other)) + "\x00"


def slowest(pattern: re.Pattern[Any], size: int, max_seconds: float) -> float:
    """Return the longest that a search took, or the first that took too long."""
    longest = 0.0
    for text in hostile_texts(pattern.pattern, size):
        given = text.encode("latin-1", "replace") if isinstance(pattern.pattern, bytes) else text
        for search in (pattern.fullmatch, lambda one: sum(1 for _ in pattern.finditer(one))):
            began = process_time()
            search(given)
            longest = max(longest, process_time() - began)
            if longest > max_seconds:
                return longest
    return longest


def test_every_pattern_is_linear() -> None:
    patterns = [each for each in found_patterns() if each.module not in UNTRUSTED_FREE]

    assert {each.module for each in patterns} >= {
        "app.auth.credentials",
        "app.api.parameters",
        "app.repository.query.cursors",
        "app.telemetry.logging.redaction",
    }
    for size in SIZES:
        for each in patterns:
            seconds = slowest(each.compiled(), size, MAX_SECONDS)
            assert seconds <= MAX_SECONDS, (each.module, each.pattern, size)


@pytest.mark.parametrize("pattern", [r"eyJ[\w-]{5,}(?:\.[\w-]*)+", r"[ \t]*,[ \t]*"])
def test_a_pattern_that_is_not_linear_is_found(pattern: str) -> None:
    assert slowest(re.compile(pattern), 8 << 10, 0.02) > 0.02
