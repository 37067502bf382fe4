/* All contexts that the engine holds, by id. What is added and deleted here is
 * announced. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_STORE_H
#define SIMULATOR_STORE_H

#include "generator.h"
#include "put_tree.h"
#include "wfp.h"

/* One context: its recipe, or the tree that was put. So is a main mode SA (main_modes.h). */
typedef struct sa_entry {
    UINT64 id;
    recipe recipe;
    stage stage;
    int is_deleted; /* its place is taken until the next compaction */
    put_tree *tree; /* NULL if generated */
} sa_entry;

UINT32 store_count(void);
sa_entry *store_find(UINT64 id); /* NULL if there is none */

/* All entries ascending by id; skip those that are deleted. Valid until the next change. */
sa_entry *store_entries(size_t *slot_count);

/* Adds a generated context under the next id. Returns NULL if memory ran out. */
sa_entry *store_add(const recipe *recipe, stage stage);
/* Attaches the next SA to one that is not complete. */
void store_attach(sa_entry *entry);
void store_remove(sa_entry *entry);
void store_set_stage(sa_entry *entry, stage stage);
void store_clear(void);

/* Copies a tree; 0 if memory ran out. */
UINT64 store_put(const IPSEC_SA_CONTEXT1 *tree);

/* All contexts negotiated anew, with ids counted from the base again. */
void store_renegotiate(uint32_t engine_run);
/* No contexts, and no memory of any id. */
void store_reset(void);

/* What an entry says: its tree, or one generated into `room`. */
const IPSEC_SA_CONTEXT1 *sa_entry_context(const sa_entry *entry, generated_context *buffer);
/* An entry that is kept aside of the store holds its tree. */
void sa_entry_retain(const sa_entry *entry);
void sa_entry_release(const sa_entry *entry);

#endif
