/* The ids that the engine gives to contexts: ascending, never one twice while
 * it runs, from the same base again when it is started anew. */

#ifndef SIMULATOR_IDS_H
#define SIMULATOR_IDS_H

#include <stdint.h>

uint64_t ids_next(void);

/* Chooses the base, unless ids were given from it already. */
void ids_seed(uint64_t seed);

/* Starts from the base again. */
void ids_rewind(void);

/* Forgets the base. */
void ids_reset(void);

#endif
