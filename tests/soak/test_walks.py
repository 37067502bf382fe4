"""A walk and an export notice each possible fault in what they receive."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.soak.answers import OF_A_PROBLEM, SNAPSHOT, answer, context, page, problem
from tests.soak.contract import Answer, Violation
from tests.soak.exports import Export
from tests.soak.filters import SA_CONTEXTS, Filters
from tests.soak.walks import Walk


FIRST = "/sa-contexts?limit=2"
SECOND = "/sa-contexts?cursor=a&limit=2"


def begun(filters: Filters | None = None, view: str = "full") -> Walk:
    """Return a walk after its first page."""
    walk = Walk(SA_CONTEXTS, filters or {}, view)
    assert walk.take(page(FIRST, [3, 4], "a")) == SECOND
    return walk


def gone(answered: float = 61, restart: str = "?limit=2", **members: Any) -> Answer:
    content = problem(SECOND, "cursor_expired", 410, restartUrl=restart, **members)
    return answer(SECOND, 410, content, OF_A_PROBLEM, answered=answered)


def test_a_good_walk_ends() -> None:
    walk = begun()

    assert walk.take(page(SECOND, [5])) is None
    assert (walk.count, walk.last) == (3, 5)


@pytest.mark.parametrize(
    "second",
    [
        page(SECOND, [4, 5]),
        page(SECOND, [6, 5]),
        page(SECOND, [5, 6, 7]),
        page(SECOND, []),
        page(SECOND, [5], "b"),
        page(SECOND, [5], snapshot={**SNAPSHOT, "revision": 3}),
        page(SECOND, [5, 6], nextCursor="b"),
        page(SECOND, [5, 6], "b", nextCursor="c"),
    ],
    ids=["twice", "order", "more", "empty", "not full", "snapshot", "no link", "other link"],
)
def test_a_page_that_is_not_the_next_is_seen(second: Answer) -> None:
    with pytest.raises(Violation):
        begun().take(second)


def test_what_was_not_asked_for_is_seen() -> None:
    with pytest.raises(Violation, match="does not match"):
        begun({"ipVersion": ["v6"]})
    with pytest.raises(Violation, match="basic"):
        begun(view="basic")


def test_a_snapshot_may_be_released_after_its_time() -> None:
    restart, resume = begun().ways_on(gone(resumeUrl="?cursor=r&limit=2"))

    assert (restart, resume) == (FIRST, "/sa-contexts?cursor=r&limit=2")
    walk = Walk(SA_CONTEXTS, {}, "full")
    walk.take(page(FIRST, [3, 4], "a", expires_seconds=0))
    assert walk.ways_on(gone(answered=1)) == (FIRST, None)


@pytest.mark.parametrize(
    "answer",
    [gone(answered=59), gone(restart="?limit=2&ipVersion=v4"), gone(restart="?view=basic")],
)
def test_a_snapshot_that_is_released_early_is_seen(answer: Answer) -> None:
    with pytest.raises(Violation):
        begun().ways_on(answer)


def test_a_resumed_walk_goes_on_in_a_newer_snapshot_of_its_epoch() -> None:
    newer, older = {**SNAPSHOT, "revision": 5}, {**SNAPSHOT, "revision": 1}
    for snapshot, numbers in ((older, [5]), ({**newer, "epoch": "another"}, [5]), (newer, [4])):
        walk = begun()
        walk.resume()
        with pytest.raises(Violation):
            walk.take(page(SECOND, numbers, snapshot=snapshot))
    walk = begun()
    walk.resume()
    assert walk.take(page(SECOND, [], snapshot=newer)) is None


def lines(*numbers: int, count: int | None = None) -> list[dict[str, Any]]:
    end = {"end": True, "count": len(numbers) if count is None else count, "snapshot": SNAPSHOT}
    return [*(context(number) for number in numbers), end]


def exported(content: list[dict[str, Any]], filters: Filters, view: str = "full") -> Export:
    export = Export(SA_CONTEXTS, page(FIRST, []), filters, view)
    for line in content:
        export.take(orjson.dumps(line))
    return export


def test_a_good_export_ends() -> None:
    assert exported(lines(1, 2), {}).end
    assert exported(lines(1, 2)[:-1], {}).end is None


@pytest.mark.parametrize(
    ("content", "filters", "view"),
    [
        (lines(2, 1), {}, "full"),
        (lines(1, 2, count=3), {}, "full"),
        ([*lines(1), context(2)], {}, "full"),
        (lines(1), {"ipVersion": ["v6"]}, "full"),
        (lines(1), {}, "basic"),
        ([{**context(1), "name": "CANARY-KEY-MATERIAL"}], {}, "full"),
    ],
    ids=["order", "count", "after the end", "filter", "view", "key"],
)
def test_a_bad_export_is_seen(content: list[dict[str, Any]], filters: Filters, view: str) -> None:
    with pytest.raises(Violation):
        exported(content, filters, view)


def test_one_sa_must_meet_all_filters() -> None:
    both = context(1)
    both["inboundSa"]["saBundle"]["pfsGroup"] = "2048"
    both["outboundSa"] = {**both["inboundSa"], "ipVersion": "v6", "saBundle": {
        **both["inboundSa"]["saBundle"], "pfsGroup": "none"}}  # fmt: skip

    assert SA_CONTEXTS.matches(both, {"ipVersion": ["v6"]})
    assert SA_CONTEXTS.matches(both, {"pfsGroup": ["ecp_256", "2048"]})
    assert not SA_CONTEXTS.matches(both, {"ipVersion": ["v6"], "pfsGroup": ["2048"]})
    assert not SA_CONTEXTS.matches(
        {**both, "inboundSa": None, "outboundSa": None}, {"ipVersion": ["v6"]}
    )
