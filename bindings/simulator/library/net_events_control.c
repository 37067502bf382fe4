/* The control functions of net events, documented in sa_simulator.h. */

#include "net_events.h"
#include "platform.h"
#include "sa_simulator.h"

int32_t sa_simulator_net_event(uint32_t type, uint32_t code, uint64_t seed)
{
    lock_acquire(LOCK_ENGINE);
    int32_t is_collected = net_events_add(type, code, seed);
    lock_release(LOCK_ENGINE);
    return is_collected;
}

int32_t sa_simulator_put_net_event(const void *tree)
{
    lock_acquire(LOCK_ENGINE);
    int32_t is_collected = tree != NULL && net_events_put(tree);
    lock_release(LOCK_ENGINE);
    return is_collected;
}

uint32_t sa_simulator_net_events(uint32_t count, uint64_t seed)
{
    lock_acquire(LOCK_ENGINE);
    random_source rng = random_for(seed, 'X');
    uint32_t collected = 0;
    for (uint32_t i = 0; i < count; i++) {
        collected += (uint32_t)net_events_add_realistic(&rng);
    }
    lock_release(LOCK_ENGINE);
    return collected;
}

int32_t sa_simulator_start_net_events(double per_second, uint64_t seed)
{
    return net_events_start(per_second, seed);
}

void sa_simulator_stop_net_events(void)
{
    net_events_stop();
}

void sa_simulator_collect_net_events(int32_t is_collected)
{
    lock_acquire(LOCK_ENGINE);
    net_events_collect(is_collected);
    lock_release(LOCK_ENGINE);
}
