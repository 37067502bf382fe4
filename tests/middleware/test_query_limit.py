"""Queries with more parameters than any list has."""

from __future__ import annotations

from time import process_time

import pytest

from tests.api.test_problems import assert_problem
from tests.conftest import Serve


MOST = "&".join(["spi=1"] * 16 + ["remoteAddress=10.0.0.1"] * 16)
"""Every value that two filters may have."""


def test_all_values_of_filters_are_accepted(serve: Serve) -> None:
    client = serve(contexts=3)

    assert client.get(f"/sa-contexts?{MOST}").status_code == 200


@pytest.mark.parametrize("path", ["/sa-contexts", "/sa-contexts/summary", "/sa-contexts/1"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_thousands_of_parameters_are_not_parsed(serve: Serve, path: str, method: str) -> None:
    client = serve(contexts=1)
    query = "&".join(f"a{number}" for number in range(2500))
    response = client.request(method, f"{path}?{query}")

    assert response.status_code == 422
    if method == "GET":
        problem = assert_problem(response, 422, "invalid_parameters")
        assert [error["reason"] for error in problem["errors"]] == [
            "There should be at most 320 parameters"
        ]


def test_thousands_of_parameters_cost_no_more_than_a_few(serve: Serve) -> None:
    client = serve(contexts=1)

    def cost(count: int) -> float:
        query = "&".join(f"a{number}" for number in range(count))
        took = []
        for _ in range(10):
            began = process_time()
            assert client.get(f"/sa-contexts?{query}").status_code == 422
            took.append(process_time() - began)
        return min(took)

    assert cost(2500) < 2 * cost(100)
