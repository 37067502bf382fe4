"""Run the browser program of docs/events.md against a running server.

    python -m sdk.walks.browser COMMAND...

The command gets the program on its standard input. Once the program has received the whole list,
the command prints the ids of the contexts, as JSON.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from sdk.walks.server import ids, server


PAGE: Final = Path(__file__).parents[2] / "docs" / "events.md"

_PROGRAM: Final = re.compile(r"^```javascript\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def main(command: list[str]) -> None:
    """Run the program, and compare its output.

    Raises:
        AssertionError: the ids differ from the server's.
        CalledProcessError: the command failed.
    """
    (program,) = _PROGRAM.findall(PAGE.read_text(encoding="utf-8"))
    with server() as url:
        run = subprocess.run(
            command,
            input=program.replace("http://127.0.0.1:8080", url).encode(),
            stdout=subprocess.PIPE,
            check=True,
            timeout=120,
        )
    seen = json.loads(run.stdout)
    assert seen == ids()
    print(f"{len(seen)} contexts, as they are")


if __name__ == "__main__":
    main(sys.argv[1:])
