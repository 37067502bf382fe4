"""`/statistics`: every counter of WFP with its width, rarely read, with distinct rejections."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from typing import Any

import pytest
from sa_contexts_simulator import Simulator
from starlette.testclient import TestClient

from app.resources.statistics.sampler import StatisticsSampler
from app.resources.statistics.schema import IkeextStatistics, IpsecStatistics
from tests.api.test_engine import until
from tests.api.test_problems import assert_problem
from tests.bindings.structs import ABI
from tests.conftest import Serve


PATHS = {"/statistics/ipsec": "IPSEC_STATISTICS1", "/statistics/ike": "IKEEXT_STATISTICS1"}
FUNCTIONS = {"/statistics/ipsec": "IPsecGetStatistics", "/statistics/ike": "IkeextGetStatistics"}


def counters(struct: str, at: int = 0) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """Every counter of a struct, in which struct however deep: its names, place and type."""
    for name, field in ABI["structs"][struct]["fields"].items():
        place = at + field["offset"]
        if field["type"] in ABI["structs"]:
            for names, offset, type_ in counters(field["type"], place):
                yield (name, *names), offset, type_
        else:
            yield (name,), place, field["type"]


def put(simulator: Simulator, path: str, content: bytes) -> None:
    memory = ctypes.create_string_buffer(content, len(content))
    if path == "/statistics/ipsec":
        simulator.put_ipsec_statistics(ctypes.addressof(memory))
    else:
        simulator.put_ike_statistics(ctypes.addressof(memory))


def at(answer: Any, names: tuple[str, ...]) -> Any:
    for name in names:
        answer = answer[name]
    return answer


@pytest.mark.parametrize(("path", "struct"), list(PATHS.items()))
def test_every_counter_is_there_under_its_name_and_in_its_width(
    serve: Serve, simulator: Simulator, path: str, struct: str
) -> None:
    client = serve()
    size = ABI["structs"][struct]["size"]
    content = bytes((7 * i + 3) % 251 for i in range(size))
    put(simulator, path, content)

    answer = client.get(path).json()

    seen = 0
    for names, offset, type_ in counters(struct):
        if type_ == "UINT32[97]":
            words = [content[offset + 4 * i : offset + 4 * i + 4] for i in range(97)]
            expected = [(13800 + i, int.from_bytes(word, "little")) for i, word in enumerate(words)]
            table = [(each["code"], each["frequency"]) for each in at(answer, names)]
            assert table == [(code, count) for code, count in expected if count]
        elif type_ == "UINT64":
            value = int.from_bytes(content[offset : offset + 8], "little")
            assert at(answer, names) == str(value), names
        else:
            assert type_ == "UINT32"
            value = int.from_bytes(content[offset : offset + 4], "little")
            assert at(answer, names) == value, names
        seen += 1
    assert seen > 30


def test_errors_have_their_names(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=50)
    simulator.churn(2000)

    answer = client.get("/statistics/ike").json()

    met = {
        (each["error"], each["code"])
        for module in ("ikeStatistics", "authipStatistics", "ikeV2Statistics")
        for each in answer[module]["errorFrequencyTable"]
    }
    assert met == {
        ("ERROR_IPSEC_IKE_AUTH_FAIL", 13801),
        ("ERROR_IPSEC_IKE_TIMED_OUT", 13805),
        ("ERROR_IPSEC_IKE_NO_CERT", 13806),
        ("ERROR_IPSEC_IKE_POLICY_MATCH", 13868),
    }


def test_an_error_without_a_name_is_shown_by_its_number(serve: Serve, simulator: Simulator) -> None:
    client = serve()
    content = bytearray(ABI["structs"]["IKEEXT_STATISTICS1"]["size"])
    content[144:148] = (5).to_bytes(4, "little")  # the first place of IKE's table
    put(simulator, "/statistics/ike", bytes(content))

    table = client.get("/statistics/ike").json()["ikeStatistics"]["errorFrequencyTable"]

    assert [(each["code"], each["frequency"]) for each in table] == [(13800, 5)]


def test_the_reading_is_reported(serve: Serve) -> None:
    client = serve(contexts=5)
    for path, shape in (
        ("/statistics/ipsec", IpsecStatistics),
        ("/statistics/ike", IkeextStatistics),
    ):
        response = client.get(path)
        sample = shape.model_validate(response.json()).sample

        assert sample.engine == "simulator"
        assert sample.modulus == 2**32
        assert sample.taken_at.tzinfo is not None
        assert response.headers["cache-control"] == "no-store"
        assert client.head(path).status_code == 200
        assert client.get(path, headers={"accept": "text/html"}).status_code == 406
        assert_problem(client.get(f"{path}?x=1"), 422, "invalid_parameters")


def test_a_wrapped_counter_can_be_unwound(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=100)
    content = bytearray(ABI["structs"]["IPSEC_STATISTICS1"]["size"])
    content[16:20] = (2**32 - 3).to_bytes(4, "little")  # successfulRekeys
    put(simulator, "/statistics/ipsec", bytes(content))
    service = client.app.state.service  # type: ignore[attr-defined]  # FastAPI
    service.part(StatisticsSampler).clock = iter(
        range(0, 100, 2)
    ).__next__  # each time two seconds later

    first = client.get("/statistics/ipsec").json()
    simulator.churn(500)
    second = client.get("/statistics/ipsec").json()

    before, after = (each["aggregateSaStatistics"]["successfulRekeys"] for each in (first, second))
    assert before == 2**32 - 3
    assert after < before
    assert 20 < (after - before) % first["sample"]["modulus"] < 200
    assert first["sample"]["epoch"] == second["sample"]["epoch"]


def test_all_who_ask_within_a_second_share_one_reading(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=5)
    service = client.app.state.service  # type: ignore[attr-defined]  # FastAPI
    service.part(StatisticsSampler).clock = iter([0.0, 0.5, 0.99, 1.0, 1.5]).__next__

    taken = [client.get("/statistics/ike").json()["sample"]["takenAt"] for _ in range(5)]

    assert simulator.calls("IkeextGetStatistics1") == 2
    assert [taken.index(each) for each in taken] == [0, 0, 0, 3, 3]


def test_a_restart_of_the_engine_is_reported(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=50)
    service = client.app.state.service  # type: ignore[attr-defined]  # FastAPI
    service.part(StatisticsSampler).clock = iter(range(0, 100, 2)).__next__
    simulator.churn(500)
    before = [client.get(path).json() for path in PATHS]
    simulator.stop_engine()
    for path in PATHS:
        assert_problem(client.get(path), 503, "engine_unavailable")
    simulator.start_engine()

    after = [client.get(path).json() for path in PATHS]

    epochs = [each["sample"]["epoch"] for each in (*before, *after)]
    assert epochs[0] == epochs[1] != epochs[2] == epochs[3]
    assert after[0]["aggregateSaStatistics"]["successfulRekeys"] == 0
    assert before[0]["aggregateSaStatistics"]["successfulRekeys"] > 0


@pytest.mark.parametrize("path", list(PATHS))
@pytest.mark.parametrize(
    ("code", "status", "problem_code"),
    [
        (5, 503, "engine_access_denied"),
        (1745, 501, "not_supported_by_engine"),
        (1722, 503, "engine_unavailable"),
        (0x80320012, 503, "engine_busy"),
        (0x80320044, 503, "ikeext_not_running"),
        (8, 500, "engine_error"),
    ],
)
def test_rejections_are_distinguished(
    client: TestClient,
    simulator: Simulator,
    path: str,
    code: int,
    status: int,
    problem_code: str,
) -> None:
    assert client.get(path).status_code == 200
    service = client.app.state.service  # type: ignore[attr-defined]  # FastAPI
    service.part(StatisticsSampler).clock = iter(range(10**6, 10**7, 2)).__next__
    for generation in (0, 1):
        simulator.fail(f"{FUNCTIONS[path]}{generation}", code, times=0)

    response = client.get(path)

    problem = assert_problem(response, status, problem_code)
    documented = client.get("/openapi.json").json()["paths"][path]["get"]["responses"]
    assert f"`{problem_code}`" in documented[str(status)]["description"]
    assert problem["winError"] == code
    assert problem["function"].startswith(FUNCTIONS[path])
    assert ("FWPM_ACTRL_READ_STATS" in problem["detail"]) == (code == 5)
    assert ("retry-after" in response.headers) == (status == 503)
    simulator.clear_failures()
    assert client.get(path).status_code == 200


def test_vistas_functions_leave_out_what_they_lack(serve: Serve) -> None:
    client = serve(contexts=20, generation=0)

    ipsec, ike = (client.get(path).json() for path in PATHS)

    assert "totalDropPacketsInbound" not in ipsec["aggregateDropPacketStatistics"]
    assert "totalSuccessfulPackets" not in ipsec["inboundTrafficStatistics"]
    assert "ikeV2Statistics" not in ike
    IpsecStatistics.model_validate(ipsec)
    IkeextStatistics.model_validate(ike)


def test_a_slow_engine_is_not_waited_for_for_ever(serve: Serve, simulator: Simulator) -> None:
    client = serve(contexts=3, engine_timeout_seconds=0.05)
    until(lambda: simulator.calls("IPsecGetStatistics1") == 1)  # by the history, at the start
    for function in FUNCTIONS.values():
        simulator.delay(f"{function}1", 300)

    for path in PATHS:
        assert_problem(client.get(path), 503, "engine_timeout")
