/* The filter engine: running or stopped, and its sessions. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_ENGINE_H
#define SIMULATOR_ENGINE_H

#include "handles.h"
#include "wfp.h"

/* Check that a call may be made on this session. Return an error code, or 0. */
UINT32 engine_check_session(HANDLE engineHandle);

int engine_is_running(void);
/* Return the number of starts of the engine, from 1. */
UINT32 engine_run(void);

/* Stop the engine: enumerations, net events and subscriptions end. */
void engine_stop(void);
/* Start the stopped engine again; ids start from their base again. */
void engine_start(void);
void engine_reset(void);

#endif
