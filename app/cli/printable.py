"""Text for a terminal. Names come from the network: no control character reaches it as it is."""

from __future__ import annotations

import json
from typing import Any

import orjson


def printable(text: str) -> str:
    """The text on one line, with a replacement for whatever is not to be seen."""
    return "".join(
        character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text
    )


def printable_json(value: Any, *, is_indented: bool = False) -> str:
    """The value as JSON that ends its line, with an escape for whatever is not to be seen."""
    options = orjson.OPT_APPEND_NEWLINE | (orjson.OPT_INDENT_2 if is_indented else 0)
    text = orjson.dumps(value, option=options).decode()
    return "".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text)
