"""Entry point of the command line: `python -m app`, or this file's path.

A Windows service runs it by path, with an isolated interpreter (`-I`) that does not know the
virtual environment.
"""

from __future__ import annotations

import site
import sys
from pathlib import Path


def _main() -> None:
    packages = str(Path(__file__).parents[1])
    sys.path.insert(0, packages)  # takes precedence over the interpreter's own packages
    site.addsitedir(packages)  # processes the .pth file of pywin32
    from app.cli.main import main  # noqa: PLC0415  # importable only now

    main()


if __name__ == "__main__":
    _main()
