"""A failure of work beside requests ends neither the work nor the server."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from app.answers import background
from app.answers.background import FAILURES, run_on
from app.answers.ended.recorder import EndedContexts
from app.repository.limits import StoreLimits
from app.settings.limits import EndedLimits
from bindings.errors import EngineGone


pytestmark = pytest.mark.anyio


def logged(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The events of the log."""
    return [record.msg["event"] for record in caplog.records if isinstance(record.msg, dict)]


async def run_until_the_end_of(errors: Iterable[Exception]) -> None:
    """Run work that raises these errors, one at each beginning, and then ends the test."""
    left = iter(errors)

    async def work() -> None:
        error = next(left, None)
        if error is not None:
            raise error
        tasks.cancel_scope.cancel()
        await anyio.sleep_forever()

    work.__module__ = "app.answers.example.part"
    with anyio.fail_after(10):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run_on, work)


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "RETRY_SECONDS", 0)


async def test_work_that_fails_begins_again(caplog: pytest.LogCaptureFixture) -> None:
    counter = FAILURES.labels("example")
    before = counter._value.get()  # noqa: SLF001  # no other reader

    await run_until_the_end_of([RuntimeError("one"), RuntimeError("other")])

    assert logged(caplog) == ["background_work_failed"] * 2
    assert counter._value.get() - before == 2  # noqa: SLF001


async def test_a_lasting_failure_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    await run_until_the_end_of([RuntimeError("same")] * 5)

    assert logged(caplog) == ["background_work_failed"]


async def test_a_failure_that_returns_is_logged_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "LASTING_SECONDS", -1)

    await run_until_the_end_of([RuntimeError("same")] * 3)

    assert logged(caplog) == ["background_work_failed"] * 3


class FailingStore:
    """A store of connections that raises these errors; nothing but what is used."""

    def __init__(self, *errors: Exception) -> None:
        self.limits, self.clock = StoreLimits(refresh_interval_seconds=0), lambda: 0.0
        self.left = iter(errors)
        self.exhausted = anyio.Event()

    async def snapshot_at_most(self, _max_age: float) -> Any:
        error = next(self.left, None)
        if error is None:
            self.exhausted.set()
            await anyio.sleep_forever()
            raise AssertionError
        raise error


@pytest.mark.parametrize(
    ("error", "events"),
    [
        (EngineGone(1722, "FwpmConnectionEnum0"), []),  # the store has logged it
        (ValueError("no such member"), ["background_work_failed"]),
    ],
)
async def test_what_fails_in_the_sampling_of_connections_is_logged(
    caplog: pytest.LogCaptureFixture, error: Exception, events: list[str]
) -> None:
    store: Any = FailingStore(error, error)
    contexts: Any = SimpleNamespace(limits=store.limits, clock=store.clock)
    ended = EndedContexts(SimpleNamespace(), contexts, store, EndedLimits())  # type: ignore[arg-type]

    with anyio.fail_after(10):
        async with ended.running():
            await store.exhausted.wait()

    assert logged(caplog) == events
