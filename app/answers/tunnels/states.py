"""The states of tunnels, and how flapping is damped.

How it is damped: a change of a tunnel's state is shown at once, but at most `MAX_CHANGES` changes
are shown in any `WINDOW_SECONDS`. With the last one of these, the tunnel is flapping: from then on,
the worst state that was observed in the last `WINDOW_SECONDS` is shown, until one state has lasted
for `WINDOW_SECONDS`.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime
from typing import Final, NamedTuple

from app.schemas.names import TunnelState


WINDOW_SECONDS: Final = 60.0
"""The period in which the changes of a tunnel are limited, in seconds."""
MAX_CHANGES: Final = 4
"""Maximum number of changes of a tunnel that are shown in `WINDOW_SECONDS`."""

SEVERITY: Final = (
    TunnelState.UP,
    TunnelState.TEMPLATE,
    TunnelState.IDLE,
    TunnelState.DOWN,
    TunnelState.FAILING,
)
"""The states, the worst one last."""


def state_of(
    *, is_up: bool, is_template: bool, has_remote: bool, is_failing: bool, is_expected: bool
) -> TunnelState:
    """Return the state of a tunnel: the first that holds.

    Args:
        is_up: whether an SA context in tunnel mode between its endpoints has both SAs.
        is_template: whether an endpoint is any address or a name.
        has_remote: whether an address of the remote endpoint is known; otherwise the tunnel cannot
            be seen up.
        is_failing: whether a negotiation failed in the last hour, and the tunnel has not been up
            since then.
        is_expected: whether the settings name its remote endpoint.
    """
    if is_up:
        return TunnelState.UP
    if is_template and not (is_expected and has_remote):
        return TunnelState.TEMPLATE
    if is_failing:
        return TunnelState.FAILING
    return TunnelState.DOWN if is_expected else TunnelState.IDLE


class Shown(NamedTuple):
    """What is shown of a tunnel's state.

    Attributes:
        state: the state.
        since: when it began; None: before the first observation.
        is_flapping: whether further changes are held back.
    """

    state: TunnelState
    since: datetime | None
    is_flapping: bool


class _Ended(NamedTuple):
    """A state that was observed before.

    Attributes:
        state: the state.
        since: when it began; None: before the first observation.
        last: the time of its last observation, in seconds on a monotonic clock.
    """

    state: TunnelState
    since: datetime | None
    last: float


class StateHistory:
    """The recent states of one tunnel.

    Attributes:
        shown: what is shown.
    """

    __slots__ = ("_began", "_began_at", "_changes", "_ended", "_last", "_observed", "shown")

    def __init__(self, state: TunnelState, since: datetime | None, seconds: float) -> None:
        """Begin with a state.

        Args:
            state: the state.
            since: when it began; None: before the first observation.
            seconds: the time of the observation, in seconds on a monotonic clock.
        """
        self.shown = Shown(state, since, is_flapping=False)
        self._observed = state
        self._began, self._began_at, self._last = seconds, since, seconds
        self._ended: tuple[_Ended, ...] = ()
        self._changes: deque[float] = deque(maxlen=MAX_CHANGES)

    def observe(self, state: TunnelState, at: datetime, seconds: float) -> Shown:
        """Return what is shown after an observation.

        Args:
            state: the observed state.
            at: the time, in UTC.
            seconds: the time, in seconds on a monotonic clock.
        """
        if state is not self._observed:
            others = [each for each in self._ended if each.state is not state]
            self._ended = (*others, _Ended(self._observed, self._began_at, self._last))
            self._observed, self._began, self._began_at = state, seconds, at
        self._last = seconds
        changes = self._changes
        while changes and seconds - changes[0] >= WINDOW_SECONDS:
            changes.popleft()
        old, is_flapping = self.shown.state, self.shown.is_flapping
        if is_flapping:
            is_flapping = seconds - self._began < WINDOW_SECONDS
        elif state is not old:
            is_flapping = len(changes) >= MAX_CHANGES - 1
        new, began_at = self._worst(seconds) if is_flapping else (state, self._began_at)
        is_better = is_flapping and SEVERITY.index(new) < SEVERITY.index(old)
        # Improvements leave changes for the end of flapping, and for a change after it.
        limit = MAX_CHANGES - 2 if is_better else MAX_CHANGES
        if (new, is_flapping) != (old, self.shown.is_flapping) and len(changes) < limit:
            changes.append(seconds)
            since = began_at if new is not old else self.shown.since
            self.shown = Shown(new, since, is_flapping)
        return self.shown

    def _worst(self, seconds: float) -> tuple[TunnelState, datetime | None]:
        """Return the worst state of the last `WINDOW_SECONDS`, and when it began."""
        recent = [each for each in self._ended if seconds - each.last < WINDOW_SECONDS]
        worst = max(
            [_Ended(self._observed, self._began_at, seconds), *recent],
            key=lambda each: SEVERITY.index(each.state),
        )
        return worst.state, worst.since
