"""The problems that only a hub returns."""

from __future__ import annotations

from functools import partial
from typing import Final

from app.api import problems
from app.api.problems import ProblemKind


KINDS: Final[dict[str, ProblemKind]] = {}
"""The problems of a hub, besides those that every server has."""

declare: Final = partial(problems.declare, kinds=KINDS)
"""Declares a problem of a hub."""

TOKEN_REJECTED: Final = declare(
    "enrolment_token_rejected",
    403,
    "The enrolment token is not accepted",
    "The token is unknown, has expired, or has enrolled as many hosts as it may. Create another "
    "one with `sa-contexts hub tokens add`.",
)
UNKNOWN_HOST_ID: Final = declare(
    "host_not_enrolled",
    403,
    "The host is not enrolled",
    "The hub has no host with this id, for example because it was removed or because the hub's "
    "database is a new one. Give the host a valid enrolment token: it enrols again by itself.",
)
SIGNATURE_REJECTED: Final = declare(
    "signature_rejected",
    403,
    "The signature is not accepted",
    "The request for a session is not signed with the host's key, or its nonce is not one of this "
    "hub's, too old, or used. The agent asks for another one by itself.",
)
SESSION_SUPERSEDED: Final = declare(
    "session_superseded",
    410,
    "The session has ended",
    "The host has opened another session since. If two machines have the same key, as clones do, "
    "each ends the other's session.",
)
POSITION_DIFFERS: Final = declare(
    "position_differs",
    409,
    "The hub has another position",
    "The report does not follow what the hub has; `position` says what that is. The agent goes on "
    "from there by itself.",
)
UNREADABLE_REPORT: Final = declare(
    "report_unreadable",
    422,
    "The report cannot be read",
    "The content is not what an agent sends: `detail` says why. Nothing of it was stored.",
)
HUB_BUSY: Final = declare(
    "hub_busy",
    503,
    "The hub's database cannot be written",
    "The disk may be full, or the database in use by another program; the hub's log has the "
    "reason. Nothing was stored. Agents keep what they have to report, and try again.",
)
