"""Recorded responses as examples; `make openapi` writes them to examples.json."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any


def add_examples(operations: list[dict[str, Any]]) -> None:
    """Add the examples to the responses of the operations."""
    text = resources.files(__package__).joinpath("examples.json").read_text(encoding="utf-8")
    examples = json.loads(text)
    for operation in operations:
        for status, by_media_type in examples.get(operation["operationId"], {}).items():
            for media_type, named in by_media_type.items():
                content = operation["responses"].get(status, {}).get("content", {})
                if media_type in content:
                    content[media_type]["examples"] = named
