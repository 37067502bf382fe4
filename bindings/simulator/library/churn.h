/* Contexts that come, change and go by themselves. */

#ifndef SIMULATOR_CHURN_H
#define SIMULATOR_CHURN_H

#include <stdint.h>

/* Under LOCK_ENGINE. */
void churn_seed(uint64_t seed);
/* Takes the present number of contexts as the one to stay near. */
void churn_set_target(void);
void churn_make(uint32_t changes);

/* Not under LOCK_ENGINE: they wait for the thread. */
int churn_start(double changes_per_second, uint64_t seed);
void churn_stop(void);

#endif
