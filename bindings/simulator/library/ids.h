/* The ids that the engine assigns to the objects of a kind: ascending and never reused while it
 * runs; after a restart they start from the same base. */

#ifndef SIMULATOR_IDS_H
#define SIMULATOR_IDS_H

#include <stdint.h>

enum id_kind { ID_SA_CONTEXT, ID_CONNECTION, ID_KIND_COUNT };

/* Return the next id of a kind. */
uint64_t ids_next(enum id_kind kind);

/* Choose the bases of the kinds that have not issued an id yet. */
void ids_seed(uint64_t seed);

/* Start from the bases again. */
void ids_rewind(void);

/* Restore the initial bases. */
void ids_reset(void);

#endif
