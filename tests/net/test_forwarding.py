"""Which client a request comes from, behind proxies."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from time import process_time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from app.net.forwarding import MAX_PROXIES, Headers, TrustedProxies
from app.net.networks import is_loopback


PROXIES = TrustedProxies(
    [ip_network(text) for text in ("127.0.0.1", "10.0.0.0/8", "2001:db8:1::/64", "fe80::/10")]
)
PROXY = "10.0.0.1"
CLIENT = "192.0.2.17"
FORGED = "198.51.100.99"
ADDRESSES = st.ip_addresses().map(str)


def fields(name: str, *values: str) -> Headers:
    return [(name.encode(), value.encode()) for value in values]


def client(*values: str, peer: str = PROXY) -> str:
    """Return the client that `X-Forwarded-For` leads to."""
    return PROXIES.client_of(peer, fields("x-forwarded-for", *values))


def forwarded(*values: str, peer: str = PROXY) -> str:
    """Return the client that `Forwarded` leads to."""
    return PROXIES.client_of(peer, fields("forwarded", *values))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((CLIENT,), CLIENT),
        ((f"{FORGED}, {CLIENT}",), CLIENT),
        ((FORGED, CLIENT), CLIENT),
        ((f"{FORGED}, {CLIENT}, 10.0.0.2", "10.0.0.3,10.0.0.4"), CLIENT),
        ((f"{FORGED},{CLIENT},2001:db8:1::7",), CLIENT),
        ((f" ,{CLIENT}\t, ,",), CLIENT),
        (("10.0.0.9, 10.0.0.2",), "10.0.0.9"),
        ((f"{CLIENT}:50123",), CLIENT),
        (("2001:DB8:0:0::17",), "2001:db8::17"),
        (("[2001:db8::17]",), "2001:db8::17"),
        (("[2001:db8::17]:50123",), "2001:db8::17"),
        ((f"::ffff:{CLIENT}",), CLIENT),
        ((f"{CLIENT}, ::ffff:10.0.0.2",), CLIENT),
    ],
)
def test_the_last_address_that_is_no_proxy_is_the_client(
    values: tuple[str, ...], expected: str
) -> None:
    assert client(*values) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((f"for={CLIENT}",), CLIENT),
        ((f"For={CLIENT};proto=https;by=10.0.0.1",), CLIENT),
        ((f"proto=https; FOR={CLIENT}",), CLIENT),
        ((f'for="{CLIENT}:50123"',), CLIENT),
        ((f"for={CLIENT}:50123",), CLIENT),
        (('for="[2001:db8::17]"',), "2001:db8::17"),
        (('for="[2001:db8::17]:50123"',), "2001:db8::17"),
        (('for="[2001:db8::17]:_port"',), "2001:db8::17"),
        (("for=[2001:db8::17]",), "2001:db8::17"),
        ((f"for={FORGED}, for={CLIENT}", "for=10.0.0.2;proto=http"), CLIENT),
        ((f'for={CLIENT};host="a;for={FORGED}"',), CLIENT),
        ((f'for={CLIENT};host="a\\";for={FORGED}"',), CLIENT),
        ((f'for="unclosed, for={CLIENT}',), CLIENT),
        ((f'for={FORGED};x="y', f"for={CLIENT}"), CLIENT),
    ],
)
def test_forwarded_is_read_as_rfc_7239_defines_it(values: tuple[str, ...], expected: str) -> None:
    assert forwarded(*values) == expected


@pytest.mark.parametrize(
    "value",
    [
        "unknown",
        "_hidden",
        "client.example",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.017",
        "192.0.2.17:",
        "192.0.2.17:123456",
        "2001:db8::17]:80",
        "[2001:db8::17",
        "fe80::1%eth0",
        "2001:db8::17%\n{}",
        "[2001:db8::17]:80:80",
        "\xb2",
        "0" * 65,
        "9" * 16_000,
    ],
)
def test_the_nearest_proxy_is_the_client_if_it_names_none(value: str) -> None:
    assert client(f"{FORGED}, {value}") == PROXY
    assert forwarded(f'for={FORGED}, for="{value}"') == PROXY
    assert client(f"{FORGED}, {value}, 10.0.0.2") == "10.0.0.2"
    assert forwarded(f'for={FORGED}, for="{value}", for=10.0.0.2') == "10.0.0.2"


@pytest.mark.parametrize(
    "element",
    [
        "",
        "proto=https",
        "for",
        "for=",
        'for=""',
        f"for={FORGED};for={FORGED}",
        f'for="{FORGED}',
        f'for={FORGED};host="x',
        f"for={FORGED} by=x",
        f"for = {FORGED}",
        f"{FORGED}",
        f'"for"={FORGED}',
        f"for={FORGED};{'x' * 400}=1",
        f'host="x, for={FORGED}"',
        f'host="x, for={FORGED};y="',
    ],
)
def test_a_malformed_element_names_no_client(element: str) -> None:
    assert forwarded(f"for={FORGED}, {element}" if element else "") == PROXY


@pytest.mark.parametrize("peer", [CLIENT, "127.0.0.2", "::1", "2001:db8:2::1", "testclient", ""])
def test_others_are_not_believed(peer: str) -> None:
    assert client(FORGED, peer=peer) == peer
    assert forwarded(f"for={FORGED}", peer=peer) == peer


@pytest.mark.parametrize("peer", ["127.0.0.1", "::ffff:10.0.0.1", "2001:db8:1::2", "fe80::1%eth0"])
def test_a_proxy_is_recognized_in_every_form_of_its_address(peer: str) -> None:
    assert client(CLIENT, peer=peer) == CLIENT


def test_a_proxy_that_reports_nothing_is_the_client() -> None:
    assert PROXIES.client_of(PROXY, [(b"x-real-ip", FORGED.encode())]) == PROXY


def test_both_fields_must_name_the_same_client() -> None:
    """Otherwise one may be forged: most proxies set one and forward the other unchanged."""

    def both(addresses: str, elements: str) -> str:
        headers = [(b"x-forwarded-for", addresses.encode()), (b"forwarded", elements.encode())]
        return PROXIES.client_of(PROXY, headers)

    assert both(CLIENT, f"for={CLIENT}") == CLIENT
    assert both(CLIENT, f"for={FORGED}") == PROXY
    assert both(FORGED, f"for={CLIENT}") == PROXY
    assert both(CLIENT, "for=unknown") == PROXY
    assert both(CLIENT, "") == CLIENT  # IIS can empty a header field, not remove it


def test_another_machines_loopback_is_not_this_host() -> None:
    assert client("127.0.0.9") == PROXY
    assert client("127.0.0.9, 10.0.0.2", peer="127.0.0.1") == "10.0.0.2"
    assert client("::1", peer="127.0.0.1") == "::1"


@pytest.mark.parametrize("count", [MAX_PROXIES - 1, MAX_PROXIES, 2000])
def test_so_many_proxies_are_followed(count: int) -> None:
    row = [f"10.1.{number // 250}.{number % 250}" for number in range(count)]

    believed = CLIENT if count < MAX_PROXIES else row[count - MAX_PROXIES]

    assert client(", ".join([CLIENT, *row])) == believed
    assert client(CLIENT, *row) == believed
    assert forwarded(", ".join(f"for={address}" for address in [CLIENT, *row])) == believed


@given(forged=st.text(st.characters(max_codepoint=255)), address=ADDRESSES)
def test_nothing_that_a_client_sends_hides_what_the_proxy_adds(forged: str, address: str) -> None:
    """Proxies append to the client's field, or add one of their own."""
    assume(address not in PROXIES and not is_loopback(address))
    node = f'"[{address}]"' if ":" in address else address
    canonical = str(getattr(ip_address(address), "ipv4_mapped", None) or address)

    for name, added in (("x-forwarded-for", address), ("forwarded", f"for={node}")):
        header = name.encode()
        appended = [(header, f"{forged}, {added}".encode("latin-1"))]
        beside = [(header, forged.encode("latin-1")), (header, added.encode())]
        assert PROXIES.client_of(PROXY, appended) == canonical
        assert PROXIES.client_of(PROXY, beside) == canonical


@pytest.mark.parametrize(
    "value", ["," * 16_000, "10.0.0.2," * 1700, "a=" * 8000, 'a="' * 5000, "x" * 16_000]
)
def test_a_long_field_costs_little(value: str) -> None:
    began = process_time()
    for _ in range(20):
        client(value)
        forwarded(value)
    assert process_time() - began < 0.2
