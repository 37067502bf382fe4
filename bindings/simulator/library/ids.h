/* The ids that the engine assigns to the objects of a kind. They ascend, and are never reused while
 * the engine runs. After a restart, they start from the same base. */

#ifndef SIMULATOR_IDS_H
#define SIMULATOR_IDS_H

#include <stdint.h>

enum id_kind { ID_SA_CONTEXT, ID_CONNECTION, ID_KIND_COUNT };

/* Return the next id of a kind. */
uint64_t ids_next(enum id_kind kind);

/* Derive the base of each kind from the seed, unless the kind has issued an id since the last reset
 * or restart. */
void ids_seed(uint64_t seed);

/* Start from the bases again. */
void ids_rewind(void);

/* Restore the initial state: no ids issued, and the bases of the seed 0. */
void ids_reset(void);

#endif
