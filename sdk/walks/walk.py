"""The walk of the Python client."""

from __future__ import annotations

import json
import os
import sys

from changes import changes
from contexts import sa_contexts
from sa_contexts_client import AuthenticatedClient
from sa_contexts_client.api.sa_contexts import get_sa_context, list_sa_contexts
from sa_contexts_client.models import (
    AuthenticatingAndEncryptingTransform,
    EncryptingTransform,
    Problem,
    ProblemCode,
    SaContext,
    SaContextDeleted,
    SaContextPage,
    SnapshotExpiredProblem,
    View,
)


def main(url: str, old_cursor: str, newer: str, busy_url: str, place: str) -> None:
    """Print what the client saw."""
    key = os.environ["SA_CONTEXTS_TOKEN"]
    client = AuthenticatedClient(base_url=url, token=key)
    busy = AuthenticatedClient(base_url=busy_url, token=key)
    contexts = list(sa_contexts(client, limit=100))

    # Omitted parameters are not sent, so that a cursor works without its `view`.
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
        "newer": cipher_type(SaContext.from_dict(json.loads(newer))),
        "changes": [
            [
                kind,
                change.sa_context_id
                if isinstance(change, SaContextDeleted)
                else change.sa_context.sa_context_id,
            ]
            for kind, change in changes(busy, place)
        ],
    }
    json.dump(seen, sys.stdout)


def cipher_type(context: SaContext) -> str:
    """Return the cipher type of the first outbound SA."""
    assert context.outbound_sa
    transform = context.outbound_sa.sa_bundle.sa_list[0].transform
    assert isinstance(transform, EncryptingTransform | AuthenticatingAndEncryptingTransform)
    assert transform.cipher_transform
    return transform.cipher_transform.cipher_type


if __name__ == "__main__":
    main(*sys.argv[1:])
