"""Entry point of the command line, run as `python -m app` or by the path of this file.

The Windows service runs it by path in an isolated interpreter (`-I`), whose module search path does
not include the virtual environment.
"""

from __future__ import annotations

import site
import sys
from pathlib import Path


def _main() -> None:
    packages = str(Path(__file__).parents[1])
    sys.path.insert(0, packages)  # before the interpreter's own packages
    site.addsitedir(packages)  # processes the .pth file of pywin32
    from app.cli.main import main  # noqa: PLC0415  # importable only now

    main()


if __name__ == "__main__":
    _main()
