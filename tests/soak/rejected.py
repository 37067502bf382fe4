"""Clients whose requests or credentials are rejected."""

from __future__ import annotations

import re

from app.repository.query.cursors import Cursor, CursorKey
from app.resources.sa_contexts.filters import SaContextSelection
from tests.soak.client import Client
from tests.soak.contract import NDJSON, operations
from tests.soak.walks import LIST


FOREIGN = CursorKey().write(Cursor("0123456789ab", 1, 1, SaContextSelection()))
"""A cursor of another server."""
FORGED = "1.00000000.eyJ9.AAAAAAAAAAAAAAAAAAAAAA"

REFUSED: tuple[tuple[str, str, dict[str, str], int, str], ...] = (
    *(
        ("GET", f"{LIST}?{query}", {}, 422, "invalid_parameters")
        for query in (
            "limit=0", "limit=-1", "limit=x", "limit=", "limit=1&limit=2", "maxAge=-1",
            "maxAge=nan", "view=all", "colour=blue", "cipher=rc4", "localSubnet=10.0.0.1/8",
            "remoteSubnet=nowhere", "localAddress=10.0.0", "spi=0x123456789", "mmSaId=-1",
            "ipVersion=v5", "qmFilterId=99999999999999999999", f"cursor={FORGED}&maxAge=0",
            "&".join(["weakness=des"] * 17),
        )
    ),
    ("GET", f"{LIST}?limit=5", {"accept": NDJSON}, 422, "invalid_parameters"),
    ("GET", f"{LIST}?cursor=x", {"accept": NDJSON}, 422, "invalid_parameters"),
    ("GET", f"{LIST}?cursor=x", {}, 400, "cursor_invalid"),
    ("GET", f"{LIST}?cursor={FORGED}", {}, 400, "cursor_invalid"),
    ("GET", f"{LIST}?cursor={FOREIGN}", {}, 410, "cursor_expired"),
    ("GET", f"{LIST}?cursor={FOREIGN}&ipVersion=v4", {}, 400, "cursor_mismatch"),
    ("GET", f"{LIST}?cursor={FOREIGN}&view=basic", {}, 400, "cursor_mismatch"),
    ("GET", LIST, {"accept": "text/html"}, 406, "not_acceptable"),
    ("GET", f"{LIST}/summary", {"accept": NDJSON}, 406, "not_acceptable"),
    ("GET", f"{LIST}/summary?peers=1001", {}, 422, "invalid_parameters"),
    ("GET", f"{LIST}/events", {"accept": "application/json"}, 406, "not_acceptable"),
    *(
        ("GET", f"{LIST}/events?{query}", {}, 422, "invalid_parameters")
        for query in ("since=x", "since=e-1&since=e-2", "initial=perhaps", "limit=5", "maxAge=1")
    ),
    ("POST", f"{LIST}/events", {}, 405, "method_not_allowed"),
    ("GET", f"{LIST}/1", {"accept": "text/html"}, 406, "not_acceptable"),
    ("GET", f"{LIST}/x", {}, 422, "invalid_parameters"),
    ("GET", f"{LIST}/99999999999999999999", {}, 422, "invalid_parameters"),
    ("GET", "/engine", {"accept": "text/html"}, 406, "not_acceptable"),
    ("GET", "/metrics", {"accept": "application/json"}, 406, "not_acceptable"),
    ("GET", "/problems/no_such_problem", {}, 404, "not_found"),
    ("GET", "/nothing", {}, 404, "not_found"),
    ("GET", f"{LIST}/1/2", {}, 404, "not_found"),
    ("HEAD", "/nothing", {}, 404, ""),
    ("POST", LIST, {}, 405, "method_not_allowed"),
    ("DELETE", f"{LIST}/1", {}, 405, "method_not_allowed"),
)  # fmt: skip
"""Method, target, headers; expected status and code, whatever the engine does."""


async def err(client: Client) -> None:
    """Send a request that is rejected."""
    method, target, headers, status, code = client.random.choice(REFUSED)
    answer = await client.ask(target, method, headers)
    code_given = answer.content["code"] if answer.content else ""
    if (answer.status, code_given) != (status, code):
        raise answer.violation(f"{status} {code} is due")


async def intrude(client: Client) -> None:
    """Send a request without a credential, or with one that does not authorize it."""
    random, credentials = client.random, client.scene.credentials
    assert credentials is not None
    operation = random.choice([each for each in operations() if each.scope is not None])
    others = [key for scope, key in credentials.keys.items() if scope != operation.scope]
    changed = random.choice(others)[:-1] + "_"
    status, code, shown = random.choice(
        [
            (401, "unauthenticated", ""),
            (401, "unauthenticated", "Basic cm9vdDpyb290"),
            (401, "unauthenticated", f"Bearer {changed}"),
            (401, "unauthenticated", f"Bearer {credentials.revoked}"),
            (403, "insufficient_scope", f"Bearer {random.choice(others)}"),
        ]
    )
    target = re.sub(r"{\w+}", "1", operation.path)
    answer = await client.ask(target, operation.method, {"authorization": shown})
    if answer.status == 429 and status == 401:  # rate limited
        return
    if (answer.status, answer.content["code"]) != (status, code):
        raise answer.violation(f"{status} {code} is due")


async def forge(client: Client) -> None:
    """Send a known cursor with one character changed."""
    random, cursors = client.random, client.scene.seen[LIST].cursors
    if not cursors:
        return
    genuine = random.choice(cursors)
    at = random.randrange(len(genuine))
    forged = genuine[:at] + random.choice("0123456789abcdefABCDEF-_.") + genuine[at + 1 :]
    if forged == genuine:
        return
    answer = await client.ask(f"{LIST}?cursor={forged}")
    if answer.status not in (400, 410):  # a changed key name means another server's cursor
        raise answer.violation(f"the cursor is not genuine; {genuine} was")
