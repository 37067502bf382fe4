/* A hash table of the main mode SAs, by id. */

#include "main_modes.h"

#include <stdlib.h>
#include <string.h>

#include "copy.h"
#include "generator_parts.h"
#include "hash_table.h"
#include "random.h"
#include "statistics.h"

enum {
    LINGERING = 8,   /* the number of generated SAs that remain without a context */
    GONE_ONE_IN = 64 /* one SA in 64 is missing although its contexts exist */
};

typedef struct main_mode {
    sa_entry sa; /* begins with the id, the key */
    UINT32 contexts;
} main_mode;

static struct {
    hash_table table;            /* of `main_mode` */
    UINT64 lingering[LINGERING]; /* ids in a ring; 0 if free */
    size_t next_lingering;
} modes = {.table = {.element_size = sizeof(main_mode)}};

static main_mode *find(UINT64 id)
{
    return hash_table_find(&modes.table, id);
}

static main_mode *add(const sa_entry *sa)
{
    main_mode *added = hash_table_add(&modes.table, sa->id);
    if (added != NULL) {
        added->sa = *sa;
    }
    return added;
}

/* Release the entry's tree. Count the end of the SA if it was generated; an SA that was put is
 * never counted. */
static void end(const sa_entry *sa)
{
    if (sa->tree == NULL) {
        peer peer = generate_peer(&sa->recipe);
        statistics_main_mode_ended(&peer);
    }
    sa_entry_release(sa);
}

static void remove_main_mode(main_mode *mode)
{
    end(&mode->sa);
    hash_table_remove(&modes.table, mode);
}

/* Keep an SA that lost its last context. Remove the SA that has been kept longest, unless it has
 * contexts again or was put. */
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
    return (UINT32)modes.table.count;
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
    const main_mode *each = NULL;
    while ((each = hash_table_next(&modes.table, each)) != NULL) {
        into[written++] = each->sa;
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
        end(&replaced->sa);
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
    const main_mode *each = NULL;
    while ((each = hash_table_next(&modes.table, each)) != NULL) {
        sa_entry_release(&each->sa);
    }
    hash_table_clear(&modes.table);
    memset(modes.lingering, 0, sizeof modes.lingering);
    modes.next_lingering = 0;
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
