/* Net events: recent failures and dropped packets. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_NET_EVENTS_H
#define SIMULATOR_NET_EVENTS_H

#include "arena.h"
#include "put_tree.h"
#include "random.h"
#include "wfp.h"

/* Windows keeps 128 KB of events, about 100 to 150 (FwpmNetEventEnum, logging). */
enum { NET_EVENT_CAPACITY = 128, NET_EVENT_GENERATIONS = 6 };

/* A generated event is stored as the numbers that determine it, and generated whenever it is read.
 * An event that was put is stored as its FWPM_NET_EVENT5. */
typedef struct net_event {
    uint64_t population; /* the seed of the host and its peers */
    uint64_t seed;       /* of everything else */
    uint64_t time;       /* as in a FILETIME */
    UINT32 type;
    UINT32 code;
    UINT32 spoofed; /* the number of a recipe whose peer only fails (crowd.h); otherwise 0 */
    put_tree *tree; /* NULL unless it was put */
} net_event;

/* Return, or set, whether events are collected (FWPM_ENGINE_COLLECT_NET_EVENTS); the default is
 * 1. */
int net_events_are_collected(void);
void net_events_collect(int is_collected);

/* Set the population whose peers the events concern. */
void net_events_seed(uint64_t population);

/* Generate and collect an event now, in place of the oldest one if the log is full, and notify
 * subscribers. Return 1, or 0 if the engine is stopped or does not collect events. */
int net_events_add(UINT32 type, UINT32 code, uint64_t seed);
/* Do the same for a main mode failure of a spoofed peer, by its place in the crowd (crowd.h). */
int net_events_add_spoofed(uint32_t place);
/* Do the same for a realistic type and code, which follow from `rng`. */
int net_events_add_realistic(random_source *rng);

/* Start and stop collecting realistic events in the background, at a rate. net_events_start returns
 * 1, or 0 if no thread could be started. Both wait for the thread: do not call them under
 * LOCK_ENGINE. */
int net_events_start(double per_second, uint64_t seed);
void net_events_stop(void);

/* Collect a copy of an event, which keeps its time, and notify subscribers. All events that were
 * put are kept until the engine stops. Return 1, or 0 if the engine is stopped or does not collect
 * events, or memory ran out. */
int net_events_put(const FWPM_NET_EVENT5 *tree);

size_t net_events_count(void);
/* Copy the events to `out`: first those that were put, then the generated ones, each in the order
 * in which they were collected. `out` has room for net_events_count() entries. They own no
 * reference to their trees. */
void net_events_list(net_event *out);

/* Remove all events, as the engine does when it stops. */
void net_events_clear(void);
/* Restore the initial state: no events, collection on, population 0. */
void net_events_reset(void);

/* Notify the subscribers whose template matches the event. */
void net_event_publish(const net_event *event);

/* Write an event into the arena, in this generation of FWPM_NET_EVENT, or only measure it. Return
 * its root. Fields that readers must not expose (application, enterprise, effective name, groups of
 * the peer) contain canaries. In a generated event, header fields whose flag is not set contain
 * garbage. */
void *net_event_write(arena *arena, const net_event *event, unsigned generation);

/* Copy an event of the newest generation, with the same canaries. */
FWPM_NET_EVENT5 *net_event_copy(arena *arena, const FWPM_NET_EVENT5 *from);

#endif
