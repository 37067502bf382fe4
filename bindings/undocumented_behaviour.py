"""Experiments that observe undocumented behaviour of SA context enumerations.

The doctor uses them; the server does not.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, Final, NamedTuple

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.errors import EngineError
from bindings.session import Session
from bindings.template import SubnetTemplate


NO_MATCH: Final = SubnetTemplate(local=ip_network("192.0.2.0/32"))
"""An address reserved for documentation (RFC 5737), so no SA should have it."""


class EmptyPage(NamedTuple):
    """The result of an enumeration that matches nothing.

    Attributes:
        returned: the number of entries reported.
        has_array: whether the engine returned an array that must be freed.
    """

    returned: int
    has_array: bool


def empty_page(session: Session) -> EmptyPage:
    """Read the first page of an enumeration whose template matches nothing.

    Raises:
        NeverMatch: the engine rejects the template.
        EngineError: as for any enumeration.
    """
    generation, handle = _generation(session), _create_handle(session)
    returned = ffi.new("UINT32 *")
    try:
        with session.result(f"IPSEC_SA_CONTEXT{generation} ***") as entries:
            session.call(f"IPsecSaContextEnum{generation}", handle, 1, entries, returned)
            return EmptyPage(returned[0], bool(entries[0]))
    finally:
        session.call("IPsecSaContextDestroyEnumHandle0", handle)


def stale_handle_error(session: Session) -> EngineError | None:
    """Use a destroyed enumeration handle; return the error, or None if the handle is accepted.

    The library may crash the process instead.
    """
    generation, handle = _generation(session), _create_handle(session)
    session.call("IPsecSaContextDestroyEnumHandle0", handle)
    try:
        with session.result(f"IPSEC_SA_CONTEXT{generation} ***") as entries:
            returned = ffi.new("UINT32 *")
            session.call(f"IPsecSaContextEnum{generation}", handle, 1, entries, returned)
    except EngineError as error:
        return error
    return None


def _generation(session: Session) -> int:
    return int(session.library.has("IPsecSaContextEnum1"))


def _create_handle(session: Session) -> Any:
    template = NO_MATCH.as_c(Ipv6Order.NETWORK)
    handle = ffi.new("HANDLE *")
    session.call("IPsecSaContextCreateEnumHandle0", template.pointer, handle)
    return handle[0]
