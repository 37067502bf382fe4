"""Reports as an agent makes them, and an agent without a server."""

from __future__ import annotations

import gzip
import secrets
from collections.abc import Iterable
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from httpx2 import Response
from starlette.testclient import TestClient

from app.fleet.hashes import hash_of
from app.fleet.identity import host_id_of, statement


def sa_context(number: int, **changes: Any) -> dict[str, Any]:
    """Return the smallest SA context: one that is being built."""
    return {"saContextId": str(number), "inboundSa": None, "outboundSa": None, **changes}


def encoded(lines: Iterable[dict[str, Any]]) -> bytes:
    """Return the body of a report."""
    return gzip.compress(b"\n".join(map(orjson.dumps, lines)), 1)


def changes(
    after: int, revision: int, lines: Iterable[dict[str, Any]] = (), epoch: str = "a"
) -> bytes:
    """Return the body of a report of changes."""
    head = {"channel": "sa-contexts", "epoch": epoch, "after": after, "revision": revision}
    return encoded([head, *lines])


def added(revision: int, content: dict[str, Any]) -> dict[str, Any]:
    """Return the line of an added object."""
    number = content["saContextId"]
    return {"revision": revision, "kind": "added", "id": number, "object": content}


def deleted(revision: int, number: int) -> dict[str, Any]:
    """Return the line of a deleted object."""
    return {"revision": revision, "kind": "deleted", "id": str(number)}


def hashed(content: dict[str, Any]) -> dict[str, Any]:
    """Return the line of an object of a snapshot by its hash."""
    number = content["saContextId"]
    return {"id": number, "hash": hash_of(int(number), orjson.dumps(content)).hex()}


def whole(content: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a whole object of a snapshot."""
    return {**hashed(content), "object": content}


def part(
    revision: int,
    lines: Iterable[dict[str, Any]] = (),
    epoch: str = "a",
    *,
    is_first: bool = False,
    is_last: bool = False,
) -> bytes:
    """Return the body of a part of a snapshot."""
    head = {
        "channel": "sa-contexts",
        "epoch": epoch,
        "revision": revision,
        "isFirst": is_first,
        "isLast": is_last,
    }
    return encoded([head, *lines])


class Agent:
    """An agent that sends what a test says.

    Attributes:
        host_id: the id of its host.
        positions: the hub's positions when the session was opened.
    """

    def __init__(self, hub: TestClient, token: str, name: str = "WEB01") -> None:
        self._hub = hub
        self._key = Ed25519PrivateKey.generate()
        self._name = name
        self._token = token
        self._headers: dict[str, str] = {}
        self.public_key = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.host_id = host_id_of(self.public_key)
        self.positions: dict[str, Any] = {}

    def enrol(self) -> Response:
        """Enrol."""
        about = {"token": self._token, "publicKey": self.public_key.hex(), "machine": "00" * 32}
        return self._post("enrolments", {**about, "name": self._name, "version": "0.1.0"})

    def request_of_session(self, **changed: Any) -> dict[str, Any]:
        """Return a request for a session, with some members changed after it was signed."""
        nonce = self._post("challenges", {}).json()["nonce"]
        instance = secrets.token_hex(8)
        signature = self._key.sign(statement(self.host_id, nonce, instance)).hex()
        about = {"hostId": self.host_id, "nonce": nonce, "instance": instance}
        return {
            **about,
            "signature": signature,
            "name": self._name,
            "version": "0.1.0",
            **changed,
        }

    def open_session(self, request: dict[str, Any] | None = None) -> Response:
        """Open a session."""
        answer = self._post("sessions", request or self.request_of_session())
        if answer.status_code == 201:
            self.positions = answer.json()["positions"]
            self._headers = {"Authorization": f"Bearer {answer.json()['session']}"}
        return answer

    def report(self, path: str, body: bytes) -> Response:
        """Send a report."""
        return self._hub.post(f"/fleet/v1/{path}", content=body, headers=self._headers)

    def beat(self, **about: Any) -> Response:
        """Send a heartbeat."""
        return self._post("heartbeats", {"time": 0, **about})

    def _post(self, path: str, about: dict[str, Any]) -> Response:
        return self._hub.post(f"/fleet/v1/{path}", json=about, headers=self._headers)
