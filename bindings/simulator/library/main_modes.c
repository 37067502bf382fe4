/* A hash table by id, with open addressing. */

#include "main_modes.h"

#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "generator_parts.h"
#include "random.h"
#include "statistics.h"

enum {
    LINGERING = 8,   /* how many may be there without a context, those that were put aside */
    GONE_ONE_IN = 64 /* how many are gone while their contexts live */
};

typedef struct main_mode {
    sa_entry sa; /* its id is 0 if the place is free */
    UINT32 contexts;
} main_mode;

static struct {
    main_mode *places;
    size_t capacity; /* a power of two, or 0 */
    size_t used;
    UINT64 lingering[LINGERING]; /* in a ring; 0 if free */
    size_t next_lingering;
} modes;

/* The place of an id, or the free one where it would be. */
static size_t place_of(UINT64 id)
{
    size_t place = (size_t)random_mix(id) & (modes.capacity - 1);
    while (modes.places[place].sa.id != 0 && modes.places[place].sa.id != id) {
        place = (place + 1) & (modes.capacity - 1);
    }
    return place;
}

static main_mode *find(UINT64 id)
{
    main_mode *found = id == 0 || modes.capacity == 0 ? NULL : &modes.places[place_of(id)];
    return found == NULL || found->sa.id == 0 ? NULL : found;
}

static int reserve_slot(void)
{
    if (modes.used < modes.capacity / 2) {
        return 1;
    }
    size_t old_capacity = modes.capacity;
    main_mode *old = modes.places;
    size_t capacity = old_capacity == 0 ? 64 : old_capacity * 2;
    main_mode *places = calloc(capacity, sizeof *places);
    if (places == NULL) {
        return 0;
    }
    modes.places = places;
    modes.capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].sa.id != 0) {
            places[place_of(old[i].sa.id)] = old[i];
        }
    }
    free(old);
    return 1;
}

static main_mode *add(const sa_entry *sa)
{
    if (!reserve_slot()) {
        return NULL;
    }
    main_mode *added = &modes.places[place_of(sa->id)];
    added->sa = *sa;
    added->contexts = 0;
    modes.used++;
    return added;
}

static void remove_main_mode(main_mode *mode)
{
    put_tree_release(mode->sa.tree);
    if (mode->sa.tree == NULL) {
        peer peer = generate_peer(&mode->sa.recipe);
        statistics_main_mode_ended(&peer);
    }
    modes.used--;
    /* Whatever was pushed on past the hole moves back into it. */
    const size_t mask = modes.capacity - 1;
    size_t hole = (size_t)(mode - modes.places);
    size_t place = hole;
    for (;;) {
        place = (place + 1) & mask;
        if (modes.places[place].sa.id == 0) {
            break;
        }
        size_t home = (size_t)random_mix(modes.places[place].sa.id) & mask;
        if (((place - home) & mask) >= ((place - hole) & mask)) {
            modes.places[hole] = modes.places[place];
            hole = place;
        }
    }
    memset(&modes.places[hole], 0, sizeof modes.places[hole]);
}

/* Keeps one without contexts, in the place of the one that was kept longest. */
static void start_lingering(UINT64 id)
{
    main_mode *oldest = find(modes.lingering[modes.next_lingering]);
    modes.lingering[modes.next_lingering] = id;
    modes.next_lingering = (modes.next_lingering + 1) % LINGERING;
    if (oldest != NULL && oldest->contexts == 0 && oldest->sa.tree == NULL && oldest->sa.id != id) {
        remove_main_mode(oldest);
    }
}

void main_modes_add_context(const recipe *recipe)
{
    peer peer = generate_peer(recipe);
    main_mode *joined = find(peer.mm_sa_id);
    statistics_quick_mode(&peer);
    if (joined == NULL && random_mix(peer.mm_sa_id) % GONE_ONE_IN != 0) {
        sa_entry sa = {peer.mm_sa_id, *recipe, STAGE_COMPLETE, 0, NULL};
        joined = add(&sa);
        statistics_main_mode(&peer);
    }
    if (joined != NULL) {
        joined->contexts++;
    }
}

void main_modes_remove_context(const recipe *recipe)
{
    peer peer = generate_peer(recipe);
    main_mode *left = find(peer.mm_sa_id);
    statistics_quick_mode_ended(&peer);
    if (left != NULL && left->contexts > 0 && --left->contexts == 0) {
        start_lingering(left->sa.id);
    }
}

void main_modes_expire(const recipe *recipe)
{
    (void)main_modes_delete(generate_peer(recipe).mm_sa_id);
}

int main_modes_has(const recipe *recipe)
{
    return find(generate_peer(recipe).mm_sa_id) != NULL;
}

UINT32 main_modes_count(void)
{
    return (UINT32)modes.used;
}

const sa_entry *main_modes_find(UINT64 id)
{
    const main_mode *found = find(id);
    return found == NULL ? NULL : &found->sa;
}

static int by_id(const void *one, const void *other)
{
    UINT64 first = ((const sa_entry *)one)->id;
    UINT64 second = ((const sa_entry *)other)->id;
    return (first > second) - (first < second);
}

void main_modes_list(sa_entry *into)
{
    size_t written = 0;
    for (size_t i = 0; i < modes.capacity; i++) {
        if (modes.places[i].sa.id != 0) {
            into[written++] = modes.places[i].sa;
        }
    }
    if (written > 0) {
        qsort(into, written, sizeof *into, by_id);
    }
}

static void *copy_ike_sa(arena *arena, const void *from)
{
    return copy_ike_sa2(arena, from);
}

UINT64 main_modes_put(const IKEEXT_SA_DETAILS2 *tree)
{
    sa_entry added;
    memset(&added, 0, sizeof added);
    added.id = tree->saId;
    added.tree = tree->saId == 0 ? NULL : put_tree_copy(copy_ike_sa, tree);
    if (added.tree == NULL) {
        return 0;
    }
    main_mode *replaced = find(added.id);
    if (replaced != NULL) {
        if (replaced->sa.tree == NULL) {
            peer peer = generate_peer(&replaced->sa.recipe);
            statistics_main_mode_ended(&peer);
        }
        put_tree_release(replaced->sa.tree);
        replaced->sa = added;
    } else if (add(&added) == NULL) {
        put_tree_release(added.tree);
        return 0;
    }
    return added.id;
}

int main_modes_delete(UINT64 id)
{
    main_mode *found = find(id);
    if (found != NULL) {
        remove_main_mode(found);
    }
    return found != NULL;
}

void main_modes_clear(void)
{
    for (size_t i = 0; i < modes.capacity; i++) {
        put_tree_release(modes.places[i].sa.tree);
    }
    free(modes.places);
    memset(&modes, 0, sizeof modes);
    statistics_reset();
}

const IKEEXT_SA_DETAILS2 *main_mode_sa(const sa_entry *entry, generated_ike_sa *buffer)
{
    if (entry->tree != NULL) {
        return entry->tree->root;
    }
    generate_ike_sa(buffer, &entry->recipe);
    return &buffer->details;
}
