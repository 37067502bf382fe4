"""The actions on the engine that several resources perform, with the rights that they require.

Administrators and Network Configuration Operators have these rights by default
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
    """Return the action of enumerating objects. An attempt reads at most one object.

    Args:
        name: the name of the doctor's check.
        objects: the plural noun for the objects.
        container: the object to which the right applies.
        reader: creates a reader of the objects from a session.
    """

    def attempt(session: Session) -> None:
        with closing(reader(session).arrays(size=1)) as arrays, next(arrays):
            pass

    return EngineAction(
        name, f"read {objects}", "FWPM_ACTRL_ENUM and FWPM_ACTRL_READ", container, attempt
    )
