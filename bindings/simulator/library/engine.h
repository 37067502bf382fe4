/* The filter engine: whether it runs, and who has a session with it. */

#ifndef SIMULATOR_ENGINE_H
#define SIMULATOR_ENGINE_H

#include "handles.h"
#include "wfp.h"

/* Checks that a call may be made on this session. Returns an error code, or 0.
 * Callers hold LOCK_ENGINE, here and below. */
UINT32 engine_check_session(HANDLE engineHandle);

int engine_is_running(void);
/* Counts the starts of the engine, from 1. */
UINT32 engine_run(void);

void engine_stop(void);
void engine_start(void);
void engine_reset(void);

#endif
