/* A ring buffer of the last events. */

#include "net_events.h"

#include <string.h>

#include "engine.h"
#include "platform.h"

static struct {
    net_event events[NET_EVENT_CAPACITY];
    size_t next; /* the index of the next event */
    size_t count;
    uint64_t population;
    int is_off;
} ring;

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

int net_events_add(UINT32 type, UINT32 code, uint64_t seed)
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
    ring.next = (ring.next + 1) % NET_EVENT_CAPACITY;
    ring.count += ring.count < NET_EVENT_CAPACITY;
    net_event_publish(added);
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

size_t net_events_copy(net_event out[NET_EVENT_CAPACITY])
{
    size_t first = (ring.next + NET_EVENT_CAPACITY - ring.count) % NET_EVENT_CAPACITY;
    for (size_t i = 0; i < ring.count; i++) {
        out[i] = ring.events[(first + i) % NET_EVENT_CAPACITY];
    }
    return ring.count;
}

void net_events_clear(void)
{
    ring.count = 0;
}

void net_events_reset(void)
{
    memset(&ring, 0, sizeof ring);
}
