/* The main mode SAs, by id. Callers hold LOCK_ENGINE.
 *
 * They follow from the contexts. An SA exists as long as there are contexts that were negotiated
 * under it. The few SAs that lost their last context most recently remain, too. As on a real host,
 * an SA may also end before its contexts, which then refer to an id that does not exist.
 */

#ifndef SIMULATOR_MAIN_MODES_H
#define SIMULATOR_MAIN_MODES_H

#include "store.h"

/* Add a context of this recipe to its SA, or remove it, and update the statistics. */
void main_modes_add_context(const recipe *recipe);
void main_modes_remove_context(const recipe *recipe);

/* Delete the SA of a context of this recipe, even if it has contexts. */
void main_modes_expire(const recipe *recipe);
/* Return whether the SA of a context of this recipe exists. */
int main_modes_has(const recipe *recipe);

UINT32 main_modes_count(void);
const sa_entry *main_modes_find(UINT64 id); /* NULL if there is none */

/* Write all SAs to `into`, ascending by id. `into` has room for main_modes_count() entries. They
 * own no reference to their trees. */
void main_modes_list(sa_entry *into);

/* Copy a tree. The copy replaces the SA that has its saId, if there is one. Return the saId, or 0
 * if it is 0 or memory ran out. */
UINT64 main_modes_put(const IKEEXT_SA_DETAILS2 *tree);
/* Delete an SA. Return whether it existed. */
int main_modes_delete(UINT64 id);

/* Delete all SAs, and reset the statistics. */
void main_modes_clear(void);

/* Return the tree of an entry: the one that was put, or one that is generated into `buffer`. */
const IKEEXT_SA_DETAILS2 *main_mode_sa(const sa_entry *entry, generated_ike_sa *buffer);

#endif
