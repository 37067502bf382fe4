"""Components of the document: parts that are defined once and referred to elsewhere."""

from __future__ import annotations

import json
import re
from typing import Any


def name_headers(operations: list[dict[str, Any]], components: dict[str, Any]) -> None:
    """Move the descriptions of headers into components and refer to them.

    Raises:
        ValueError: two responses describe the same header differently.
    """
    named: dict[str, Any] = components.setdefault("headers", {})
    for operation in operations:
        for response in operation["responses"].values():
            for name, header in response.get("headers", {}).items():
                if named.setdefault(name, header) != header:
                    raise ValueError(f"the header {name} is described in two ways")
                response["headers"][name] = {"$ref": f"#/components/headers/{name}"}
    if not named:
        del components["headers"]


def without_unused(document: dict[str, Any]) -> dict[str, Any]:
    """Return the schemas reachable from the paths, sorted by name."""
    schemas: dict[str, Any] = document["components"]["schemas"]
    used: set[str] = set()
    pending = _referred(document["paths"])
    while pending:
        used |= pending
        pending = _referred([schemas[name] for name in pending]) - used
    return {name: schema for name, schema in sorted(schemas.items()) if name in used}


def _referred(node: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(node)))
