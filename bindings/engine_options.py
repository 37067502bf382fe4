"""Options of the engine: what it collects and monitors (FwpmEngineGetOption0, fwpmu.h)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from bindings._fwpuclnt import ffi
from bindings.enums import DataType
from bindings.errors import reading
from bindings.memory import Layout
from bindings.session import Session


VALUE: Final = Layout("FWP_VALUE0", "type", "uint32")


class EngineOption(IntEnum):
    """FWPM_ENGINE_OPTION (fwpmtypes.h)."""

    COLLECT_NET_EVENTS = 0
    NET_EVENT_MATCH_ANY_KEYWORDS = 1
    NAME_CACHE = 2
    MONITOR_IPSEC_CONNECTIONS = 3
    PACKET_QUEUING = 4
    TXN_WATCHDOG_TIMEOUT_IN_MSEC = 5


def engine_option(session: Session, option: EngineOption) -> int | None:
    """Return the value of an option; None if it is not a FWP_UINT32.

    The call is cheap enough to be used as a check that the session is alive.

    Raises:
        NotSupported: the library or the engine lacks the function.
        AccessDenied: the account lacks FWPM_ACTRL_READ.
        EngineGone: the engine stopped or the session died.
        EngineError: any other error of the engine.
    """
    with session.result("FWP_VALUE0 **") as value:
        session.call("FwpmEngineGetOption0", option, value)
        with reading("FwpmEngineGetOption0"):
            return read_engine_option(int(ffi.cast("uintptr_t", value[0])))


def read_engine_option(address: int) -> int | None:
    """Return the FWP_UINT32 of the FWP_VALUE0 at `address`; None for NULL or another type."""
    if not address:
        return None
    type_, number = VALUE.read(address)
    return number if type_ == DataType.UINT32 else None
