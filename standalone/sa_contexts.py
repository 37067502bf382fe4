"""Where the standalone program begins."""

from app.cli.main import main


main()
