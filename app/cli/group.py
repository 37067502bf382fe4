"""Groups of commands whose help fits the terminal and whose errors are sentences of their own."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup


class Group(TyperGroup):
    """A group of commands."""

    def __init__(self, **attributes: Any) -> None:
        """Create a group; join the lines of each paragraph of its commands' help.

        Typer keeps the line ends of all paragraphs but the first, so that a narrow terminal would
        wrap each line by itself.
        """
        super().__init__(**attributes)
        for command in self.commands.values():
            paragraphs = (command.help or "").split("\n\n")
            command.help = "\n\n".join(" ".join(each.split("\n")) for each in paragraphs)

    def invoke(self, ctx: Any) -> Any:
        """Run a command; omit pydantic's prefix from what typer says about invalid values."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")
            raise
