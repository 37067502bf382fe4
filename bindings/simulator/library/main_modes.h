/* The main mode SAs, by id. Callers hold LOCK_ENGINE.
 *
 * They follow from the contexts: an SA exists while contexts exist that were negotiated under it;
 * the last few stay a while longer. As on a host, an SA may also end before its contexts, which
 * then name an id that does not exist.
 */

#ifndef SIMULATOR_MAIN_MODES_H
#define SIMULATOR_MAIN_MODES_H

#include "store.h"

/* Add a context of this recipe to its SA, or remove it. Both are counted (statistics.h). */
void main_modes_add_context(const recipe *recipe);
void main_modes_remove_context(const recipe *recipe);

/* Delete the SA of a context of this recipe, even if it has contexts. */
void main_modes_expire(const recipe *recipe);
/* Return whether the SA of a context of this recipe exists. */
int main_modes_has(const recipe *recipe);

UINT32 main_modes_count(void);
const sa_entry *main_modes_find(UINT64 id); /* NULL if there is none */

/* Write all SAs to `into`, ascending by id. `into` has room for main_modes_count() entries, which
 * own no reference to their trees. */
void main_modes_list(sa_entry *into);

/* Copy a tree; the copy replaces the SA that has its saId. Return the id, or 0 if that is 0 or
 * memory ran out. */
UINT64 main_modes_put(const IKEEXT_SA_DETAILS2 *tree);
/* Delete an SA. Return whether it existed. */
int main_modes_delete(UINT64 id);

/* Delete all SAs, and reset the statistics. */
void main_modes_clear(void);

/* Return the tree of an entry: the one that was put, or one that is generated into `buffer`. */
const IKEEXT_SA_DETAILS2 *main_mode_sa(const sa_entry *entry, generated_ike_sa *buffer);

#endif
