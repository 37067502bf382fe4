"""The test program of the Python client."""

from __future__ import annotations

import json
import os
import sys

from follow import pages
from sa_contexts_client import AuthenticatedClient
from sa_contexts_client.api.sa_contexts import get_sa_context, list_sa_contexts
from sa_contexts_client.models import (
    Problem,
    ProblemCode,
    SaContextPage,
    SnapshotExpiredProblem,
    View,
)


def main(url: str, old_cursor: str, newer_url: str) -> None:
    """Print what the client saw: a `Seen` of `sdk.walks.__main__`, as JSON."""
    key = os.environ["SA_CONTEXTS_TOKEN"]
    client = AuthenticatedClient(base_url=url, token=key)
    contexts = [context for page in pages(client, limit=100) for context in page.items]

    # The client does not send omitted parameters, so a cursor works without its `view`.
    basic = list_sa_contexts.sync(client=client, limit=1, view=View.BASIC)
    assert isinstance(basic, SaContextPage)
    assert isinstance(basic.next_cursor, str)
    following = list_sa_contexts.sync(client=client, cursor=basic.next_cursor)
    assert isinstance(following, SaContextPage)

    not_found = get_sa_context.sync(client=client, sa_context_id="1")
    assert isinstance(not_found, Problem)
    assert not_found.code is ProblemCode.SA_CONTEXT_NOT_FOUND

    gone = list_sa_contexts.sync(client=client, limit=100, cursor=old_cursor)
    assert isinstance(gone, SnapshotExpiredProblem)
    assert gone.code is ProblemCode.CURSOR_EXPIRED

    seen = {
        "ids": [context.sa_context_id for context in contexts],
        "mmSaIds": [c.outbound_sa.sa_bundle.mm_sa_id for c in contexts if c.outbound_sa],
        "notFound": {"code": not_found.code, "status": not_found.status},
        "gone": {"code": gone.code, "status": gone.status, "restartUrl": gone.restart_url},
        "newer": newer_words(AuthenticatedClient(base_url=newer_url, token=key)),
    }
    json.dump(seen, sys.stdout)


def newer_words(client: AuthenticatedClient) -> list[str]:
    """Return the unknown values of the newer server: an IP version and a problem's code."""
    page = next(pages(client))
    bundle = next(each.outbound_sa.sa_bundle for each in page.items if each.outbound_sa)
    problem = get_sa_context.sync(client=client, sa_context_id="1")
    assert isinstance(problem, Problem)
    return [bundle.ip_version, problem.code]


if __name__ == "__main__":
    main(*sys.argv[1:])
