/* The thread that collects net events in the background, at a rate. */

#include "net_events.h"
#include "rate_thread.h"

static random_source rng; /* under LOCK_ENGINE */

static void seed_rng(uint64_t seed)
{
    rng = random_for(seed, 'X');
}

static void add_events(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)net_events_add_realistic(&rng);
    }
}

static rate_thread thread = {
    .thread = THREAD_NET_EVENTS,
    .lock = LOCK_NET_EVENT_THREAD,
    .seed = seed_rng,
    .work = add_events,
};

int net_events_start(double per_second, uint64_t seed)
{
    return rate_thread_start(&thread, per_second, seed);
}

void net_events_stop(void)
{
    rate_thread_stop(&thread);
}
