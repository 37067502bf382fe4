/* Changes of the contexts like those on a busy host. */

#ifndef SIMULATOR_CHURN_H
#define SIMULATOR_CHURN_H

#include <stdint.h>

enum { CHURN_FIRST_NUMBER = 0x40000000 }; /* of its recipes: far from those of a population */

/* Start a sequence of changes that follows from this seed. Call this function and the next two
 * under LOCK_ENGINE. */
void churn_seed(uint64_t seed);
/* Keep the number of contexts near the current one from now on. */
void churn_set_target(void);
/* Make `changes` changes; none while the engine is stopped. */
void churn_make(uint32_t changes);

/* Start and stop the background thread. They wait for the thread: do not call them under
 * LOCK_ENGINE. churn_start returns 1, or 0 if no thread could be started. */
int churn_start(double changes_per_second, uint64_t seed);
void churn_stop(void);

#endif
