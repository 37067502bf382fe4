"""The identity of this host: made once, kept, and not shared by clones."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.agent import identity
from app.agent.identity import IdentityUnusable, identity_in
from app.fleet.identity import host_id_of


def test_it_is_made_once(tmp_path: Path) -> None:
    made = identity_in(tmp_path / "agent")

    again = identity_in(tmp_path / "agent")
    assert again.host_id == made.host_id == host_id_of(made.public_key)
    Ed25519PublicKey.from_public_bytes(made.public_key).verify(again.sign(b"text"), b"text")


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    identity_in(tmp_path / "agent")

    for path in (tmp_path / "agent", tmp_path / "agent" / "identity.json"):
        assert not path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO)


def test_its_key_is_in_no_text(tmp_path: Path) -> None:
    made = identity_in(tmp_path)
    key = (tmp_path / "identity.json").read_text(encoding="ascii").split('"')[3]

    assert len(key) == 64
    assert key not in repr(made)


def test_a_clone_is_another_host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = identity_in(tmp_path)
    monkeypatch.setattr(identity, "_machine_id", lambda: "the clone's")

    clone = identity_in(tmp_path)
    assert clone.host_id != original.host_id
    assert identity_in(tmp_path).host_id == clone.host_id
    assert (tmp_path / "identity.other-machine").exists()


@pytest.mark.parametrize("content", [b"", b"{}", b'{"key":"00","machine":"00"}', b"\xff"])
def test_a_damaged_one_is_not_replaced(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "identity.json"
    path.write_bytes(content)

    with pytest.raises(IdentityUnusable, match=r"identity\.json"):
        identity_in(tmp_path)
    assert path.read_bytes() == content


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "agent").write_text("a file")

    with pytest.raises(IdentityUnusable, match="cannot create"):
        identity_in(tmp_path / "agent")


def test_a_machine_without_an_id_has_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_text(_path: Path, **_: object) -> str:
        raise FileNotFoundError

    made = identity.machine_digest()
    monkeypatch.setattr(Path, "read_text", read_text)
    assert identity.machine_digest() != made or not os.path.exists("/etc/machine-id")  # noqa: PTH110
