/* FwpmEngineGetOption0. */

#include "calls.h"
#include "connection_store.h"
#include "engine.h"
#include "net_events.h"
#include "results.h"

static UINT32 get_option(HANDLE engineHandle, FWPM_ENGINE_OPTION option, FWP_VALUE0 **value)
{
    if (value == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    if ((UINT32)option >= FWPM_ENGINE_OPTION_MAX) {
        return FWP_E_INVALID_ENUMERATOR;
    }
    FWP_VALUE0 *given = results_create(sizeof *given);
    if (given == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    given->type = FWP_UINT32;
    given->uint32 = (option == FWPM_ENGINE_COLLECT_NET_EVENTS && net_events_are_collected())
                    || (option == FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS
                        && connections_are_monitored());
    *value = given;
    return ERROR_SUCCESS;
}

DWORD WINAPI FwpmEngineGetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option,
                                  FWP_VALUE0 **value)
{
    UINT32 code = calls_begin(ENGINE_GET_OPTION);
    return calls_end(code != 0 ? code : get_option(engineHandle, option, value));
}
