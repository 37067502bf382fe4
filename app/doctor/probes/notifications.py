"""The question of when an SA context is announced: whether it can be read then, and is complete."""

from __future__ import annotations

import time
from queue import Empty, SimpleQueue

from app.doctor.checks.engine import refusal
from app.doctor.context import DoctorContext
from app.doctor.results import CheckResult, Facts
from app.schemas.doctor import Outcome
from bindings.enums import SaContextEvent
from bindings.errors import EngineError, NotFound, NotSupported
from bindings.sa_contexts import SaContexts
from bindings.subscriptions import subscribe_to_sa_contexts


def added_announced(subject: DoctorContext) -> CheckResult:
    """Whether an SA context can be read when it is announced, and has both its SAs."""
    if not subject.listen_seconds:
        return CheckResult(
            Outcome.UNKNOWN,
            "Nobody listened to what is announced.",
            "Run this with `--listen 60`, and have an SA negotiated meanwhile.",
        )
    announced: SimpleQueue[tuple[SaContextEvent | int, int]] = SimpleQueue()
    # One session listens, another reads.
    with subject.session() as listening, subject.session() as reading:
        try:
            subscription = subscribe_to_sa_contexts(
                listening, lambda event, sa_context_id: announced.put((event, sa_context_id))
            )
        except NotSupported as error:
            return CheckResult(
                Outcome.NOT_APPLICABLE,
                "This Windows does not announce changes: see `functions`.",
                facts=refusal(error),
            )
        except EngineError as error:
            return CheckResult(
                Outcome.UNKNOWN,
                f"Changes are not announced to this account: {error}.",
                facts=refusal(error),
            )
        with subscription:
            return _found(announced, SaContexts(reading), subject.listen_seconds)


def _found(
    announced: SimpleQueue[tuple[SaContextEvent | int, int]], contexts: SaContexts, seconds: float
) -> CheckResult:
    deleted = gone = complete = 0
    half_built: list[int] = []
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        try:
            event, sa_context_id = announced.get(timeout=left)
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
        return CheckResult(
            Outcome.UNKNOWN,
            f"No new SA context was announced within {seconds:g} s.",
            "Have an SA negotiated meanwhile, with `ping` for instance.",
            facts,
        )
    return CheckResult(
        Outcome.OK,
        f"Of {added} SA contexts that were announced, {complete} were complete at once, "
        f"{len(half_built)} half built ({later} of these complete later), {gone} not to be found.",
        facts=facts,
    )


def _is_complete(contexts: SaContexts, sa_context_id: int) -> bool | None:
    """Whether both SAs are there; None where there is no such context."""
    try:
        context = contexts.get(sa_context_id)
    except NotFound:
        return None
    return context.inbound_sa is not None and context.outbound_sa is not None
