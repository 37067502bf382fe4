"""Where the standalone program begins."""

from app.cli import main


main()
