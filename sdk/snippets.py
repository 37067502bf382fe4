"""Extract the commands and programs from docs/sdk.md, so that tests run exactly these.

    python -m sdk.snippets FOLDER

writes a folder for each client, for example FOLDER/python with generate.sh and follow.py.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final, NamedTuple


PAGE: Final = Path(__file__).parents[1] / "docs" / "sdk.md"

_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Client(NamedTuple):
    """A section of the page.

    Attributes:
        title: its title.
        language: the language of the program's block.
        program: the file name of the program; None if the section has no program.
    """

    title: str
    language: str
    program: str | None


CLIENTS: Final = {
    "python": Client("Python", "python", "follow.py"),
    "typescript": Client("TypeScript", "typescript", "follow.ts"),
    "java": Client("Java", "java", "Follow.java"),
    "nswag": Client("C# with NSwag", "csharp", "Follow.cs"),
    "go": Client("Go", "go", "main.go"),
    "csharp": Client("C# with openapi-generator", "csharp", None),
    "powershell": Client("PowerShell", "powershell", None),
}
"""The clients by the names of their folders."""


def write(folder: Path) -> None:
    """Write the commands and the program of each client: install.sh, generate.sh, the program.

    Raises:
        ValueError: the page lacks the commands or the program of a client.
    """
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    by_title = {section.partition("\n")[0]: section for section in sections}
    for name, client in CLIENTS.items():
        blocks = _BLOCK.findall(by_title.get(client.title, ""))
        files = ["install.sh", "generate.sh"]
        kinds = ["sh", "sh"]
        if client.program:
            files.append(client.program)
            kinds.append(client.language)
        if [kind for kind, _ in blocks] != kinds:
            raise ValueError(f"{PAGE}: {client.title} should have the blocks {', '.join(kinds)}")
        of_client = folder / name
        of_client.mkdir(parents=True, exist_ok=True)
        for file, (_, text) in zip(files, blocks, strict=True):
            (of_client / file).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
