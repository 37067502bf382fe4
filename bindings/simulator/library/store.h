/* All contexts of the engine, by id. Subscribers are notified of additions and deletions.
 * Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_STORE_H
#define SIMULATOR_STORE_H

#include "generator.h"
#include "put_tree.h"
#include "wfp.h"

/* One context, or one main mode SA (main_modes.h): a recipe, or a tree that was put. */
typedef struct sa_entry {
    UINT64 id;
    recipe recipe;
    stage stage;
    int is_deleted; /* its slot stays in use until the next compaction */
    put_tree *tree; /* NULL if generated */
} sa_entry;

UINT32 store_count(void);
sa_entry *store_find(UINT64 id); /* NULL if there is none */

/* Return all entries, ascending by id. Callers skip deleted ones. The array is valid until the
 * next change. */
sa_entry *store_entries(size_t *slot_count);

/* Add a generated context with the next id. Return NULL if memory ran out. */
sa_entry *store_add(const recipe *recipe, stage stage);
/* Attach the next SA to a context that is not complete. */
void store_attach(sa_entry *entry);
/* Delete a context. The entry's slot stays in use. */
void store_remove(sa_entry *entry);
void store_set_stage(sa_entry *entry, stage stage);
void store_clear(void);

/* Copy a tree; the copy replaces the context that has its saContextId, or gets a new id if that is
 * 0. Return the id, or 0 if memory ran out. */
UINT64 store_put(const IPSEC_SA_CONTEXT1 *tree);

/* Renegotiate all contexts in a new run of the engine, with ids from the base. */
void store_renegotiate(uint32_t engine_run);
/* Restore the initial state: no contexts, main mode SAs or connections, and no ids issued. */
void store_reset(void);

/* Return the tree of an entry: the one that was put, or one that is generated into `buffer`. */
const IPSEC_SA_CONTEXT1 *sa_entry_context(const sa_entry *entry, generated_context *buffer);
/* Retain and release the tree of an entry. Every copy of an entry outside the store, as in a
 * snapshot, owns a reference. */
void sa_entry_retain(const sa_entry *entry);
void sa_entry_release(const sa_entry *entry);

#endif
