"""Text that is safe for a terminal; names from the network may contain control characters."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from textwrap import indent
from typing import Any

import orjson
from rich.console import Console


def printable(text: str) -> str:
    """Return the text with each unprintable character, such as a newline, replaced by U+FFFD."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def printable_json(value: Any, *, is_indented: bool = False) -> str:
    """Return the value as JSON with a final newline, with unprintable characters escaped."""
    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if is_indented else 0)
    text = orjson.dumps(value, option=options).decode()
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)


def print_json(value: Any) -> None:
    """Print the value as indented JSON, always in UTF-8."""
    sys.stdout.buffer.write(printable_json(value, is_indented=True).encode())
    sys.stdout.buffer.flush()


def print_json_items(items: Iterable[Any]) -> None:
    """Print `{"items": […]}` as `print_json` does, each item as soon as it is available."""
    separator = ""
    sys.stdout.buffer.write(b'{\n  "items": [')
    for item in items:
        text = indent(printable_json(item, is_indented=True).rstrip("\n"), "    ")
        sys.stdout.buffer.write(f"{separator}\n{text}".encode())
        separator = ","
    sys.stdout.buffer.write(b"\n  ]\n}\n" if separator else b"]\n}\n")
    sys.stdout.buffer.flush()


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of printable text, in the terminal's encoding; in UTF-8 if redirected."""
    encoding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
    text = "".join(f"{line}\n" for line in lines)
    sys.stdout.buffer.write(text.encode(encoding, "replace"))
    sys.stdout.buffer.flush()


def terminal_width() -> int | None:
    """Return the width of the terminal in cells; None if output is redirected.

    The environment variable COLUMNS overrides the terminal's actual width.
    """
    return Console().width if sys.stdout.isatty() else None
