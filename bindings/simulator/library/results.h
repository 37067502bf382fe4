/* Results returned to callers: one heap block each, freed by FwpmFreeMemory0.
 *
 * Callers hold LOCK_ENGINE, except for results_destroy.
 */

#ifndef SIMULATOR_RESULTS_H
#define SIMULATOR_RESULTS_H

#include <stddef.h>

#include "wfp.h"

/* Return a zeroed block, which its caller owns until it is reclaimed; NULL if memory ran out. */
void *results_create(size_t size);

/* Take a block back from its owner. Return its size, or 0 if `block` is not, or is no longer, a
 * result. The pointer is looked up in a table, never dereferenced. */
size_t results_reclaim(const void *block);

/* Poison and free a reclaimed result or another heap block. */
void results_destroy(void *block, size_t size);

/* Return the number of unfreed blocks that were created since the last reset. */
UINT32 results_unfreed(void);

/* Count from 0 again. Unfreed blocks stay readable and can still be reclaimed. */
void results_reset(void);

#endif
