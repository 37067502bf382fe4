/* FwpmEngineOpen0, FwpmEngineClose0, FwpmFreeMemory0. */

#include "engine.h"

#include "calls.h"
#include "net_events.h"
#include "results.h"

static struct {
    int is_stopped;
    UINT32 restarts;
} engine;

int engine_is_running(void)
{
    return !engine.is_stopped;
}

UINT32 engine_run(void)
{
    return engine.restarts + 1;
}

void engine_stop(void)
{
    engine.is_stopped = 1;
    /* Enumerations and subscriptions end with the engine, without notice to their clients. */
    (void)handles_close_enumerations(NULL);
    handles_close_subscriptions(NULL);
    net_events_clear();
}

void engine_start(void)
{
    if (engine.is_stopped) {
        engine.is_stopped = 0;
        engine.restarts++;
        store_renegotiate(engine_run());
    }
}

void engine_reset(void)
{
    engine.is_stopped = 0;
    engine.restarts = 0;
    handles_reset();
}

UINT32 engine_check_session(HANDLE engineHandle)
{
    const session *found = handles_session(engineHandle);
    if (found == NULL) {
        return calls_misuse(ERROR_INVALID_HANDLE);
    }
    if (found->is_stale) {
        return ERROR_INVALID_HANDLE;
    }
    if (!engine_is_running()) {
        return RPC_S_SERVER_UNAVAILABLE;
    }
    return found->engine_run == engine_run() ? ERROR_SUCCESS : FWP_E_SESSION_ABORTED;
}

static UINT32 open_session(const char16_t *serverName, UINT32 authnService,
                           const FWPM_SESSION0 *session_options, HANDLE *engineHandle)
{
    session *made;
    if (engineHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    if (serverName != NULL) {
        return ERROR_INVALID_PARAMETER;
    }
    if (authnService != RPC_C_AUTHN_WINNT && authnService != RPC_C_AUTHN_DEFAULT) {
        return RPC_S_UNKNOWN_AUTHN_SERVICE;
    }
    if (!engine_is_running()) {
        return EPT_S_NOT_REGISTERED;
    }
    HANDLE opened = handles_open_session(&made);
    if (opened == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    made->engine_run = engine_run();
    made->is_dynamic =
        session_options != NULL && (session_options->flags & FWPM_SESSION_FLAG_DYNAMIC) != 0;
    *engineHandle = opened;
    return ERROR_SUCCESS;
}

DWORD WINAPI FwpmEngineOpen0(const char16_t *serverName, UINT32 authnService, void *authIdentity,
                             const FWPM_SESSION0 *session, HANDLE *engineHandle)
{
    /* The simulator ignores the identity, and the session's options except the dynamic flag. */
    (void)authIdentity;
    UINT32 code = calls_begin(ENGINE_OPEN);
    return calls_end(code != 0 ? code
                               : open_session(serverName, authnService, session, engineHandle));
}

/* Close a session, even if it is invalid or the engine is stopped: an aborted session "needs to be
 * closed by calling FwpmEngineClose0, even though it is no longer valid" (FWP_E_SESSION_ABORTED).
 * Return an error code, or 0. */
static UINT32 close_session(HANDLE engineHandle)
{
    const session *found = handles_session(engineHandle);
    if (found == NULL) {
        return calls_misuse(ERROR_INVALID_HANDLE);
    }
    int is_stale = found->is_stale;
    for (UINT32 left = handles_close_enumerations(engineHandle); left > 0; left--) {
        (void)calls_misuse(0);
    }
    /* Open subscriptions are no misuse: "It is not necessary to unsubscribe before closing a
     * session". Microsoft does not document that closing waits for running callbacks, so the
     * simulator does not wait. */
    handles_close_subscriptions(engineHandle);
    handles_close(engineHandle);
    return is_stale ? ERROR_INVALID_HANDLE : ERROR_SUCCESS;
}

DWORD WINAPI FwpmEngineClose0(HANDLE engineHandle)
{
    UINT32 code = calls_begin(ENGINE_CLOSE);
    UINT32 closed = close_session(engineHandle);
    return calls_end(code != 0 ? code : closed);
}

void WINAPI FwpmFreeMemory0(void **p)
{
    (void)calls_begin(FREE_MEMORY);
    void *block = p == NULL ? NULL : *p;
    size_t size = results_reclaim(block);
    /* The pointer *p may be NULL or a result, but nothing else. */
    if (p == NULL || (block != NULL && size == 0)) {
        (void)calls_misuse(0);
    }
    (void)calls_end(0);
    if (size != 0) {
        results_destroy(block, size);
        *p = NULL;
    }
}
