/* The main mode SAs, by id. Callers hold LOCK_ENGINE.
 *
 * They follow from the contexts: one is there as long as contexts were
 * negotiated under it, and a few stay a while after the last. As on a host, one
 * may also be gone before its contexts, which then name an id that is not there.
 */

#ifndef SIMULATOR_MAIN_MODES_H
#define SIMULATOR_MAIN_MODES_H

#include "store.h"

/* A context of this recipe came, or went. Both are counted (statistics.h). */
void main_modes_add_context(const recipe *recipe);
void main_modes_remove_context(const recipe *recipe);

/* Takes the SA away from its contexts. */
void main_modes_expire(const recipe *recipe);
int main_modes_has(const recipe *recipe);

UINT32 main_modes_count(void);
const sa_entry *main_modes_find(UINT64 id); /* NULL if there is none */

/* Writes all to `into`, ascending by id, which has room for their count. */
void main_modes_list(sa_entry *into);

/* Copies a tree, under its saId, in place of the one that has it; 0 if memory
 * ran out or it has none. */
UINT64 main_modes_put(const IKEEXT_SA_DETAILS2 *tree);
/* Tells whether there was one. */
int main_modes_delete(UINT64 id);

/* Forgets all, and what was counted. */
void main_modes_clear(void);

/* What an entry says: its tree, or one generated into `room`. */
const IKEEXT_SA_DETAILS2 *main_mode_sa(const sa_entry *entry, generated_ike_sa *buffer);

#endif
