/* The ids that the engine gives to objects of one kind: ascending, never one twice
 * while it runs, from the same base again when it is started anew. */

#ifndef SIMULATOR_IDS_H
#define SIMULATOR_IDS_H

#include <stdint.h>

enum id_kind { ID_SA_CONTEXT, ID_CONNECTION, ID_KIND_COUNT };

uint64_t ids_next(enum id_kind kind);

/* Chooses the bases, unless ids were given from them already. */
void ids_seed(uint64_t seed);

/* Starts from the bases again. */
void ids_rewind(void);

/* Forgets the bases. */
void ids_reset(void);

#endif
