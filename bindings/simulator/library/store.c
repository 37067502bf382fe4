/* An array ordered by id. Ids ascend, so nearly every addition is at its end;
 * deleted entries keep their places until there are many. */

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
    entry *entries;
    size_t places;
    size_t capacity;
    size_t deleted;
} store;

static void compact(void)
{
    size_t kept = 0;
    for (size_t i = 0; i < store.places; i++) {
        if (!store.entries[i].is_deleted) {
            store.entries[kept++] = store.entries[i];
        }
    }
    store.places = kept;
    store.deleted = 0;
}

static int make_room(void)
{
    if (store.places < store.capacity) {
        return 1;
    }
    if (store.deleted > store.places / 8) {
        compact();
        return 1;
    }
    size_t capacity = store.capacity == 0 ? 64 : store.capacity * 2;
    entry *entries = realloc(store.entries, capacity * sizeof *entries);
    if (entries == NULL) {
        return 0;
    }
    store.entries = entries;
    store.capacity = capacity;
    return 1;
}

/* The first place whose id is not below `id`. */
static size_t place_of(UINT64 id)
{
    size_t low = 0;
    size_t high = store.places;
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

static entry *insert(const entry *added)
{
    if (!make_room()) {
        return NULL;
    }
    size_t place = place_of(added->id);
    if (place < store.places && store.entries[place].id == added->id) {
        store.deleted--; /* put again after it was deleted: the place is still there */
    } else {
        memmove(&store.entries[place + 1], &store.entries[place],
                (store.places - place) * sizeof *store.entries);
        store.places++;
    }
    store.entries[place] = *added;
    connections_join(added);
    return &store.entries[place];
}

UINT32 store_count(void)
{
    return (UINT32)(store.places - store.deleted);
}

entry *store_find(UINT64 id)
{
    size_t place = place_of(id);
    if (place == store.places || store.entries[place].id != id || store.entries[place].is_deleted) {
        return NULL;
    }
    return &store.entries[place];
}

entry *store_entries(size_t *places)
{
    *places = store.places;
    return store.entries;
}

static UINT64 unused_id(void)
{
    UINT64 id;
    do {
        id = ids_next(IDS_OF_CONTEXTS);
    } while (store_find(id) != NULL);
    return id;
}

static int is_half_built(stage stage)
{
    return stage == STAGE_BEGUN || stage == STAGE_INBOUND;
}

static int announces_only_complete(void)
{
    return option_is_set(SA_SIMULATOR_OPTION_ANNOUNCE_COMPLETE);
}

entry *store_add(const recipe *of, stage stage)
{
    entry added = {unused_id(), *of, stage, 0, NULL};
    entry *inserted = insert(&added);
    if (inserted != NULL) {
        main_modes_join(&inserted->recipe);
    }
    if (inserted != NULL && !(is_half_built(stage) && announces_only_complete())) {
        announce_sa_context(IPSEC_SA_CONTEXT_EVENT_ADD, inserted);
    }
    return inserted;
}

void store_set_stage(entry *which, stage stage)
{
    connections_leave(which);
    which->stage = stage;
    connections_join(which);
}

void store_attach(entry *which)
{
    store_set_stage(which, which->stage == STAGE_BEGUN ? STAGE_INBOUND : STAGE_COMPLETE);
    if (which->stage == STAGE_COMPLETE && announces_only_complete()) {
        announce_sa_context(IPSEC_SA_CONTEXT_EVENT_ADD, which);
    }
}

/* A context that somebody put was negotiated under nothing that is known here. */
static void leave_main_mode(const entry *which)
{
    if (which->tree == NULL) {
        main_modes_leave(&which->recipe);
    }
}

void store_remove(entry *which)
{
    leave_main_mode(which);
    statistics_sas_deleted(which->tree == NULL ? stage_sas(which->stage) : 0);
    announce_sa_context(IPSEC_SA_CONTEXT_EVENT_DELETE, which);
    connections_leave(which);
    entry_let_go(which);
    which->tree = NULL;
    which->is_deleted = 1;
    store.deleted++;
}

void store_clear(void)
{
    for (size_t i = 0; i < store.places; i++) {
        if (!store.entries[i].is_deleted) {
            announce_sa_context(IPSEC_SA_CONTEXT_EVENT_DELETE, &store.entries[i]);
        }
        entry_let_go(&store.entries[i]);
    }
    store.places = 0;
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

static void set_id_of_tree(const entry *of)
{
    IPSEC_SA_CONTEXT1 *context = of->tree->root;
    context->saContextId = of->id;
}

static void *copy_context(arena *to, const void *from)
{
    return copy_context1(to, from);
}

UINT64 store_put(const IPSEC_SA_CONTEXT1 *tree)
{
    entry added;
    memset(&added, 0, sizeof added);
    added.stage = STAGE_COMPLETE;
    added.tree = put_tree_copy(copy_context, tree);
    if (added.tree == NULL) {
        return 0;
    }
    added.id = tree->saContextId != 0 ? tree->saContextId : unused_id();
    set_id_of_tree(&added);

    entry *replaced = store_find(added.id);
    if (replaced != NULL) {
        connections_join(&added); /* first: a connection that both are part of goes on */
        connections_leave(replaced);
        leave_main_mode(replaced);
        entry_let_go(replaced);
        *replaced = added;
        return added.id;
    }
    entry *inserted = insert(&added);
    if (inserted == NULL) {
        entry_let_go(&added);
        return 0;
    }
    announce_sa_context(IPSEC_SA_CONTEXT_EVENT_ADD, inserted);
    return added.id;
}

void store_renegotiate(uint32_t engine_run)
{
    compact();
    connections_clear();
    ids_rewind();
    main_modes_clear();
    for (size_t i = 0; i < store.places; i++) {
        entry *each = &store.entries[i];
        each->id = ids_next(IDS_OF_CONTEXTS);
        if (each->tree != NULL) {
            /* Snapshots ended with the engine that took them, so the tree is the entry's alone. */
            set_id_of_tree(each);
        } else {
            each->recipe.engine_run = engine_run;
            each->recipe.negotiation = 0;
            each->recipe.revision = 0;
            each->recipe.main_mode = 0;
            main_modes_join(&each->recipe);
            each->stage = generator_stage(&each->recipe);
        }
        connections_join(each);
    }
}

const IPSEC_SA_CONTEXT1 *entry_context(const entry *of, generated_context *room)
{
    if (of->tree != NULL) {
        return of->tree->root;
    }
    generate_context(room, &of->recipe, of->id, of->stage);
    return &room->context;
}

void entry_hold(const entry *of)
{
    put_tree_hold(of->tree);
}

void entry_let_go(const entry *of)
{
    put_tree_let_go(of->tree);
}
