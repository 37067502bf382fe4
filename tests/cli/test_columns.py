"""Tables on terminals of any width: what is shown, what is dropped, and what a name can do."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from rich.cells import cell_len
from sa_contexts_simulator import Simulator

from app.cli.columns import Column, table_lines
from app.cli.rows import COLUMNS, row_of
from app.resources.sa_contexts.encoding import encode_sa_context
from app.resources.sa_contexts.protection import protection_of
from app.resources.sa_contexts.summary_view import summary_view
from bindings.engine import Engine
from bindings.library import Library


LONGEST_V6 = "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"
NAMES = [column.name for column in COLUMNS]
ESSENTIAL = ["Remote", "Protection", "Weaknesses", "State"]
CJK = "社内サーバー間の通信を保護する規則"
HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b2J\u202e\n[red]x\t\u2028\u200b\ud800"


def context(**changes: Any) -> dict[str, Any]:
    """Return a summary of a context."""
    sa = {
        "transform": {
            "transformType": changes.get("type", "esp_auth_and_cipher"),
            "authTransform": {"authConfig": changes.get("auth", "hmac_sha_1_96")},
            "cipherTransform": {"cipherConfig": "cbc_aes_128"},
        }
    }
    return {
        "saContextId": "16676524",
        "state": changes.get("state", "complete"),
        "localAddress": "10.0.0.1",
        "remoteAddress": changes.get("remote", "203.0.113.7"),
        "trafficType": "transport",
        "ipProtocol": changes.get("protocol", 6),
        "localPort": changes.get("local_port", 0),
        "remotePort": changes.get("remote_port", 443),
        "protection": protection_of([sa]),
        "pfsGroup": "none",
        "weaknesses": ["sha_1", "no_pfs", "ikev1"],
        "localUdpEncapPort": 4500 if "udp" in changes else None,
        "remoteUdpEncapPort": changes.get("udp"),
        "principalName": changes.get("peer", "laptop.example"),
        "ruleName": changes.get("rule", "Domain isolation"),
    }


def table(*contexts: dict[str, Any], width: int | None) -> list[str]:
    return table_lines(COLUMNS, [row_of(each) for each in contexts], width)


def columns_of(lines: list[str]) -> list[str]:
    return [name for name in NAMES if name in lines[0]]


@pytest.fixture
def contexts(library: Library, simulator: Simulator) -> list[dict[str, Any]]:
    simulator.populate(300, 1)
    with Engine(library) as engine:
        contexts = [encode_sa_context(each) for page in engine.pages() for each in page]
    return [orjson.loads(summary_view(each)) for each in contexts]


@pytest.mark.parametrize("width", [80, 120, 215])
def test_essential_columns_are_shown_on_every_terminal(
    contexts: list[dict[str, Any]], width: int
) -> None:
    lines = table(*contexts, width=width)

    assert columns_of(lines) == NAMES[: len(columns_of(lines))]
    assert columns_of(lines)[:4] == ESSENTIAL
    assert max(map(cell_len, lines)) <= width
    for each, line in zip(contexts, lines[1:], strict=True):
        if each["state"] != "no_sa":
            first, *rest = line.split()
            address, port = each["remoteAddress"], each["remoteUdpEncapPort"]
            host = f"[{address}]" if ":" in address else address
            assert first == (address if port is None else f"{host}:{port}")
            assert rest[0] in {"ESP", "AH"}


@pytest.mark.parametrize("type_", ["esp_auth_and_cipher", "esp_auth", "esp_auth_fw"])
def test_whole_ipv6_address_leaves_room_for_protection_weaknesses_and_state(type_: str) -> None:
    head, line = table(context(remote=LONGEST_V6, type=type_, auth="gcm_aes_128"), width=80)

    assert head.split() == ESSENTIAL
    assert line.startswith(f"{LONGEST_V6}  ESP ")
    assert "  sha_1 " in line
    assert line.endswith("  complete")
    assert cell_len(line) <= 80


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (10, 1),
        (30, 2),
        (40, 3),
        (50, 4),
        (83, 4),
        (84, 5),
        (95, 5),
        (96, 6),
        (110, 7),
        (124, 8),
        (130, 9),
        (141, 10),
        (153, 10),
        (154, 11),
    ],
)
def test_columns_are_added_whole_in_their_order_of_importance(width: int, shown: int) -> None:
    lines = table(context(), width=width)

    assert columns_of(lines) == NAMES[:shown]


def test_columns_never_give_way_as_a_terminal_grows() -> None:
    contexts = [context(), context(remote=LONGEST_V6, rule=CJK * 3), context(peer="p" * 60)]
    before: list[str] = []
    for width in range(1, 300):
        now = columns_of(table(*contexts, width=width))
        assert now[: len(before)] == before
        before = now
    assert before == NAMES


def test_long_texts_do_not_displace_columns() -> None:
    long = context(rule="r" * 200, peer="p" * 200)
    long["weaknesses"] *= 9

    assert columns_of(table(long, width=120)) == NAMES[:7]
    assert columns_of(table(long, width=215)) == NAMES


def test_long_names_are_truncated_on_a_terminal_only() -> None:
    long = context(rule="r" * 200, peer="p" * 200)

    on_terminal, elsewhere = table(long, width=215)[1], table(long, width=None)[1]

    assert "r…  p" in on_terminal
    assert cell_len(on_terminal) <= 215
    assert "r" * 200 in elsewhere
    assert "p" * 200 in elsewhere
    assert "…" not in elsewhere


def test_every_column_is_shown_elsewhere_even_if_it_is_empty() -> None:
    lines = table_lines(COLUMNS, [], None)

    assert columns_of(lines) == NAMES


def test_a_table_without_rows_has_the_columns_that_fit() -> None:
    assert columns_of(table_lines(COLUMNS, [], 300)) == NAMES
    assert columns_of(table_lines(COLUMNS, [], 40)) == NAMES[:4]


def test_columns_without_text_are_omitted_on_a_terminal() -> None:
    lines = table(context(rule=None, protocol=0, remote_port=0), width=300)

    assert set(NAMES) - set(columns_of(lines)) == {"Rule", "Traffic"}


@pytest.mark.parametrize("width", [80, 120, 160, 215, None])
def test_wide_characters_keep_columns_aligned(width: int | None) -> None:
    head, *lines = table(
        context(rule=CJK, peer=CJK), context(), context(rule="قاعدة", peer="מחשב"), width=width
    )

    if width is not None:
        assert max(map(cell_len, (head, *lines))) <= width
    for name in columns_of([head]):
        at = cell_len(head[: head.index(name)])
        for line in lines:
            cells = "".join(c + "\0" * (cell_len(c) - 1) for c in line)
            assert at == 0 or cells[at - 1] == " "
            assert cells[at] != " "


def test_truncation_does_not_split_wide_characters() -> None:
    columns = (Column("Name", min_width=4),)
    for width in range(5, 2 * len(CJK)):
        _, line = table_lines(columns, [(CJK,)], width)
        assert cell_len(line) <= width
        assert line.rstrip("…").rstrip() in CJK


@pytest.mark.parametrize("width", [80, 120, 215, None])
def test_names_cannot_steer_the_terminal(width: int | None) -> None:
    lines = table(
        context(rule=HOSTILE, peer=HOSTILE, remote=HOSTILE), context(remote="10.0.0.2"), width=width
    )

    assert len(lines) == 3
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({"udp": 4500}, "203.0.113.7:4500"),
        ({"udp": 61234}, "203.0.113.7:61234"),
        ({"udp": 4500, "remote": LONGEST_V6}, f"[{LONGEST_V6}]:4500"),
        ({}, "203.0.113.7"),
        ({"remote": LONGEST_V6}, LONGEST_V6),
        ({"remote": None}, ""),
    ],
)
def test_remote_address_has_the_port_of_udp_encapsulation(
    changes: dict[str, Any], shown: str
) -> None:
    assert row_of(context(**changes)).remote == shown


def test_peers_behind_one_nat_are_distinguished() -> None:
    first, second = (
        row_of(context(udp=port, peer=name)) for port, name in ((4500, "anna"), (61234, "otto"))
    )

    assert first.remote != second.remote
    assert (first.peer, second.peer) == ("anna", "otto")


@pytest.mark.parametrize(
    ("ports", "shown"),
    [
        ((0, 0, 0), ""),
        ((6, 0, 443), "tcp * > 443"),
        ((17, 53, 0), "udp 53 > *"),
        ((47, 0, 0), "47 * > *"),
        ((None, None, 443), "* * > 443"),
    ],
)
def test_traffic_is_its_protocol_and_ports(ports: tuple[Any, ...], shown: str) -> None:
    protocol, local, remote = ports
    row = row_of(context(protocol=protocol, local_port=local, remote_port=remote))

    assert row.traffic == shown


@pytest.mark.parametrize(
    ("state", "shown"),
    [
        ("complete", "complete"),
        ("inbound_only", "in only"),
        ("outbound_only", "out only"),
        ("no_sa", "no SAs"),
        ("expiring", "expiring"),
    ],
)
def test_state_is_which_sas_there_are(state: str, shown: str) -> None:
    row = row_of(context(state=state))

    assert row.state == shown
    assert row.sa_context_id == "16676524"
