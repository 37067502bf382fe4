"""What no page says of enumerations of SA contexts, as an engine can be seen to do it.

Nothing that serves needs these; they settle questions on a real host.
"""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any, Final, NamedTuple

from bindings._fwpuclnt import ffi
from bindings.addresses import Ipv6Order
from bindings.errors import EngineError
from bindings.session import Session
from bindings.template import SubnetTemplate


NOBODY: Final = SubnetTemplate(local=ip_network("192.0.2.0/32"))
"""An address for documentation (RFC 5737), which no host has and no SA can be of."""


class EmptyPage(NamedTuple):
    """A page of an enumeration that has nothing.

    Attributes:
        returned: how many entries it is said to have.
        has_array: whether there is an array all the same, which is to be freed.
    """

    returned: int
    has_array: bool


def empty_page(session: Session) -> EmptyPage:
    """The page of an enumeration whose template matches nothing.

    Raises:
        NeverMatch: the engine refuses such a template.
        EngineError: as for any enumeration.
    """
    generation, handle = _generation(session), _created(session)
    returned = ffi.new("UINT32 *")
    try:
        with session.result(f"IPSEC_SA_CONTEXT{generation} ***") as entries:
            session.call(f"IPsecSaContextEnum{generation}", handle, 1, entries, returned)
            return EmptyPage(returned[0], bool(entries[0]))
    finally:
        session.call("IPsecSaContextDestroyEnumHandle0", handle)


def stale_handle_error(session: Session) -> EngineError | None:
    """How an enumeration handle is refused that was destroyed; None where it is taken.

    A library may do worse than refuse, and end the process.
    """
    generation, handle = _generation(session), _created(session)
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


def _created(session: Session) -> Any:
    template = NOBODY.as_c(Ipv6Order.NETWORK)
    handle = ffi.new("HANDLE *")
    session.call("IPsecSaContextCreateEnumHandle0", template.pointer, handle)
    return handle[0]
