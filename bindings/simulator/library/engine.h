/* The filter engine, which is running or stopped, and its sessions. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_ENGINE_H
#define SIMULATOR_ENGINE_H

#include "handles.h"
#include "wfp.h"

/* Check that a call on this session may proceed. Return an error code, or 0. */
UINT32 engine_check_session(HANDLE engineHandle);

int engine_is_running(void);
/* Return the number of the engine's current run: 1 after a reset, one more after each restart. */
UINT32 engine_run(void);

/* Stop the engine: close all enumerations, cancel all subscriptions, remove all net events. */
void engine_stop(void);
/* Start the engine, if it is stopped; negotiate all contexts again, with ids that start again where
 * they first started (ids.h). */
void engine_start(void);
void engine_reset(void);

#endif
