"""Parse a generated PowerShell module: `python sdk/parse_powershell.py FOLDER`.

PowerShell is not available where this runs, so a grammar finds syntax errors instead. In addition,
no function may reject fields that a later server adds, and every operation of the document must
have a function.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser


PARSER: Final = Parser(Language(tree_sitter_powershell.language()))


def main(folder: Path) -> None:
    """Check the module; print the number of its files and functions.

    Raises:
        AssertionError: a file fails one of these checks.
    """
    files = sorted(
        each for each in (folder / "src").rglob("*") if each.suffix in {".ps1", ".psm1", ".psd1"}
    )
    functions: set[str] = set()
    for file in files:
        text = file.read_bytes()
        assert b"not found in the properties" not in text, f"{file} rejects unknown fields"
        root = PARSER.parse(text).root_node
        errors = [f"{file}:{each.start_point.row + 1}" for each in _errors(root)]
        assert not errors, errors
        functions |= set(_functions(root))
    document = json.loads((folder / "openapi-3.0.json").read_text(encoding="utf-8"))
    for operation in (each for path in document["paths"].values() for each in path.values()):
        noun = re.sub("^[a-z]+", "", operation["operationId"]).lower()
        assert any(each.lower().endswith(noun) for each in functions), operation["operationId"]
    print(f"{len(files)} files, {len(functions)} functions")


def _errors(node: Node) -> Iterator[Node]:
    if node.is_error or node.is_missing:
        yield node
    elif node.has_error:
        for child in node.children:
            yield from _errors(child)


def _functions(node: Node) -> Iterator[str]:
    for child in node.children:
        if child.type == "function_statement":
            for part in child.children:
                if part.type == "function_name" and part.text:
                    yield part.text.decode()
        else:
            yield from _functions(child)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
