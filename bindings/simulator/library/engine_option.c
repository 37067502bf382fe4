/* FwpmEngineGetOption0, FwpmEngineSetOption0. */

#include "calls.h"
#include "connection_store.h"
#include "engine.h"
#include "handles.h"
#include "net_events.h"
#include "results.h"

/* Return the value of an option; 0 for options that the simulator does not support. */
static UINT32 option_value(FWPM_ENGINE_OPTION option)
{
    switch (option) {
    case FWPM_ENGINE_COLLECT_NET_EVENTS:
        return (UINT32)net_events_are_collected();
    case FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS:
        return (UINT32)connections_are_monitored();
    default:
        return 0;
    }
}

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
    FWP_VALUE0 *result = results_create(sizeof *result);
    if (result == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    result->type = FWP_UINT32;
    result->uint32 = option_value(option);
    *value = result;
    return ERROR_SUCCESS;
}

DWORD WINAPI FwpmEngineGetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option,
                                  FWP_VALUE0 **value)
{
    UINT32 code = calls_begin(ENGINE_GET_OPTION);
    return calls_end(code != 0 ? code : get_option(engineHandle, option, value));
}

/* Set an option to a valid value. Return an error code, or 0. Microsoft documents that connection
 * monitoring cannot be disabled, but not what setting 0 returns while it is off. */
static UINT32 apply_option(FWPM_ENGINE_OPTION option, UINT32 value)
{
    switch (option) {
    case FWPM_ENGINE_COLLECT_NET_EVENTS:
        net_events_collect(value != 0);
        return ERROR_SUCCESS;
    case FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS:
        if (value == 0) {
            return connections_are_monitored() ? FWP_E_STILL_ON : ERROR_SUCCESS;
        }
        connections_monitor(1);
        return ERROR_SUCCESS;
    default:
        return ERROR_NOT_SUPPORTED;
    }
}

static UINT32 set_option(HANDLE engineHandle, FWPM_ENGINE_OPTION option, const FWP_VALUE0 *newValue)
{
    if (newValue == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    if (handles_session(engineHandle)->is_dynamic) {
        return FWP_E_DYNAMIC_SESSION_IN_PROGRESS;
    }
    if ((UINT32)option >= FWPM_ENGINE_OPTION_MAX) {
        return FWP_E_INVALID_ENUMERATOR;
    }
    return newValue->type == FWP_UINT32 ? apply_option(option, newValue->uint32)
                                        : FWP_E_TYPE_MISMATCH;
}

DWORD WINAPI FwpmEngineSetOption0(HANDLE engineHandle, FWPM_ENGINE_OPTION option,
                                  const FWP_VALUE0 *newValue)
{
    UINT32 code = calls_begin(ENGINE_SET_OPTION);
    return calls_end(code != 0 ? code : set_option(engineHandle, option, newValue));
}
