"""The two views of an answer: for callers with and without the right to see failures.

Nothing in the view for callers without that right depends on failures.
"""

from __future__ import annotations

from typing import Any, Final, Generic, Protocol, TypeVar

from fastapi import Request

from app.answers.kind import AnswerSelection
from app.answers.published import PublishedStore
from app.api.parameters import Filters
from app.api.security import require_scope
from app.auth.callers import Caller
from app.auth.scopes import Scope
from app.repository.changes.feed import EventFeeds
from app.repository.changes.watcher import Watcher
from app.repository.query.cursors import CursorForOtherList, CursorFromOtherProcess, InvalidCursor
from app.repository.query.paginator import Paginator


S = TypeVar("S", bound=PublishedStore[Any])


class AnswerWatcher(Watcher):
    """The events of an answer for one client."""


class Visible(Generic[S]):
    """An answer as shown to callers who may, or may not, see failures.

    Attributes:
        store: the published snapshots.
        paginator: the pages.
        feeds: the event feeds.
    """

    def __init__(self, store: S, paginator: Paginator) -> None:
        """Create a view of a store, with its pages."""
        self.store: Final = store
        self.paginator: Final = paginator
        self.feeds: Final = EventFeeds(store.journal, store.kind)


class Answering(Protocol[S]):
    """A part of the service that has both views of an answer."""

    def view(self, *, sees_failures: bool) -> Visible[S]:
        """Return the answer for callers who may or may not see failures."""


def require_failures_scope(request: Request, query: Filters) -> None:
    """Require `diagnostics:read` for filters and orders that depend on failures.

    Raises:
        ProblemError: 403: the caller lacks the scope.
    """
    selection = query.selection
    if isinstance(selection, AnswerSelection) and selection.needs_failures:
        require_scope(request, Scope.DIAGNOSTICS_READ)


def visible_to(caller: Caller, part: Answering[S]) -> Visible[S]:
    """Return the answer as a caller may see it."""
    return part.view(sees_failures=Scope.DIAGNOSTICS_READ in caller.scopes)


def paginator_for(caller: Caller, part: Answering[S], cursor: str | None) -> Paginator:
    """Return the pages that the caller may see.

    A cursor carries no rights, but belongs to a list with or without failures. A caller who may see
    failures may also continue a list without them.
    """
    paginator = visible_to(caller, part).paginator
    if cursor is not None:
        try:
            paginator.read_cursor(cursor)
        except CursorFromOtherProcess:
            return part.view(sees_failures=False).paginator
        except (InvalidCursor, CursorForOtherList):
            pass  # `answer_list` says so
    return paginator
