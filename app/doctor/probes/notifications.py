"""The probe of whether an SA context is complete when the engine reports it as added."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue

from app.doctor.checks.engine import error_facts
from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts, not_applicable, ok, unknown
from bindings.enums import SaContextEvent
from bindings.errors import EngineError, NotFound, NotSupported
from bindings.sa_contexts import SaContexts
from bindings.subscriptions import subscribe_to_sa_contexts


def added_announced(context: DoctorContext) -> CheckResult:
    """Find out whether an added SA context can be read at once, and has both SAs by then."""
    if not context.listen_seconds:
        return unknown(
            "The doctor did not listen for notifications.",
            "Run this with `--listen 60`, and negotiate an SA in the meantime.",
        )
    notifications: SimpleQueue[tuple[SaContextEvent | int, int]] = SimpleQueue()
    # One session receives the notifications, the other reads.
    with context.session() as listening, context.session() as reading:
        try:
            subscription = subscribe_to_sa_contexts(
                listening, lambda event, sa_context_id: notifications.put((event, sa_context_id))
            )
        except NotSupported as error:
            return not_applicable(
                "This version of Windows has no notifications: see `functions`.",
                facts=error_facts(error),
            )
        except EngineError as error:
            return unknown(
                f"The subscription to changes failed: {error}.", facts=error_facts(error)
            )
        with subscription:
            return _observe(notifications, SaContexts(reading), context.listen_seconds)


def _observe(
    notifications: SimpleQueue[tuple[SaContextEvent | int, int]],
    contexts: SaContexts,
    seconds: float,
) -> CheckResult:
    deleted = gone = complete = 0
    half_built: list[int] = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            event, sa_context_id = notifications.get(timeout=left)
        except Empty:
            break
        if event != SaContextEvent.ADD:
            deleted += 1
            continue
        match _is_complete(contexts, sa_context_id):
            case None:
                gone += 1
            case True:
                complete += 1
            case False:
                half_built.append(sa_context_id)
    later = sum(_is_complete(contexts, sa_context_id) is True for sa_context_id in half_built)
    added = gone + complete + len(half_built)
    facts: Facts = {
        "seconds": seconds,
        "added": added,
        "completeAtOnce": complete,
        "halfBuiltAtOnce": len(half_built),
        "completeLater": later,
        "notFoundAtOnce": gone,
        "deleted": deleted,
    }
    if not added:
        return unknown(
            f"No added SA context was reported within {seconds:g} s.",
            "Negotiate an SA in the meantime, for example with `ping`.",
            facts,
        )
    return ok(
        f"Of {added} added SA contexts, {complete} were complete at once, {len(half_built)} half "
        f"built ({later} of these complete later) and {gone} not found.",
        facts=facts,
    )


def _is_complete(contexts: SaContexts, sa_context_id: int) -> bool | None:
    """Return whether a context has both SAs; None if there is no context with this id."""
    try:
        context = contexts.get(sa_context_id)
    except NotFound:
        return None
    return context.inbound_sa is not None and context.outbound_sa is not None
