/* The heap-allocated connections have two indexes: a chained hash table by group, and an array of
 * pointers, ascending by id. Connections that were put are only in the array. */

#include "connection_store.h"

#include <stdlib.h>
#include <string.h>

#include "connection_events.h"
#include "copy.h"
#include "ids.h"
#include "options.h"

/* 2026-01-01, in seconds since 1601. */
#define FIRST_SECOND 13411699200u

enum { UNITS_PER_SECOND = 10000000, OLDEST_SECONDS = 30 * 24 * 3600 };

static struct {
    connection **by_id;
    size_t count;
    size_t capacity;
    connection **buckets; /* by group; a power of two of them, or none */
    size_t bucket_count;
    UINT64 elapsed_seconds; /* of simulated time */
    int is_unmonitored;
    int is_backdating; /* new connections began in the past */
} store;

static UINT64 now(void)
{
    return FIRST_SECOND + store.elapsed_seconds;
}

/* ---- groups ---- */

static int is_same_address(const address *one, const address *other)
{
    if (one->version != other->version) {
        return 0;
    }
    return one->version == FWP_IP_VERSION_V4 ? one->v4 == other->v4
                                             : memcmp(one->v6, other->v6, sizeof one->v6) == 0;
}

static int is_same_group(const peer *one, const peer *other)
{
    return is_same_address(&one->local, &other->local)
           && is_same_address(&one->remote, &other->remote)
           && (one->tunnel == TUNNEL_NONE) == (other->tunnel == TUNNEL_NONE);
}

static uint64_t hash_address(uint64_t hash, const address *address)
{
    uint64_t halves[2] = {address->v4, 0};
    if (address->version == FWP_IP_VERSION_V6) {
        memcpy(halves, address->v6, sizeof halves);
    }
    return random_mix(random_mix(hash ^ halves[0]) ^ halves[1]);
}

static uint64_t hash_group(const peer *peer)
{
    return hash_address(hash_address(peer->tunnel != TUNNEL_NONE, &peer->local), &peer->remote);
}

static void set_address(address *into, FWP_IP_VERSION version, UINT32 v4, const UINT8 *v6)
{
    memset(into, 0, sizeof *into);
    into->version = version;
    if (version == FWP_IP_VERSION_V4) {
        into->v4 = v4;
    } else {
        memcpy(into->v6, v6, sizeof into->v6);
    }
}

/* Read what is known of the peer of a context that was put. Return 0 if the context is incomplete
 * or its IP version is unknown. */
static int read_peer(peer *into, const IPSEC_SA_CONTEXT1 *from)
{
    if (from->inboundSa == NULL || from->outboundSa == NULL) {
        return 0;
    }
    const IPSEC_TRAFFIC1 *traffic = &from->outboundSa->traffic;
    if (traffic->ipVersion != FWP_IP_VERSION_V4 && traffic->ipVersion != FWP_IP_VERSION_V6) {
        return 0;
    }
    memset(into, 0, sizeof *into);
    set_address(&into->local, traffic->ipVersion, traffic->localV4Address, traffic->localV6Address);
    set_address(&into->remote, traffic->ipVersion, traffic->remoteV4Address,
                traffic->remoteV6Address);
    into->tunnel = traffic->trafficType == IPSEC_TRAFFIC_TYPE_TRANSPORT ? TUNNEL_NONE : TUNNEL_SITE;
    into->keying = KEYING_IKEV2;
    into->seed = hash_group(into);
    return 1;
}

/* Read the peer that determines the group of a context. Return 0 if the context belongs to no
 * group. */
static int read_entry_peer(peer *into, const sa_entry *entry)
{
    if (entry->stage != STAGE_COMPLETE) {
        return 0;
    }
    if (entry->tree != NULL) {
        return read_peer(into, sa_entry_context(entry, NULL));
    }
    *into = generate_peer(&entry->recipe);
    return 1;
}

/* ---- the two indexes ---- */

/* Return the link that points to the connection of a group. If the group has no connection, return
 * the link at the end of its chain, which is NULL. There must be buckets. */
static connection **find_link(const peer *peer)
{
    connection **link = &store.buckets[hash_group(peer) & (store.bucket_count - 1)];
    while (*link != NULL && !is_same_group(&(*link)->peer, peer)) {
        link = &(*link)->next;
    }
    return link;
}

/* Make sure that one more connection fits into both indexes. Return 1, or 0 if memory ran out. */
static int reserve_slot(void)
{
    if (store.count < store.capacity) {
        return 1;
    }
    size_t capacity = store.capacity == 0 ? 64 : store.capacity * 2;
    connection **by_id = realloc(store.by_id, capacity * sizeof(connection *));
    if (by_id == NULL) {
        return 0;
    }
    store.by_id = by_id;
    connection **buckets = calloc(capacity, sizeof(connection *));
    if (buckets == NULL) {
        return 0;
    }
    free(store.buckets);
    store.buckets = buckets;
    store.bucket_count = store.capacity = capacity;
    for (size_t i = 0; i < store.count; i++) {
        by_id[i]->next = NULL;
        if (by_id[i]->tree == NULL) {
            *find_link(&by_id[i]->peer) = by_id[i];
        }
    }
    return 1;
}

/* Return the index of the first connection whose id is not below `id`. */
static size_t lower_bound(UINT64 id)
{
    size_t low = 0;
    size_t high = store.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (store.by_id[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

connection **connections_list(size_t *count)
{
    *count = store.count;
    return store.by_id;
}

connection *connections_find(UINT64 id)
{
    size_t index = lower_bound(id);
    return index < store.count && store.by_id[index]->id == id ? store.by_id[index] : NULL;
}

/* Insert a connection into the array, which must have room and no connection with this id. */
static void insert(connection *made)
{
    size_t index = lower_bound(made->id);
    memmove(&store.by_id[index + 1], &store.by_id[index],
            (store.count - index) * sizeof(connection *));
    store.by_id[index] = made;
    store.count++;
}

/* ---- begin and end ---- */

/* Return a rate in bytes per second. Many connections are idle, and few carry much traffic. */
static UINT32 pick_rate(random_source *source)
{
    uint32_t magnitude = random_below(source, 23);
    return magnitude < 4 ? 0 : random_below(source, (uint32_t)1 << magnitude);
}

/* Begin the connection of a group that has none; do nothing if memory ran out. */
static void begin(const peer *peer)
{
    connection *made = reserve_slot() ? calloc(1, sizeof *made) : NULL;
    if (made == NULL) {
        return;
    }
    do {
        made->id = ids_next(ID_CONNECTION);
    } while (connections_find(made->id) != NULL);
    made->peer = *peer;
    made->contexts = 1;
    random_source source = random_for(peer->seed, made->id);
    UINT64 second = now() - (store.is_backdating ? random_below(&source, OLDEST_SECONDS) : 0);
    made->started = second * UNITS_PER_SECOND + random_below(&source, UNITS_PER_SECOND);
    made->in.second = made->out.second = second;
    made->in.per_second = pick_rate(&source);
    made->out.per_second = pick_rate(&source);
    *find_link(peer) = made;
    insert(made);
    publish_connection(FWPM_CONNECTION_EVENT_ADD, made);
}

static void free_connection(connection *ended)
{
    put_tree_release(ended->tree);
    free(ended);
}

/* Remove a connection from both indexes, and free it. */
static void drop(connection *ended)
{
    size_t index = lower_bound(ended->id);
    if (ended->tree == NULL) {
        *find_link(&ended->peer) = ended->next;
    }
    store.count--;
    memmove(&store.by_id[index], &store.by_id[index + 1],
            (store.count - index) * sizeof(connection *));
    free_connection(ended);
}

static void end(connection *ended)
{
    publish_connection(FWPM_CONNECTION_EVENT_DELETE, ended);
    drop(ended);
}

/* Copy a tree, with its addresses in network order. copy_connection converts addresses to the
 * engine's order, so convert them back; they are converted again when the copy is read. */
static void *copy_tree(arena *arena, const void *from)
{
    FWPM_CONNECTION0 *copy = copy_connection(arena, from);
    if (copy != NULL) {
        option_order_v6(copy->ipVersion, copy->localV6Address);
        option_order_v6(copy->ipVersion, copy->remoteV6Address);
    }
    return copy;
}

UINT64 connections_put(const FWPM_CONNECTION0 *tree)
{
    if (tree->connectionId == 0 || !reserve_slot()) {
        return 0;
    }
    connection *made = calloc(1, sizeof *made);
    put_tree *copy = put_tree_copy(copy_tree, tree);
    if (made == NULL || copy == NULL) {
        free(made);
        put_tree_release(copy);
        return 0;
    }
    made->id = tree->connectionId;
    made->tree = copy;
    connection *replaced = connections_find(made->id);
    if (replaced != NULL) {
        drop(replaced);
    }
    insert(made);
    if (replaced == NULL) {
        publish_connection(FWPM_CONNECTION_EVENT_ADD, made);
    }
    return made->id;
}

int connections_delete(UINT64 id)
{
    connection *found = connections_find(id);
    if (found != NULL) {
        end(found);
    }
    return found != NULL;
}

void connections_add_context(const sa_entry *entry)
{
    peer peer;
    if (!read_entry_peer(&peer, entry)) {
        return;
    }
    connection *found = store.count == 0 ? NULL : *find_link(&peer);
    if (found != NULL) {
        found->contexts++;
    } else {
        begin(&peer);
    }
}

void connections_remove_context(const sa_entry *entry)
{
    peer peer;
    if (store.count == 0 || !read_entry_peer(&peer, entry)) {
        return;
    }
    connection *found = *find_link(&peer);
    if (found != NULL && --found->contexts == 0) {
        end(found);
    }
}

void connections_clear(void)
{
    for (size_t i = 0; i < store.count; i++) {
        publish_connection(FWPM_CONNECTION_EVENT_DELETE, store.by_id[i]);
        free_connection(store.by_id[i]);
    }
    store.count = 0;
    if (store.buckets != NULL) {
        memset(store.buckets, 0, store.bucket_count * sizeof(connection *));
    }
}

void connections_reset(void)
{
    connections_clear();
    free(store.by_id);
    free(store.buckets);
    memset(&store, 0, sizeof store);
}

/* ---- bytes and time ---- */

static UINT64 bytes_now(const byte_counter *counter)
{
    return counter->bytes + (now() - counter->second) * counter->per_second;
}

void connection_query_bytes(connection *connection)
{
    connection->in.reported = bytes_now(&connection->in);
    connection->out.reported = bytes_now(&connection->out);
}

void connection_set_bytes(connection *connection, UINT64 in, UINT64 out)
{
    connection->in.bytes = in;
    connection->out.bytes = out;
    connection->in.second = connection->out.second = now();
}

int connections_are_monitored(void)
{
    return !store.is_unmonitored;
}

void connections_monitor(int is_on)
{
    store.is_unmonitored = !is_on;
}

void connections_advance_time(UINT32 seconds)
{
    store.elapsed_seconds += seconds;
}

void connections_backdate(int is_backdating)
{
    store.is_backdating = is_backdating;
}
