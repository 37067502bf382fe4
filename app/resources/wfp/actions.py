"""The actions on the engine that several resources perform, with the rights that they require.

By default, only Administrators and Network Configuration Operators have these rights
(learn.microsoft.com, "Access Control (Windows Filtering Platform)").
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from typing import Any, Final

from app.api.resource import EngineAction
from bindings.enumeration import ObjectReader
from bindings.session import Session


IPSEC_DATABASE: Final = "the IPsec SA database"
IKE_DATABASE: Final = "the IKE SA database"


def enumeration(
    name: str, objects: str, container: str, reader: Callable[[Session], ObjectReader[Any, Any]]
) -> EngineAction:
    """Return the action of enumerating objects, attempted by reading one.

    Args:
        name: the name of the doctor's check.
        objects: the objects in words.
        container: the object that the right is for.
        reader: creates the objects' reader.
    """

    def attempt(session: Session) -> None:
        with closing(reader(session).arrays(size=1)) as arrays, next(arrays):
            pass

    return EngineAction(
        name, f"read {objects}", "FWPM_ACTRL_ENUM and FWPM_ACTRL_READ", container, attempt
    )
