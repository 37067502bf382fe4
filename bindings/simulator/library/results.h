/* The results handed out: one heap block each, freed by FwpmFreeMemory0.
 *
 * Callers hold LOCK_ENGINE, except for results_destroy.
 */

#ifndef SIMULATOR_RESULTS_H
#define SIMULATOR_RESULTS_H

#include <stddef.h>

#include "wfp.h"

/* A zeroed block; NULL if memory ran out. */
void *results_create(size_t size);

/* Takes a block back from its owner and tells its size; 0 if `block` is not (or
 * no longer) one. The pointer is looked up, never followed. */
size_t results_reclaim(const void *block);

/* Poisons and frees a block that was taken back. */
void results_destroy(void *block, size_t size);

UINT32 results_unfreed(void);

/* Counts from 0 again; blocks that are out can still be taken back. */
void results_reset(void);

#endif
