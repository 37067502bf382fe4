"""Examples of what a server answered, kept in examples.json and written by `make openapi`."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def add_examples(operations: list[dict[str, Any]]) -> None:
    """Add the examples to the responses that they are of."""
    text = resources.files(__package__).joinpath("examples.json").read_text(encoding="utf-8")
    examples = json.loads(text)
    for operation in operations:
        for status, of_status in examples.get(operation["operationId"], {}).items():
            for media_type, named in of_status.items():
                content = operation["responses"].get(status, {}).get("content", {})
                if media_type in content:
                    content[media_type]["examples"] = named
