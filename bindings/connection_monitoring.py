"""The only change that this package makes to the engine (FwpmEngineSetOption0, fwpmu.h).

Only the command that asks an administrator for confirmation imports this module; import-linter
enforces that.
"""

from __future__ import annotations

from bindings._fwpuclnt import ffi
from bindings.engine_options import EngineOption
from bindings.enums import DataType
from bindings.library import Library
from bindings.session import Session


def enable_connection_monitoring(
    library: Library, *, transaction_wait_timeout_ms: int = 3000
) -> None:
    """Set MONITOR_IPSEC_CONNECTIONS to 1, in a session of its own that is not dynamic.

    From then on, the engine logs when connections begin and end, and notifies subscribers
    (FWPM_ENGINE_OPTION, fwpmtypes.h). Setting 0 fails with FWP_E_STILL_ON. The option exists since
    Windows 8 and Windows Server 2012, the function since Windows Vista.

    Args:
        library: the library of the engine.
        transaction_wait_timeout_ms: see `Session`.

    Raises:
        NotSupported: the library or the engine lacks the function.
        AccessDenied: the account lacks FWPM_ACTRL_WRITE on the engine.
        TransactionTimeout: another transaction blocked the engine for too long.
        EngineGone: the engine is stopped or unreachable.
        EngineError: any other error of the engine, such as FWP_E_INVALID_ENUMERATOR if it does not
            know the option.
    """
    value = ffi.new("FWP_VALUE0 *", {"type": DataType.UINT32, "uint32": 1})
    with Session(
        library, transaction_wait_timeout_ms=transaction_wait_timeout_ms, is_dynamic=False
    ) as session:
        session.call("FwpmEngineSetOption0", EngineOption.MONITOR_IPSEC_CONNECTIONS, value)
