"""The entry point of the standalone program."""

from app.cli.main import main


main()
