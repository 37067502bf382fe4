/* All contexts of the engine, by id. Subscribers are notified of additions and deletions.
 * Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_STORE_H
#define SIMULATOR_STORE_H

#include "generator.h"
#include "put_tree.h"
#include "wfp.h"

/* One context or one main mode SA (main_modes.h): its recipe if it is generated, its tree if it was
 * put. */
typedef struct sa_entry {
    UINT64 id;
    recipe recipe;
    stage stage;
    int is_deleted; /* its slot stays in use until the next compaction */
    put_tree *tree; /* NULL if generated */
} sa_entry;

UINT32 store_count(void);
sa_entry *store_find(UINT64 id); /* NULL if there is none */

/* Return all entries, ascending by id, and set *slot_count. Callers skip deleted entries. The array
 * is valid until the next change. */
sa_entry *store_entries(size_t *slot_count);

/* Add a generated context with the next id. Return NULL if memory ran out. */
sa_entry *store_add(const recipe *recipe, stage stage);
/* Attach the next SA to a context that is not complete. */
void store_attach(sa_entry *entry);
/* Delete a context. The entry's slot stays in use. */
void store_remove(sa_entry *entry);
void store_set_stage(sa_entry *entry, stage stage);
void store_clear(void);

/* Copy a tree. The copy replaces the context that has its saContextId, if there is one; if its
 * saContextId is 0, the copy gets a new id. Return the id, or 0 if memory ran out. */
UINT64 store_put(const IPSEC_SA_CONTEXT1 *tree);

/* Negotiate all contexts again in a new run of the engine, with ids that start again where they
 * first started (ids.h). */
void store_renegotiate(uint32_t engine_run);
/* Restore the initial state: no contexts, main mode SAs or connections, and no ids issued. */
void store_reset(void);

/* Return the tree of an entry: the one that was put, or one that is generated into `buffer`. */
const IPSEC_SA_CONTEXT1 *sa_entry_context(const sa_entry *entry, generated_context *buffer);
/* Retain or release the tree of an entry. A snapshot owns a reference for each entry that it
 * copies. */
void sa_entry_retain(const sa_entry *entry);
void sa_entry_release(const sa_entry *entry);

#endif
