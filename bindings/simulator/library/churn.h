/* Changes of the contexts, as on a busy host. */

#ifndef SIMULATOR_CHURN_H
#define SIMULATOR_CHURN_H

#include <stdint.h>

/* Start from this seed. Under LOCK_ENGINE, here and below. */
void churn_seed(uint64_t seed);
/* Keep the number of contexts near the current one from now on. */
void churn_set_target(void);
/* Make `changes` changes; none while the engine is stopped. */
void churn_make(uint32_t changes);

/* Start and stop the background thread. Not under LOCK_ENGINE: they wait for the thread. */
int churn_start(double changes_per_second, uint64_t seed);
void churn_stop(void);

#endif
