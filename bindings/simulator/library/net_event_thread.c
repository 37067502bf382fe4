/* Net events that come by themselves, at a rate. */

#include <stdint.h>

#include "net_events.h"
#include "platform.h"

enum { STEP_MILLISECONDS = 10 };

static struct {
    random_source rng;
    double per_second;
    int is_running;  /* the thread, under LOCK_NET_EVENT_THREAD */
    int is_stopping; /* under LOCK_ENGINE */
} trickle;

static void trickle_body(void)
{
    uint64_t began = monotonic_milliseconds();
    uint64_t made = 0;
    int is_stopping = 0;
    while (!is_stopping) {
        sleep_milliseconds(STEP_MILLISECONDS);
        lock_acquire(LOCK_ENGINE);
        is_stopping = trickle.is_stopping;
        uint64_t due =
            (uint64_t)((double)(monotonic_milliseconds() - began) * trickle.per_second / 1000.0);
        for (; !is_stopping && made < due; made++) {
            (void)net_events_add_realistic(&trickle.rng);
        }
        lock_release(LOCK_ENGINE);
    }
}

void net_events_stop(void)
{
    lock_acquire(LOCK_NET_EVENT_THREAD);
    if (trickle.is_running) {
        lock_acquire(LOCK_ENGINE);
        trickle.is_stopping = 1;
        lock_release(LOCK_ENGINE);
        thread_join(THREAD_NET_EVENTS);
        trickle.is_running = 0;
    }
    lock_release(LOCK_NET_EVENT_THREAD);
}

int net_events_start(double per_second, uint64_t seed)
{
    net_events_stop();
    lock_acquire(LOCK_NET_EVENT_THREAD);
    int is_started = trickle.is_running;
    if (!is_started) {
        lock_acquire(LOCK_ENGINE);
        trickle.rng = random_for(seed, 'X');
        trickle.per_second = per_second > 0 ? per_second : 0;
        trickle.is_stopping = 0;
        lock_release(LOCK_ENGINE);
        is_started = thread_start(THREAD_NET_EVENTS, trickle_body);
        trickle.is_running = is_started;
    }
    lock_release(LOCK_NET_EVENT_THREAD);
    return is_started;
}
