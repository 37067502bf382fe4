"""Extract the commands and programs from docs/sdk.md, so that exactly those are run.

    python -m sdk.snippets FOLDER

writes a folder for each language, for example FOLDER/python with generate.sh, contexts.py
and changes.py.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Final


PAGE: Final = Path(__file__).parents[1] / "docs" / "sdk.md"
PROGRAMS: Final = {
    "python": ("contexts.py", "changes.py"),
    "typescript": ("contexts.ts", "changes.ts"),
    "java": ("Contexts.java", "Changes.java"),
}

_BLOCK: Final = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def write(folder: Path) -> None:
    """Write each language's command and programs.

    Raises:
        ValueError: the page lacks the command or the programs of a language.
    """
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    languages = {section.partition("\n")[0].lower(): section for section in sections}
    for language, programs in PROGRAMS.items():
        blocks = _BLOCK.findall(languages.get(language, ""))
        if [kind for kind, _ in blocks] != ["sh", language, language]:
            raise ValueError(f"{PAGE}: {language} should have a command and two programs")
        of_language = folder / language
        of_language.mkdir(parents=True, exist_ok=True)
        (of_language / "generate.sh").write_text(blocks[0][1], encoding="utf-8")
        for program, (_, text) in zip(programs, blocks[1:], strict=True):
            (of_language / program).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
