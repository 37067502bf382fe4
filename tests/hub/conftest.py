"""A hub with an empty database, and hosts that have enrolled."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from app.hub.bootstrap import create_hub
from app.hub.credentials import new_token, secret_hash
from app.hub.main import create_hub_app
from app.hub.service import HubService
from app.hub.settings import HubSettings
from app.hub.store import Token
from tests.hub.reporting import Agent


Enrolled = Callable[..., Agent]


def hub_settings(**settings: Any) -> HubSettings:
    """Return the settings of a hub, the others being the defaults."""
    return HubSettings(**settings)


@pytest.fixture
def service(tmp_path: Path) -> HubService:
    return create_hub(hub_settings(database=tmp_path / "hub.db", rate_limit_per_address=1_000_000))


@pytest.fixture
def hub(service: HubService) -> Iterator[TestClient]:
    application = create_hub_app(service)
    with TestClient(application, "http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def token(service: HubService) -> str:
    return add_token(service)


def add_token(
    service: HubService, *, uses: int | None = None, expires_at: float | None = None
) -> str:
    """Add an enrolment token and return its text."""
    token_id, text = new_token()
    token = Token(token_id, "by a test", time.time(), expires_at, uses)
    service.database.store.add_token(token, secret_hash(text))
    return text


@pytest.fixture
def enrolled(hub: TestClient, token: str) -> Enrolled:
    """Return a function that enrols a host and opens a session."""

    def make(name: str = "WEB01") -> Agent:
        agent = Agent(hub, token, name)
        assert agent.enrol().status_code == 201
        assert agent.open_session().status_code == 201
        return agent

    return make
