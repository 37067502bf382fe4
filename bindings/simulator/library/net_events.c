/* A ring buffer of the last generated events, and an array of the events that were put. */

#include "net_events.h"

#include <stdlib.h>
#include <string.h>

#include "crowd.h"
#include "engine.h"
#include "platform.h"

static struct {
    net_event events[NET_EVENT_CAPACITY];
    size_t next; /* the index of the next event */
    size_t count;
    uint64_t population;
    int is_off;
} ring;

static struct {
    net_event *events;
    size_t count;
    size_t capacity;
} put;

int net_events_are_collected(void)
{
    return !ring.is_off;
}

void net_events_collect(int is_collected)
{
    ring.is_off = !is_collected;
}

void net_events_seed(uint64_t population)
{
    ring.population = population;
}

static int add(UINT32 type, UINT32 code, uint64_t seed, UINT32 spoofed)
{
    if (ring.is_off || !engine_is_running()) {
        return 0;
    }
    net_event *added = &ring.events[ring.next];
    added->population = ring.population;
    added->seed = seed;
    added->time = file_time();
    added->type = type;
    added->code = code;
    added->spoofed = spoofed;
    added->tree = NULL;
    ring.next = (ring.next + 1) % NET_EVENT_CAPACITY;
    ring.count += ring.count < NET_EVENT_CAPACITY;
    net_event_publish(added);
    return 1;
}

int net_events_add(UINT32 type, UINT32 code, uint64_t seed)
{
    return add(type, code, seed, 0);
}

int net_events_add_spoofed(uint32_t place)
{
    return add(FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE, ERROR_IPSEC_IKE_TIMED_OUT, place,
               crowd_number(CROWD_SPOOFED, place));
}

static void *copy_tree(arena *arena, const void *from)
{
    return net_event_copy(arena, from);
}

static int reserve_put(void)
{
    if (put.count < put.capacity) {
        return 1;
    }
    size_t capacity = put.capacity == 0 ? 64 : put.capacity * 2;
    net_event *events = realloc(put.events, capacity * sizeof *events);
    if (events == NULL) {
        return 0;
    }
    put.events = events;
    put.capacity = capacity;
    return 1;
}

int net_events_put(const FWPM_NET_EVENT5 *tree)
{
    if (ring.is_off || !engine_is_running() || !reserve_put()) {
        return 0;
    }
    FILETIME time = tree->header.timeStamp;
    net_event added = {0, 0, (uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime,
                       (UINT32)tree->type, 0, 0, put_tree_copy(copy_tree, tree)};
    if (added.tree == NULL) {
        return 0;
    }
    put.events[put.count++] = added;
    net_event_publish(&added);
    return 1;
}

int net_events_add_realistic(random_source *rng)
{
    static const struct {
        UINT32 type;
        UINT32 code;
    } likely[] = {
        {FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE, ERROR_IPSEC_IKE_TIMED_OUT},
        {FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE, ERROR_IPSEC_IKE_TIMED_OUT},
        {FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE, ERROR_IPSEC_IKE_NO_CERT},
        {FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE, ERROR_IPSEC_IKE_AUTH_FAIL},
        {FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE, ERROR_IPSEC_IKE_ATTRIB_FAIL},
        {FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE, ERROR_IPSEC_IKE_POLICY_MATCH},
        {FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE, ERROR_IPSEC_IKE_NO_POLICY},
        {FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE, ERROR_IPSEC_IKE_QM_DELAY_DROP},
        {FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE, ERROR_IPSEC_IKE_KERBEROS_ERROR},
        {FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE, ERROR_IPSEC_IKE_AUTHORIZATION_FAILURE},
        {FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP, STATUS_IPSEC_BAD_SPI},
        {FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP, STATUS_IPSEC_BAD_SPI},
        {FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP, STATUS_IPSEC_CLEAR_TEXT_DROP},
        {FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP, STATUS_IPSEC_REPLAY_CHECK_FAILED},
        {FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP, STATUS_IPSEC_INTEGRITY_CHECK_FAILED},
        {FWPM_NET_EVENT_TYPE_IPSEC_DOSP_DROP, STATUS_IPSEC_DOSP_STATE_LOOKUP_FAILED},
    };
    size_t picked = random_below(rng, (uint32_t)(sizeof likely / sizeof likely[0]));
    return net_events_add(likely[picked].type, likely[picked].code, random_next(rng));
}

size_t net_events_count(void)
{
    return put.count + ring.count;
}

void net_events_list(net_event *out)
{
    size_t first = (ring.next + NET_EVENT_CAPACITY - ring.count) % NET_EVENT_CAPACITY;
    for (size_t i = 0; i < put.count; i++) {
        out[i] = put.events[i];
    }
    for (size_t i = 0; i < ring.count; i++) {
        out[put.count + i] = ring.events[(first + i) % NET_EVENT_CAPACITY];
    }
}

void net_events_clear(void)
{
    ring.count = 0;
    while (put.count > 0) {
        put_tree_release(put.events[--put.count].tree);
    }
}

void net_events_reset(void)
{
    net_events_clear();
    memset(&ring, 0, sizeof ring);
    free(put.events);
    memset(&put, 0, sizeof put);
}
