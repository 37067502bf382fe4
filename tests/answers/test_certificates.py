"""`/certificates`: those that main mode SAs use, with what the store says of this host's."""

from __future__ import annotations

import heapq
import re
import subprocess
import warnings
from collections import defaultdict
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from shutil import which
from types import SimpleNamespace
from typing import Any, NoReturn
from unittest.mock import Mock

import anyio
import anyio.lowlevel
import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.answers.certificates import inventory, metrics, part, store, usage
from app.answers.certificates.decoding import Decoded, decode
from app.answers.certificates.names import KEY_USAGES, CertificateSide, StoreState
from app.answers.certificates.part import CertificatesPart
from app.repository.fairness import CALLER, FairLimiter
from app.repository.refresh.scheduler import ShuttingDown
from app.repository.snapshot.model import Snapshot
from bindings.certificates import find_certificates
from bindings.library import Library
from tests.answers.certificates import certificate, main_mode, name, thumbprint_of
from tests.conftest import Serve
from tests.simulator.test_certificates import local_certificates
from tests.soak.schemas import SCHEMA, reason_against


IKE, SERVER = "1.3.6.1.5.5.8.2.2", "1.3.6.1.5.5.7.3.1"
NEVER = bytes(20)


def shown(client: TestClient, query: str = "") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = client.get(f"/certificates?limit=1000&{query}").json()["items"]
    return items


def use(simulator: Simulator, *hashes: bytes, first: int = 1, remote: str = "198.51.100.1") -> None:
    """Put a main mode SA for each hash, by which this host authenticates."""
    for number, hash_ in enumerate(hashes, first):
        subject = name(f"used{number}").public_bytes()
        tree = main_mode(number, remote, ((subject, hash_), None))
        simulator.put_ike_sa(tree.address)


# ---- decoding ----


NEEDS_OPENSSL = pytest.mark.skipif(which("openssl") is None, reason="not installed: openssl")


def openssl(encoded: bytes) -> dict[str, Any]:
    """What openssl says of a certificate."""
    printed = subprocess.run(
        [
            *("openssl", "x509", "-inform", "DER", "-noout", "-subject", "-issuer", "-serial"),
            *("-startdate", "-enddate", "-ext", "extendedKeyUsage,subjectAltName"),
            *("-nameopt", "RFC2253,utf8,-esc_msb", "-dateopt", "iso_8601"),
        ],
        input=encoded,
        capture_output=True,
        check=True,
    ).stdout.decode()
    found = dict(re.findall(r"^(\w+)= ?(.*)$", printed, re.MULTILINE))
    usages = re.search(r"Extended Key Usage: \n +(.*)", printed)
    names = re.search(r"Subject Alternative Name: \n +(.*)", printed)
    return found | {"usages": usages and usages[1], "names": names and names[1]}


WORDS = {
    "TLS Web Server Authentication": SERVER,
    "TLS Web Client Authentication": "1.3.6.1.5.5.7.3.2",
    "ipsec Internet Key Exchange": "1.3.6.1.5.5.7.3.17",
}
"""The names that openssl has for usages; of others, it prints the identifier."""


def assert_openssl_agrees(encoded: bytes) -> None:
    decoded, other = decode(encoded), openssl(encoded)
    assert decoded is not None
    assert (decoded.subject, decoded.issuer) == (other["subject"], other["issuer"])
    assert int(decoded.serial_number, 16) == int(other["serial"], 16)
    for moment, text in (
        (decoded.not_before, other["notBefore"]),
        (decoded.not_after, other["notAfter"]),
    ):
        assert moment == datetime.fromisoformat(text)
    expected = () if other["usages"] is None else other["usages"].split(", ")
    assert decoded.usages == tuple(WORDS.get(word, word) for word in expected)
    names = () if other["names"] is None else other["names"].split(", ")
    assert decoded.names == tuple(each.partition(":")[2] for each in names)


@NEEDS_OPENSSL
def test_openssl_decodes_the_hosts_certificates_alike(
    library: Library, simulator: Simulator
) -> None:
    simulator.populate(500, 3)
    for encoded in find_certificates(library, local_certificates(library)).values():
        assert encoded is not None
        assert_openssl_agrees(encoded)


@NEEDS_OPENSSL
@pytest.mark.parametrize("days", [-1000, 12.25, 9000, 12000])
def test_openssl_decodes_others_alike(days: float) -> None:
    names = [
        x509.DNSName("vpn01.contoso.example"),
        x509.IPAddress(ip_address("192.0.2.7")),
        x509.RFC822Name("ops@contoso.example"),
    ]
    subject = x509.Name(
        [
            x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Büro, Köln"),
            x509.NameAttribute(x509.NameOID.COMMON_NAME, "vpn01+x"),
        ]
    )

    assert_openssl_agrees(
        certificate(subject, days=days, usages=(IKE, SERVER), names=names, serial=1 << 158)
    )
    assert_openssl_agrees(certificate(name("bare"), days=days))


def hostile_name(text: str) -> x509.Name:
    """Return a name that may be longer than any certificate's should be."""
    with warnings.catch_warnings(action="ignore"):
        attribute = x509.NameAttribute(x509.NameOID.COMMON_NAME, text, _validate=False)
    return x509.Name([attribute])


@pytest.mark.parametrize(
    "text",
    ["\u202egnp.exe", "a" * 30_000, "x\0y", "\x1b[2J", "\ud7ff\U0001f510", " ", '"\\,+;<>#='],
)
def test_a_hostile_subject_is_printable_text(text: str) -> None:
    decoded = decode(certificate(hostile_name(text)))

    assert decoded is not None
    assert decoded.subject is not None
    assert decoded.subject.isprintable()


BASE = certificate(name("base"), usages=(IKE,), names=[x509.DNSName("base.example")])


@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(BASE) - 1), st.integers(0, 255)), min_size=1, max_size=6
    ),
    cut=st.integers(0, len(BASE)),
)
@pytest.mark.filterwarnings("ignore")  # cryptography warns of what it still accepts
def test_damaged_certificates_are_decoded_or_not(changes: list[tuple[int, int]], cut: int) -> None:
    damaged = bytearray(BASE)
    for at, value in changes:
        damaged[at] = value

    for encoded in (bytes(damaged), bytes(damaged[:cut])):
        decoded = decode(encoded)
        assert decoded is None or isinstance(decoded, Decoded)


@given(garbage=st.binary(max_size=300))
def test_garbage_is_no_certificate(garbage: bytes) -> None:
    assert decode(garbage) is None


# ---- what main mode SAs use ----


def recounted(client: TestClient) -> dict[str, dict[str, Any]]:
    """Count the certificates in `/ike-sas`, without the code under test."""
    found: dict[str, dict[str, Any]] = defaultdict(
        lambda: {"sides": set(), "sas": set(), "peers": set(), "subjects": set()}
    )
    for sa in client.get("/ike-sas?limit=1000").json()["items"]:
        for pair in sa["ikeCredentials"]:
            for side in ("local", "peer"):
                proof = pair[f"{side}Credentials"]["certificate"]
                if proof is not None:
                    each = found[proof["certHash"]]
                    each["sides"].add(side)
                    each["sas"].add(sa["saId"])
                    each["peers"].add(sa["ikeTraffic"]["remoteAddress"])
                    each["subjects"].add(proof["subjectName"])
    return found


def test_certificates_are_those_in_the_main_mode_sas(serve: Serve) -> None:
    client = serve(contexts=600)
    expected, items = recounted(client), shown(client)

    assert len(expected) > 50
    assert [item["thumbprint"] for item in items] == sorted(expected)
    for item in items:
        own = expected[item["thumbprint"]]
        assert set(item["sides"]) == own["sides"]
        assert (item["ikeSas"], item["peers"]) == (len(own["sas"]), len(own["peers"]))
        assert item["subject"] in own["subjects"]
        assert (item["notAfter"] is not None) == ("local" in own["sides"])
        assert item["isInStore"] is (True if "local" in own["sides"] else None)
        detail = client.get(f"/certificates/{item['thumbprint'].upper()}")
        assert detail.json().items() >= item.items()
        addresses = sorted(own["peers"], key=lambda each: (":" in each, ip_address(each)))
        assert detail.json()["peerAddresses"] == addresses[: usage.MAX_PEERS]
        assert reason_against(detail.json(), SCHEMA + "CertificateDetail") is None


def test_pages_have_every_certificate_once(serve: Serve) -> None:
    client = serve(contexts=200)
    expected, found, url = shown(client, "side=peer"), [], "/certificates?side=peer&limit=7"
    while url:
        page = client.get(url)
        assert page.headers["cache-control"] == "no-store"
        assert len(page.json()["items"]) <= 7
        found += page.json()["items"]
        link = page.headers.get("link")
        assert ("nextCursor" in page.json()) == (link is not None)
        url = "" if link is None else "/" + link[1 : link.index(">")]

    assert found == expected
    assert len(found) > 7


def test_pages_keep_their_filters(serve: Serve) -> None:
    client = serve(contexts=600)
    url, found = "/certificates?side=local&expiresWithin=99999d&limit=3", []
    while url:
        page = client.get(url)
        found += page.json()["items"]
        link = page.headers.get("link")
        url = "" if link is None else "/" + link[1 : link.index(">")]

    assert found == shown(client, "side=local")
    assert len(found) == 4


def test_a_certificate_may_be_shared_and_used_twice(serve: Serve, simulator: Simulator) -> None:
    client = serve()
    encoded = certificate(name("shared"))
    key, subject = thumbprint_of(encoded), name("shared").public_bytes()
    simulator.put_certificate(key, encoded)
    both = (subject, key)
    tree = main_mode(7, "2001:db8::7", (both, both), (both, None))
    simulator.put_ike_sa(tree.address)

    (item,) = shown(client)

    assert item["sides"] == ["local", "peer"]
    assert (item["ikeSas"], item["peers"], item["isInStore"]) == (1, 1, True)
    assert [*map(len, (shown(client, "side=local"), shown(client, "side=peer")))] == [1, 1]
    assert client.get(f"/certificates/{key.hex()}").json()["peerAddresses"] == ["2001:db8::7"]


@pytest.mark.parametrize(
    ("hash_", "is_shown"),
    [(b"", False), (b"\1", True), (bytes(32), True), (bytes(64), True), (bytes(65), False)],
)
def test_a_hash_of_another_length_is_no_thumbprint(
    hash_: bytes, is_shown: bool, serve: Serve, simulator: Simulator
) -> None:
    client = serve()
    use(simulator, hash_)
    calls = simulator.calls("CertFindCertificateInStore")

    assert [(item["thumbprint"], item["isInStore"]) for item in shown(client)] == (
        [(hash_.hex(), None)] if is_shown else []
    )
    assert simulator.calls("CertFindCertificateInStore") == calls


def test_a_certificate_that_is_no_longer_in_the_store_has_a_subject_still(
    serve: Serve, simulator: Simulator
) -> None:
    client = serve()
    use(simulator, NEVER)

    (item,) = shown(client)

    assert (item["subject"], item["isInStore"]) == ("CN=used1", False)
    assert {item[name] for name in ("issuer", "notBefore", "notAfter", "serialNumber")} == {None}
    assert (item["enhancedKeyUsages"], item["subjectAltNames"]) == (None, None)


def test_what_cannot_be_decoded_is_in_the_store(serve: Serve, simulator: Simulator) -> None:
    client = serve()
    simulator.put_certificate(thumbprint_of(b"garbage"), b"garbage")
    use(simulator, thumbprint_of(b"garbage"))

    (item,) = shown(client)

    assert (item["subject"], item["isInStore"], item["notAfter"]) == ("CN=used1", True, None)


def test_a_certificate_is_shown_as_it_is(serve: Serve, simulator: Simulator) -> None:
    client = serve()
    usages = (*KEY_USAGES, "1.2.3.4")
    encoded = certificate(name("vpn01"), usages=usages, names=[x509.DNSName("vpn01.example")])
    simulator.put_certificate(thumbprint_of(encoded), encoded)
    use(simulator, thumbprint_of(encoded))

    (item,) = shown(client)

    assert [each["oid"] for each in item["enhancedKeyUsages"]] == [*usages]
    assert [each["usage"] for each in item["enhancedKeyUsages"]] == [
        *KEY_USAGES.values(),
        "unknown",
    ]
    assert item["subjectAltNames"] == ["vpn01.example"]
    assert (item["issuer"], item["serialNumber"]) == ("CN=Corp Issuing CA", "1267")


@given(days=st.lists(st.floats(-400, 400), min_size=1, max_size=6, unique=True))
def test_the_filter_finds_what_ends_in_time(days: list[float]) -> None:
    """Compared with the dates that the list shows."""
    now = datetime.now(UTC)
    found = {
        bytes([number]) * 20: decode(certificate(name("x"), days=each))
        for number, each in enumerate(days)
    }
    by_hash = {
        key: usage.Use("CN=x", frozenset({CertificateSide.LOCAL}), 1, 0, ()) for key in found
    }
    by_side = {CertificateSide.LOCAL: [*found], CertificateSide.PEER: []}
    uses = usage.Uses(by_hash, [*found], by_side, is_complete=True)
    contents = store.StoreContents(StoreState.READABLE, found)
    held = inventory.Inventory(None, uses, contents, frozenset(found))  # type: ignore[arg-type]  # not used

    for period in (timedelta(0), timedelta(days=30), timedelta(days=999_999), timedelta.max):
        before = inventory.end_of(period, now)
        selected = [*held.select(inventory.CertificateSelection(expires_before=before))]
        assert selected == [
            key
            for key, decoded in found.items()
            if decoded is not None and decoded.not_after - now < period
        ]


def test_expiring_certificates_are_found(serve: Serve, simulator: Simulator) -> None:
    client = serve()
    days = {"ended": -3, "week": 6.5, "month": 29.5, "year": 365}
    for number, (subject, each) in enumerate(days.items(), 1):
        encoded = certificate(name(subject), days=each)
        simulator.put_certificate(thumbprint_of(encoded), encoded)
        use(simulator, thumbprint_of(encoded), first=number)
    use(simulator, NEVER, first=9)

    def within(period: str) -> set[str]:
        return {item["subject"][3:] for item in shown(client, f"expiresWithin={period}")}

    assert within("0s") == {"ended"}
    assert within("7d") == {"ended", "week"}
    assert within("30d") == {"ended", "week", "month"}
    assert within("999999d") == {*days}


@pytest.mark.parametrize(
    "query",
    [
        *("side=both", "expiresWithin=30", "expiresWithin=-1d", "expiresWithin=1w", "cursor=xyz"),
        *("cursor=abc", "limit=0", "view=basic", "maxAge=1&cursor=00"),
        "expiresWithin=1d&expiresWithin=2d",
    ],
)
def test_other_parameters_are_rejected(query: str, client: TestClient) -> None:
    answer = client.get(f"/certificates?{query}")

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_parameters")


@pytest.mark.parametrize(
    ("path", "status"),
    [(NEVER.hex(), 404), ("ff", 404), ("f", 422), ("xx" * 20, 422), ("00" * 65, 422)],
)
def test_other_thumbprints_are_not_found(path: str, status: int, client: TestClient) -> None:
    assert client.get(f"/certificates/{path}").status_code == status


def test_an_engine_without_ikeext_has_none(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=25)
    simulator.fail("IkeextSaCreateEnumHandle0", 0x80320044, times=0)  # FWP_E_IKEEXT_NOT_RUNNING

    page = client.get("/certificates").json()

    assert (page["items"], page["ikeext"]) == ([], "not_running")


def test_an_engine_that_fails_is_a_problem(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=25)
    simulator.stop_engine()

    for path in ("/certificates", f"/certificates/{NEVER.hex()}"):
        assert client.get(path).json()["code"] == "engine_unavailable"


# ---- the store ----


def test_a_store_that_cannot_be_read_is_reported_once(
    serve: Serve, simulator: Simulator, caplog: pytest.LogCaptureFixture
) -> None:
    client = serve(contexts=25)
    simulator.fail("CertOpenStore", 5, times=0)

    for _ in range(3):
        page = client.get("/certificates?side=local&maxAge=0").json()
        assert page["store"] == "unreadable"
        assert page["items"]
        assert {(item["isInStore"], item["notAfter"]) for item in page["items"]} == {(None, None)}
    assert caplog.text.count("certificate_store_unreadable") == 1
    assert "CertOpenStore returned ERROR_ACCESS_DENIED" in caplog.text
    assert simulator.calls("CertOpenStore") == 1


def test_a_system_may_have_no_store(
    serve: Serve, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(contexts=600)
    monkeypatch.setattr(Library, "has", lambda _library, function: function != "CertOpenStore")

    page = client.get("/certificates?side=local").json()

    assert page["store"] == "none"
    assert [item["isInStore"] for item in page["items"]] == [None] * 4
    assert "certificate_store_unreadable" not in caplog.text


def test_a_system_without_threads_is_reported(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Future[Any]()
    failed.set_exception(OSError(11, "no more threads"))
    monkeypatch.setattr(store, "start_daemon", lambda *_arguments: failed)

    assert serve(contexts=600).get("/certificates").json()["store"] == "unreadable"


def test_the_store_is_read_again_only_for_what_is_new_or_old(
    serve: Serve, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve()
    use(simulator, NEVER)
    for _ in range(3):
        shown(client, "maxAge=0")
    assert simulator.calls("CertOpenStore") == 1

    use(simulator, b"\1" * 20, first=2)
    for _ in range(3):
        shown(client, "maxAge=0")
    assert simulator.calls("CertOpenStore") == 2

    monkeypatch.setattr(store, "LIFETIME_SECONDS", 0.0)
    simulator.delete_ike_sa(2)
    shown(client, "maxAge=0")
    use(simulator, b"\2" * 20, first=3)
    before = simulator.calls("CertOpenStore")
    shown(client, "maxAge=0")
    shown(client, "maxAge=0")
    assert simulator.calls("CertOpenStore") == before + 2


def test_a_store_that_hangs_delays_one_request_and_costs_one_thread(
    serve: Serve, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "READ_SECONDS", 0.05)
    monkeypatch.setattr(store, "LIFETIME_SECONDS", 0.0)
    client = serve()
    use(simulator, NEVER)
    simulator.delay("CertOpenStore", 1000)

    for _ in range(3):
        assert client.get("/certificates?maxAge=0").json()["store"] == "unreadable"
    assert simulator.calls("CertOpenStore") == 1
    simulator.delay("CertOpenStore", 0)
    monkeypatch.setattr(store, "READ_SECONDS", 30.0)

    assert client.get("/certificates?maxAge=0").json()["store"] == "readable"
    assert simulator.calls("CertOpenStore") == 2


# ---- bounds ----


class Watched(dict[bytes, usage.Use]):
    """Certificates that must not be scanned, and whose look-ups are recorded."""

    looked_up: set[bytes]

    def __getitem__(self, hash_: bytes) -> usage.Use:
        self.looked_up.add(hash_)
        return super().__getitem__(hash_)

    def get(self, hash_: bytes, default: Any = None) -> Any:
        self.looked_up.add(hash_)
        return super().get(hash_, default)

    def __iter__(self) -> NoReturn:
        raise AssertionError

    items = keys = values = __iter__


def test_requests_and_scrapes_examine_only_certificates_that_can_match(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = Watched.looked_up = set()
    count = usage.count

    def watched(snapshot: Snapshot) -> usage.Uses:
        uses = count(snapshot)
        return uses._replace(by_hash=Watched(uses.by_hash))

    monkeypatch.setattr(part, "count", watched)
    client = serve(contexts=600)

    local = shown(client, "side=local")
    expiring = shown(client, "expiresWithin=99999d")
    assert len(series(client)) == len(local) == len(expiring) == 4
    assert looked_up == {bytes.fromhex(item["thumbprint"]) for item in local}

    assert len(shown(client)) > 50
    assert len(looked_up) > 50


def test_requests_sort_no_addresses(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """A certificate may have as many peers as there are main mode SAs."""
    found = shown(client := serve(contexts=200))
    sort = Mock(wraps=heapq.nsmallest)
    monkeypatch.setattr(usage, "nsmallest", sort)

    for each in found[:10]:
        detail = client.get(f"/certificates/{each['thumbprint']}").json()
        assert len(detail["peerAddresses"]) == min(each["peers"], usage.MAX_PEERS)
    assert not sort.called
    client.get("/certificates?maxAge=0")
    assert not sort.called  # no main mode SA has changed


def test_certificates_of_peers_are_bounded_and_never_displace_this_hosts(
    serve: Serve, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usage, "MAX_CERTIFICATES", 3)
    client = serve()
    for number in range(1, 7):
        proof = (name("p").public_bytes(), bytes([number]) * 20)
        tree = main_mode(number, "198.51.100.1", (None, proof))
        simulator.put_ike_sa(tree.address)
    use(simulator, NEVER, first=8)

    page = client.get("/certificates").json()

    assert page["missed"] is True
    assert [item["thumbprint"][:2] for item in page["items"]] == ["00", "01", "02", "03"]
    assert reason_against(page, SCHEMA + "CertificatePage") is None


def test_only_some_certificates_of_this_host_are_looked_up(
    serve: Serve, simulator: Simulator
) -> None:
    client = serve()
    use(simulator, *(bytes([number]) * 20 for number in range(usage.MAX_LOCAL + 5)))

    found = [item["isInStore"] for item in shown(client, "side=local")]

    assert found == [False] * usage.MAX_LOCAL + [None] * 5
    assert simulator.calls("CertFindCertificateInStore") == usage.MAX_LOCAL


class OneSnapshot:
    """The stores behind `CertificatesPart`: always the same main mode SAs, and no certificates."""

    async def snapshot_at_most(self, _max_age: float) -> SimpleNamespace:
        return SimpleNamespace(epoch="e", content_revision=1, index_keys=[])

    async def look_up(self, _thumbprints: frozenset[bytes]) -> store.StoreContents:
        return store.StoreContents(StoreState.NONE)


@pytest.mark.anyio
async def test_a_caller_who_waits_for_a_seat_delays_no_other() -> None:
    limiter, behind, ended = FairLimiter(1), OneSnapshot(), list[str]()
    certificates = CertificatesPart(behind, behind, limiter)  # type: ignore[arg-type]

    async def request(caller: str) -> None:
        CALLER.set(caller)
        await certificates.inventory(0)
        ended.append(caller)

    async with anyio.create_task_group() as tasks:
        CALLER.set("busy")
        first, second = limiter.join(), limiter.join()
        tasks.start_soon(request, "busy")
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(request, "other")
        await anyio.wait_all_tasks_blocked()
        assert limiter.waiting == 3

        limiter.leave(first)
        await second.wait()
        limiter.leave(second)
    assert ended == ["other", "busy"]


# ---- metrics ----


def series(client: TestClient) -> dict[str, float]:
    return {
        labels: float(value)
        for labels, value in re.findall(
            r"^wfp_certificate_expiry_timestamp_seconds\{(.*)\} (.*)$",
            client.get("/metrics").text,
            re.MULTILINE,
        )
    }


def test_metrics_have_the_ends_of_this_hosts_certificates(serve: Serve) -> None:
    client = serve(contexts=600)
    assert series(client) == {}
    expected = {
        f'subject="{item["subject"]}",thumbprint="{item["thumbprint"]}"': datetime.fromisoformat(
            item["notAfter"]
        ).timestamp()
        for item in shown(client, "side=local")
    }

    assert len(expected) == 4
    assert series(client) == expected


def test_the_server_finds_certificates_by_itself(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "DELAY_SECONDS", 0.01)
    client = serve(contexts=600)

    while not series(client):
        pass
    assert len(series(client)) == 4


@pytest.mark.anyio
async def test_a_server_that_is_not_scraped_reads_nothing(
    serve: Serve, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "DELAY_SECONDS", 0.0)
    monkeypatch.setattr(metrics, "INTERVAL_SECONDS", 0.0)
    app: Any = serve(contexts=25).app
    certificates: CertificatesPart = app.state.service.part(CertificatesPart)
    collector, calls = metrics.CertificateCollector(certificates), list[float]()

    async def inventory(max_age: float) -> None:
        calls.append(max_age)
        raise ShuttingDown

    monkeypatch.setattr(certificates, "inventory", inventory)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(collector.run)
        for _ in range(50):
            await anyio.lowlevel.checkpoint()
        assert calls == []
        [*collector.collect()]
    assert calls == [0.0]
    assert simulator.calls("IkeextSaCreateEnumHandle0") == 0


def test_series_are_bounded(
    serve: Serve, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MAX_SERIES", 2)
    client = serve()
    for number in range(1, 5):
        encoded = certificate(hostile_name("n" * 500), days=number, serial=number)
        simulator.put_certificate(thumbprint_of(encoded), encoded)
        use(simulator, thumbprint_of(encoded), first=number)
    ends = sorted(item["notAfter"] for item in shown(client))

    found = series(client)

    assert sorted(found.values()) == [datetime.fromisoformat(end).timestamp() for end in ends[:2]]
    assert all(len(labels) < 220 for labels in found)


def test_a_failure_does_not_end_the_sampler(
    serve: Serve, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "DELAY_SECONDS", 0.01)
    monkeypatch.setattr(metrics, "INTERVAL_SECONDS", 0.02)
    simulator.fail("IkeextSaCreateEnumHandle0", 5, times=2)
    client = serve(contexts=600, refresh_interval_seconds=0.01)

    while not series(client):
        pass
    assert len(series(client)) == 4
