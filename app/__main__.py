"""The command line, from where it is installed: `python -m app`, or by this file's path.

By its path it is run as a Windows service, by an interpreter that is isolated (`-I`) and does not
know of the virtual environment.
"""

from __future__ import annotations

import site
import sys
from pathlib import Path


def _main() -> None:
    packages = str(Path(__file__).parents[1])
    sys.path.insert(0, packages)  # before what else the interpreter may have
    site.addsitedir(packages)  # pywin32 is found by a .pth file
    from app.cli.main import main  # noqa: PLC0415  # found from here on

    main()


if __name__ == "__main__":
    _main()
