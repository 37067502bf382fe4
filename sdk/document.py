"""Write the OpenAPI documents and their examples into the repository: `make openapi`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from app.api.openapi.downgrade import as_3_0
from sdk.examples import collect, simulated_app


ROOT: Final = Path(__file__).parents[1]
EXAMPLES: Final = ROOT / "app" / "api" / "openapi" / "examples.json"
DOCUMENT: Final = ROOT / "docs" / "openapi.json"
DOCUMENT_3_0: Final = ROOT / "docs" / "openapi-3.0.json"


def published() -> dict[str, Any]:
    """Return the document as a server publishes it."""
    return simulated_app(simulated_contexts=0).openapi()


def text_of(content: object) -> str:
    """Return JSON whose layout is easy to read, and whose changes are easy to review."""
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    EXAMPLES.write_text(text_of(collect()), encoding="utf-8")
    document = published()
    DOCUMENT.write_text(text_of(document), encoding="utf-8")
    DOCUMENT_3_0.write_text(text_of(as_3_0(document)), encoding="utf-8")
