"""The identity of this host in a fleet: a key that is made here and never leaves."""

from __future__ import annotations

import socket
import sys
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Final

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.files.creation import create_file
from app.files.reading import FileUnreadable, read_file
from app.fleet.identity import host_id_of
from app.fleet.wire import Hex32


log = structlog.get_logger(__name__)

FILE: Final = "identity.json"
MAX_BYTES: Final = 4096


class IdentityUnusable(Exception):
    """The identity cannot be read or created; the message names the file and says why."""


class _File(BaseModel):
    """The content of the file.

    Attributes:
        key: the private key, in hexadecimal.
        machine: the digest of the machine that it was made on.
    """

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    key: Annotated[Hex32, Field(repr=False)]
    machine: Hex32


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity of this host.

    Attributes:
        machine: a digest of what identifies the machine.
        public_key: the public key (RFC 8032).
    """

    machine: str
    public_key: bytes
    _key: Ed25519PrivateKey = field(repr=False)

    @property
    def host_id(self) -> str:
        """The host's id."""
        return host_id_of(self.public_key)

    def sign(self, text: bytes) -> bytes:
        """Return the signature of a text."""
        return self._key.sign(text)


def identity_in(folder: Path) -> Identity:
    """Return the identity in a folder; make one if there is none, or if it was copied here.

    A machine that was cloned with the file of another one gets a key of its own, so that the two
    are two hosts.

    Raises:
        IdentityUnusable: the file cannot be read or created, or has other content.
    """
    path, machine = folder / FILE, machine_digest()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if path.exists():
            found = _File.model_validate_json(read_file(path, MAX_BYTES).content)
            if found.machine == machine:
                return _identity(bytes.fromhex(found.key), machine)
            log.warning("identity_of_another_machine", path=str(path))
            path.replace(path.with_suffix(".other-machine"))
        key = Ed25519PrivateKey.generate().private_bytes(
            Encoding.Raw, PrivateFormat.Raw, NoEncryption()
        )
        create_file(path, _File(key=key.hex(), machine=machine).model_dump_json().encode())
    except ValidationError:
        raise IdentityUnusable(f"{path} is no identity of a host") from None
    except FileUnreadable as error:
        raise IdentityUnusable(f"cannot read {path}: {error}") from None
    except OSError as error:
        raise IdentityUnusable(f"cannot create {path}: {error.strerror}") from None
    return _identity(key, machine)


def _identity(raw: bytes, machine: str) -> Identity:
    key = Ed25519PrivateKey.from_private_bytes(raw)
    return Identity(machine, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw), key)


def machine_digest() -> str:
    """Return a digest of what identifies this machine, and a copy of its disk elsewhere does not.

    It is that of MachineGuid on Windows, which Sysprep renews, and elsewhere that of machine-id(5).
    """
    return sha256(b"machine of the fleet\0" + _machine_id().encode()).hexdigest()


def _machine_id() -> str:
    if sys.platform == "win32":
        import winreg  # noqa: PLC0415  # Windows only

        with winreg.OpenKey(
            winreg.HKEY_LOCAL_MACHINE,
            r"SOFTWARE\Microsoft\Cryptography",
            access=winreg.KEY_READ | winreg.KEY_WOW64_64KEY,
        ) as key:
            return str(winreg.QueryValueEx(key, "MachineGuid")[0])
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except OSError:  # as in many containers
        return socket.gethostname()
