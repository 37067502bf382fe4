/* An array of entries, ordered by id. Ids ascend, so nearly every entry is added at the end.
 * Deleted entries stay in their slots until the next compaction. */

#include "store.h"

#include <stdlib.h>
#include <string.h>

#include "connection_store.h"
#include "copy.h"
#include "ids.h"
#include "main_modes.h"
#include "options.h"
#include "sa_context_events.h"
#include "statistics.h"

static struct {
    sa_entry *entries;
    size_t slot_count;
    size_t capacity;
    size_t deleted;
} store;

/* Remove deleted entries from the array. */
static void compact(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < store.slot_count; i++) {
        if (!store.entries[i].is_deleted) {
            store.entries[kept++] = store.entries[i];
        }
    }
    store.slot_count = kept;
    store.deleted = 0;
}

/* Make sure that one more entry fits: compact or grow the array. Return 1, or 0 if memory ran
 * out. */
static int reserve_slot(void)
{
    if (store.slot_count < store.capacity) {
        return 1;
    }
    if (store.deleted > store.slot_count / 8) {
        compact();
        return 1;
    }
    size_t capacity = store.capacity == 0 ? 64 : store.capacity * 2;
    sa_entry *entries = realloc(store.entries, capacity * sizeof *entries);
    if (entries == NULL) {
        return 0;
    }
    store.entries = entries;
    store.capacity = capacity;
    return 1;
}

/* Return the index of the first slot whose id is not below `id`. */
static size_t lower_bound(UINT64 id)
{
    size_t low = 0;
    size_t high = store.slot_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (store.entries[middle].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Insert an entry whose id is not in use. The store takes over the caller's reference to the tree.
 * If memory ran out, return NULL; the caller then keeps the reference. */
static sa_entry *insert(const sa_entry *added)
{
    if (!reserve_slot()) {
        return NULL;
    }
    size_t slot = lower_bound(added->id);
    if (slot < store.slot_count && store.entries[slot].id == added->id) {
        store.deleted--; /* a deleted entry with this id still has its slot */
    } else {
        memmove(&store.entries[slot + 1], &store.entries[slot],
                (store.slot_count - slot) * sizeof *store.entries);
        store.slot_count++;
    }
    store.entries[slot] = *added;
    connections_add_context(added);
    return &store.entries[slot];
}

UINT32 store_count(void)
{
    return (UINT32)(store.slot_count - store.deleted);
}

sa_entry *store_find(UINT64 id)
{
    size_t slot = lower_bound(id);
    if (slot == store.slot_count || store.entries[slot].id != id
        || store.entries[slot].is_deleted) {
        return NULL;
    }
    return &store.entries[slot];
}

sa_entry *store_entries(size_t *slot_count)
{
    *slot_count = store.slot_count;
    return store.entries;
}

static UINT64 unused_id(void)
{
    UINT64 id;
    do {
        id = ids_next(ID_SA_CONTEXT);
    } while (store_find(id) != NULL);
    return id;
}

static int is_incomplete(stage stage)
{
    return stage == STAGE_BEGUN || stage == STAGE_INBOUND;
}

static int publishes_only_complete(void)
{
    return option_is_set(SA_SIMULATOR_OPTION_ANNOUNCE_COMPLETE);
}

sa_entry *store_add(const recipe *recipe, stage stage)
{
    sa_entry added = {unused_id(), *recipe, stage, 0, NULL};
    sa_entry *inserted = insert(&added);
    if (inserted != NULL) {
        main_modes_add_context(&inserted->recipe);
    }
    if (inserted != NULL && !(is_incomplete(stage) && publishes_only_complete())) {
        publish_sa_context(IPSEC_SA_CONTEXT_EVENT_ADD, inserted);
    }
    return inserted;
}

void store_set_stage(sa_entry *entry, stage stage)
{
    connections_remove_context(entry);
    entry->stage = stage;
    connections_add_context(entry);
}

void store_attach(sa_entry *entry)
{
    store_set_stage(entry, entry->stage == STAGE_BEGUN ? STAGE_INBOUND : STAGE_COMPLETE);
    if (entry->stage == STAGE_COMPLETE && publishes_only_complete()) {
        publish_sa_context(IPSEC_SA_CONTEXT_EVENT_ADD, entry);
    }
}

/* Remove a context from its main mode SA; a context that was put has none. */
static void remove_from_main_mode(const sa_entry *entry)
{
    if (entry->tree == NULL) {
        main_modes_remove_context(&entry->recipe);
    }
}

void store_remove(sa_entry *entry)
{
    remove_from_main_mode(entry);
    statistics_sas_deleted(entry->tree == NULL ? stage_sas(entry->stage) : 0);
    publish_sa_context(IPSEC_SA_CONTEXT_EVENT_DELETE, entry);
    connections_remove_context(entry);
    sa_entry_release(entry);
    entry->tree = NULL;
    entry->is_deleted = 1;
    store.deleted++;
}

void store_clear(void)
{
    for (size_t i = 0; i < store.slot_count; i++) {
        if (!store.entries[i].is_deleted) {
            publish_sa_context(IPSEC_SA_CONTEXT_EVENT_DELETE, &store.entries[i]);
        }
        sa_entry_release(&store.entries[i]);
    }
    store.slot_count = 0;
    store.deleted = 0;
    connections_clear();
    main_modes_clear();
}

void store_reset(void)
{
    store_clear();
    free(store.entries);
    store.entries = NULL;
    store.capacity = 0;
    connections_reset();
    ids_reset();
}

static void set_tree_id(const sa_entry *entry)
{
    IPSEC_SA_CONTEXT1 *context = entry->tree->root;
    context->saContextId = entry->id;
}

static void *copy_context(arena *arena, const void *from)
{
    return copy_context1(arena, from);
}

UINT64 store_put(const IPSEC_SA_CONTEXT1 *tree)
{
    sa_entry added;
    memset(&added, 0, sizeof added);
    added.stage = STAGE_COMPLETE;
    added.tree = put_tree_copy(copy_context, tree);
    if (added.tree == NULL) {
        return 0;
    }
    added.id = tree->saContextId != 0 ? tree->saContextId : unused_id();
    set_tree_id(&added);

    sa_entry *replaced = store_find(added.id);
    if (replaced != NULL) {
        connections_add_context(&added); /* first, so that a shared connection stays */
        connections_remove_context(replaced);
        remove_from_main_mode(replaced);
        sa_entry_release(replaced);
        *replaced = added;
        return added.id;
    }
    sa_entry *inserted = insert(&added);
    if (inserted == NULL) {
        sa_entry_release(&added);
        return 0;
    }
    publish_sa_context(IPSEC_SA_CONTEXT_EVENT_ADD, inserted);
    return added.id;
}

void store_renegotiate(uint32_t engine_run)
{
    compact();
    connections_clear();
    ids_rewind();
    main_modes_clear();
    for (size_t i = 0; i < store.slot_count; i++) {
        sa_entry *each = &store.entries[i];
        each->id = ids_next(ID_SA_CONTEXT);
        if (each->tree != NULL) {
            /* All snapshots ended with the engine, so nothing else refers to the tree. */
            set_tree_id(each);
        } else {
            each->recipe.engine_run = engine_run;
            each->recipe.negotiation = 0;
            each->recipe.revision = 0;
            each->recipe.main_mode = 0;
            main_modes_add_context(&each->recipe);
            each->stage = generator_stage(&each->recipe);
        }
        connections_add_context(each);
    }
}

const IPSEC_SA_CONTEXT1 *sa_entry_context(const sa_entry *entry, generated_context *buffer)
{
    if (entry->tree != NULL) {
        return entry->tree->root;
    }
    generate_context(buffer, &entry->recipe, entry->id, entry->stage);
    return &buffer->context;
}

void sa_entry_retain(const sa_entry *entry)
{
    put_tree_retain(entry->tree);
}

void sa_entry_release(const sa_entry *entry)
{
    put_tree_release(entry->tree);
}
