"""The two servers that ours is compared with; `python -m benchmarks.comparisons` runs one.

Like `sa-contexts serve`, each runs on `app.server.uvicorn_server`, in a process of its own.
"""

from __future__ import annotations

import argparse
from threading import Lock
from typing import Any

from fastapi import FastAPI, Response

from app.resources.sa_contexts.schema import SaContextPage
from app.server import uvicorn_server as server
from benchmarks import naive
from benchmarks.fixture import populated
from benchmarks.sizes import PAGE_LIMIT
from bindings.session import Session


def static_app(size: int) -> FastAPI:
    """Return an application that answers each request for a list with one prepared body.

    The body has `size` bytes. FastAPI cannot answer faster.
    """
    app = FastAPI()
    body = b"[" + b" " * (size - 2) + b"]"

    @app.get("/sa-contexts")
    async def list_sa_contexts() -> Response:
        return Response(body, media_type="application/json")

    return app


def naive_app(contexts: int) -> FastAPI:
    """Return an application that enumerates for each request and answers through a response model.

    Like our server's, its session stays open; only one request at a time uses the session.
    """
    app = FastAPI()
    session, lock = Session(populated(contexts)), Lock()

    @app.get("/sa-contexts", response_model=SaContextPage)
    def list_sa_contexts(limit: int = PAGE_LIMIT) -> Any:
        with lock:
            items = next(naive.pages(session, limit))
        return naive.page_of(items, session.library.kind)

    return app


def main() -> None:
    """Serve one of the two until interrupted."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=("static", "naive"))
    parser.add_argument("number", type=int, help="bytes of a page, or contexts")
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    make = static_app if arguments.kind == "static" else naive_app
    app = make(arguments.number)
    listener = server.listen("127.0.0.1", arguments.port)
    server.run(server.create_server(app, lambda: None), listener)


if __name__ == "__main__":
    main()
