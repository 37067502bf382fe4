/* Each connection in a block of its own; found by its group in a hash table with
 * chains, by its id in an array of pointers. */

#include "connection_store.h"

#include <stdlib.h>
#include <string.h>

#include "connection_events.h"
#include "ids.h"

/* 2026-01-01, in seconds since 1601. */
#define FIRST_SECOND 13411699200u

enum { UNITS_PER_SECOND = 10000000, OLDEST_SECONDS = 30 * 24 * 3600 };

static struct {
    connection **by_id;
    size_t count;
    size_t capacity;
    connection **buckets; /* by group; a power of two of them, or none */
    size_t bucket_count;
    UINT64 passed; /* seconds of simulated time */
    int is_unmonitored;
    int is_past; /* in which connections begin */
} store;

static UINT64 now(void)
{
    return FIRST_SECOND + store.passed;
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

static uint64_t hash_address(uint64_t hash, const address *of)
{
    uint64_t halves[2] = {of->v4, 0};
    if (of->version == FWP_IP_VERSION_V6) {
        memcpy(halves, of->v6, sizeof halves);
    }
    return random_mix(random_mix(hash ^ halves[0]) ^ halves[1]);
}

static uint64_t hash_group(const peer *of)
{
    return hash_address(hash_address(of->tunnel != TUNNEL_NONE, &of->local), &of->remote);
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

/* The peer of a context that somebody put, as far as the context says. */
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

/* Whose connection a context is part of; 0 if of nobody's, being incomplete. */
static int peer_of(peer *into, const entry *of)
{
    if (of->stage != STAGE_COMPLETE) {
        return 0;
    }
    if (of->tree != NULL) {
        return read_peer(into, entry_context(of, NULL));
    }
    *into = generate_peer(&of->recipe);
    return 1;
}

/* ---- the two indexes ---- */

/* Where the pointer to the connection of a group is, or would be. */
static connection **link_of(const peer *with)
{
    connection **link = &store.buckets[hash_group(with) & (store.bucket_count - 1)];
    while (*link != NULL && !is_same_group(&(*link)->with, with)) {
        link = &(*link)->next;
    }
    return link;
}

static int make_room(void)
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
        *link_of(&by_id[i]->with) = by_id[i];
    }
    return 1;
}

static size_t place_of(UINT64 id)
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

connection **connections_all(size_t *count)
{
    *count = store.count;
    return store.by_id;
}

connection *connections_find(UINT64 id)
{
    size_t place = place_of(id);
    return place < store.count && store.by_id[place]->id == id ? store.by_id[place] : NULL;
}

/* ---- begin and end ---- */

/* Many connections idle, few carry much. */
static UINT32 pick_rate(random_source *source)
{
    uint32_t magnitude = random_below(source, 23);
    return magnitude < 4 ? 0 : random_below(source, (uint32_t)1 << magnitude);
}

static void begin(const peer *with)
{
    connection *made = make_room() ? calloc(1, sizeof *made) : NULL;
    if (made == NULL) {
        return;
    }
    made->id = ids_next(IDS_OF_CONNECTIONS);
    made->with = *with;
    made->contexts = 1;
    random_source source = random_for(with->seed, made->id);
    UINT64 second = now() - (store.is_past ? random_below(&source, OLDEST_SECONDS) : 0);
    made->started = second * UNITS_PER_SECOND + random_below(&source, UNITS_PER_SECOND);
    made->in.second = made->out.second = second;
    made->in.per_second = pick_rate(&source);
    made->out.per_second = pick_rate(&source);
    *link_of(with) = made;
    store.by_id[store.count++] = made; /* ids ascend */
    announce_connection(FWPM_CONNECTION_EVENT_ADD, made);
}

static void end(connection **link)
{
    connection *ended = *link;
    announce_connection(FWPM_CONNECTION_EVENT_DELETE, ended);
    size_t place = place_of(ended->id);
    *link = ended->next;
    store.count--;
    memmove(&store.by_id[place], &store.by_id[place + 1],
            (store.count - place) * sizeof(connection *));
    free(ended);
}

void connections_join(const entry *of)
{
    peer with;
    if (!peer_of(&with, of)) {
        return;
    }
    connection *found = store.count == 0 ? NULL : *link_of(&with);
    if (found != NULL) {
        found->contexts++;
    } else {
        begin(&with);
    }
}

void connections_leave(const entry *of)
{
    peer with;
    if (store.count == 0 || !peer_of(&with, of)) {
        return;
    }
    connection **link = link_of(&with);
    if (*link != NULL && --(*link)->contexts == 0) {
        end(link);
    }
}

void connections_clear(void)
{
    for (size_t i = 0; i < store.count; i++) {
        announce_connection(FWPM_CONNECTION_EVENT_DELETE, store.by_id[i]);
        free(store.by_id[i]);
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

static UINT64 bytes_now(const byte_counter *of)
{
    return of->bytes + (now() - of->second) * of->per_second;
}

void connection_count_bytes(connection *which)
{
    which->in.reported = bytes_now(&which->in);
    which->out.reported = bytes_now(&which->out);
}

void connection_set_bytes(connection *which, UINT64 in, UINT64 out)
{
    which->in.bytes = in;
    which->out.bytes = out;
    which->in.second = which->out.second = now();
}

int connections_are_monitored(void)
{
    return !store.is_unmonitored;
}

void connections_monitor(int is_on)
{
    store.is_unmonitored = !is_on;
}

void connections_pass_seconds(UINT32 seconds)
{
    store.passed += seconds;
}

void connections_begin_in_past(int is_past)
{
    store.is_past = is_past;
}
