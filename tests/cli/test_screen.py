"""The screen of `watch`: rows that appear, change and disappear, in any size."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from app.cli.watch.contexts import FRESH_SECONDS, Contexts
from app.cli.watch.lines import json_line_of, line_of
from app.cli.watch.screen import screen_of
from app.cli.watch.stream import Connected, Event, Lost


URL = "http://127.0.0.1:8080"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def contexts(clock: Clock) -> Contexts:
    contexts = Contexts(clock)
    contexts.apply(Connected(is_initial=True))
    for number in (1, 2, 3):
        contexts.apply(added(number))
    contexts.apply(place("snapshot_end"))
    return contexts


def context(number: int, cipher: str = "gcm_aes_256", name: str = "A rule") -> dict[str, Any]:
    """Return the summary of a context."""
    return {
        "saContextId": str(number),
        "state": "complete",
        "localAddress": "10.0.0.1",
        "remoteAddress": f"2001:db8::{number:x}",
        "trafficType": "tunnel",
        "ipProtocol": None,
        "localPort": None,
        "remotePort": 443,
        "protection": f"ESP {cipher}" + ("" if cipher.startswith("gcm") else " + hmac_sha_1_96"),
        "pfsGroup": "none",
        "weaknesses": ["no_pfs", "ikev1"],
        "localUdpEncapPort": None,
        "remoteUdpEncapPort": None,
        "principalName": "host.example",
        "ruleName": name,
    }


def added(number: int, kind: str = "added", **rest: Any) -> Event:
    rekey = {"rekey": rest.pop("rekey")} if "rekey" in rest else {}
    return Event(kind, "", {"revision": 1, "saContext": context(number, **rest), **rekey})


def deleted(number: int, **rest: Any) -> Event:
    return Event("deleted", "e-2", {"revision": 2, "saContextId": str(number), **rest})


def place(kind: str) -> Event:
    return Event(kind, "e-1", {"epoch": "e", "revision": 1})


def printed(contexts: Contexts, width: int = 200, height: int = 20, *, styled: bool = False) -> str:
    console = Console(record=True, file=StringIO(), width=width, height=height, force_terminal=True)
    console.print(screen_of(contexts, URL, width, height), crop=False)
    return console.export_text(styles=styled)


def numbers(contexts: Contexts) -> list[str]:
    """Return the ids on the screen, from the top."""
    lines = printed(contexts).splitlines()[2:]
    at = printed(contexts).splitlines()[1].index("SA context")
    return [line[at:].split()[0] for line in lines]


def marks(contexts: Contexts, width: int) -> str:
    """Return what precedes the addresses, from the top."""
    return "".join(line[0] for line in printed(contexts, width).splitlines()[2:])


def test_what_was_there_is_shown_without_a_change(contexts: Contexts) -> None:
    text = printed(contexts)

    state, head, *rows = text.splitlines()
    assert state.split() == [URL, "connected", "3", "SA", "contexts"]
    assert head.split()[:4] == ["Remote", "Protection", "Weaknesses", "State"]
    assert numbers(contexts) == ["1", "2", "3"]
    assert rows[0].split()[:3] == ["2001:db8::1", "ESP", "gcm_aes_256"]
    for text in ("A rule", "no_pfs ikev1", "complete", "10.0.0.1", "host.example", "* * > 443"):
        assert text in rows[0]
    assert marks(contexts, 200) == "   "


@pytest.mark.parametrize("width", [40, 80, 120, 215])
def test_changes_are_marked_at_any_width(contexts: Contexts, width: int) -> None:
    contexts.apply(added(3, "modified", cipher="cbc_3des"))
    contexts.apply(added(4))
    contexts.apply(deleted(1))

    assert marks(contexts, width) == "-+~ "
    assert ("Changed" in printed(contexts, width)) == (width > 80)


def test_a_deleted_context_shows_when_and_why_it_ended(contexts: Contexts) -> None:
    gone = deleted(1, time="2026-11-29T19:30:05.5Z", endReason="idle_timeout", evidence={})
    shown = contexts.apply(gone)

    time = datetime(2026, 11, 29, 19, 30, 5, tzinfo=UTC).astimezone()
    assert f"{time:%H:%M:%S} deleted: idle_timeout" in printed(contexts)
    fields = line_of(gone, shown).rstrip("\n").split("\t")
    assert (fields[0], fields[1], fields[-1]) == (
        "2026-11-29T19:30:05.500000Z",
        "deleted",
        "idle_timeout",
    )


def test_essential_columns_are_shown_beside_a_whole_ipv6_address() -> None:
    address = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
    contexts = Contexts(Clock())
    event = added(1)
    event.data["saContext"]["remoteAddress"] = address
    contexts.apply(event)

    _, head, row = printed(contexts, 80).splitlines()

    assert head.split() == ["Remote", "Protection", "Weaknesses", "State"]
    assert row.startswith(f"+ {address}  ESP gcm_aes_256  no_pfs")
    assert row.endswith("  complete")
    assert cell_len(row) <= 80


def test_what_changed_last_is_on_top(contexts: Contexts) -> None:
    contexts.apply(added(3, "modified", cipher="cbc_3des"))
    contexts.apply(added(4))

    assert numbers(contexts) == ["4", "3", "1", "2"]
    rows = printed(contexts).splitlines()[2:]
    assert rows[0].startswith("+ 2001:db8::4")
    assert rows[1].startswith("~ 2001:db8::3")
    assert " added " in rows[0]
    assert " modified " in rows[1]
    assert "cbc_3des" in rows[1]
    assert "last change" in printed(contexts)


def test_what_is_gone_is_struck_and_then_no_longer_shown(contexts: Contexts, clock: Clock) -> None:
    contexts.apply(deleted(2))

    assert len(contexts) == 2
    assert numbers(contexts) == ["2", "1", "3"]
    assert "\x1b[9;31m" in printed(contexts, styled=True)
    clock.now = FRESH_SECONDS
    contexts.drop_expired()
    assert numbers(contexts) == ["1", "3"]
    assert len(contexts) == 2


def test_what_came_is_new_for_a_while_only(contexts: Contexts, clock: Clock) -> None:
    contexts.apply(added(4))

    assert "\x1b[32m" in printed(contexts, styled=True)
    clock.now = FRESH_SECONDS
    assert "\x1b[32m" not in printed(contexts, styled=True)
    assert "added" in printed(contexts)


@pytest.mark.parametrize("is_old_gone_first", [True, False])
def test_a_rekey_is_one_line(contexts: Contexts, is_old_gone_first: bool) -> None:
    if is_old_gone_first:
        contexts.apply(deleted(2))
        contexts.apply(added(4, rekey={"replaces": "2", "inferred": True}))
    else:
        contexts.apply(added(4))
        contexts.apply(deleted(2, rekey={"replacedBy": "4", "inferred": True}))

    assert numbers(contexts) == ["4", "1", "3"]
    assert "rekey of 2" in printed(contexts)
    assert len(contexts) == 3


def test_a_rekey_that_shows_only_later_is_reported(contexts: Contexts) -> None:
    """The new context gets its SAs later: its `modified` event then reports the rekey."""
    contexts.apply(deleted(2))
    contexts.apply(added(4))
    contexts.apply(added(4, "modified", rekey={"replaces": "2", "inferred": True}))

    assert numbers(contexts) == ["4", "1", "3"]
    assert "rekey of 2" in printed(contexts)


def test_an_id_that_comes_back_is_there_once(contexts: Contexts, clock: Clock) -> None:
    contexts.apply(deleted(2))
    contexts.apply(added(2))
    clock.now = FRESH_SECONDS
    contexts.drop_expired()

    assert numbers(contexts) == ["2", "1", "3"]
    assert len(contexts) == 3


def test_after_a_reset_only_what_follows_is_known(contexts: Contexts) -> None:
    contexts.apply(deleted(1))
    contexts.apply(place("reset"))
    contexts.apply(added(3, cipher="cbc_aes_128"))
    contexts.apply(added(5))
    assert numbers(contexts) == ["1", "2", "3", "5"]

    contexts.apply(place("snapshot_end"))

    assert numbers(contexts) == ["3", "5"]
    assert "cbc_aes_128" in printed(contexts)
    assert "resets: 1" in printed(contexts)
    assert len(contexts) == 2


def test_a_stream_that_breaks_off_before_it_was_complete_is_retried(
    contexts: Contexts,
) -> None:
    contexts.apply(place("reset"))
    contexts.apply(added(1))
    contexts.apply(Lost("it broke", 2))
    contexts.apply(Connected(is_initial=False))
    contexts.apply(place("reset"))
    contexts.apply(added(2))
    contexts.apply(place("snapshot_end"))

    assert numbers(contexts) == ["2"]


def test_a_lost_connection_is_reported_with_its_reason(contexts: Contexts) -> None:
    contexts.apply(Lost("it broke", 4))

    assert "reconnecting after 4 s: it broke  3 SA contexts" in printed(contexts)


def test_kinds_of_events_to_come_are_no_harm(contexts: Contexts) -> None:
    contexts.apply(Event("renamed", "e-9", {"saContextId": "1"}))

    assert numbers(contexts) == ["1", "2", "3"]


@pytest.mark.parametrize("height", [4, 5, 24, 60])
def test_the_screen_is_never_higher_than_the_terminal(height: int) -> None:
    contexts = Contexts(Clock())
    for number in range(1, 41):
        contexts.apply(added(number))

    lines = printed(contexts, height=height).splitlines()

    assert len(lines) <= height
    shown = len(lines) - (3 if height < 40 else 2)
    assert (f"… and {40 - shown} more" in lines) == (shown < 40)


@pytest.mark.parametrize("width", [40, 80, 100, 120, 160, 200])
def test_lines_fit_the_terminal(contexts: Contexts, width: int) -> None:
    contexts.apply(added(4, name="社内サーバー間の通信を保護する規則" * 3))

    lines = printed(contexts, width=width).splitlines()

    assert max(cell_len(line) for line in lines[1:]) <= width


HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202e\n[red]x\t"


def test_nothing_the_server_shows_can_steer_the_terminal(contexts: Contexts) -> None:
    contexts.apply(added(4, name=HOSTILE))

    text = printed(contexts, width=215, styled=True)
    event = added(4, "modified", name=HOSTILE)
    line = line_of(event, contexts.apply(event))

    for escape in ("\x1b]0", "\x1b[2J", "\x9b", "\u202e", "\x07"):
        assert escape not in text
        assert escape not in line
        assert escape not in json_line_of(event)
    assert "[red]x" in text
    assert line.count("\n") == 1
    assert line.count("\t") == line_of(place("reset"), None).count("\t") + 12
    assert json_line_of(event).count("\n") == 1
