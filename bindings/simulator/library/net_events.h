/* Net events: the recent failures. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_NET_EVENTS_H
#define SIMULATOR_NET_EVENTS_H

#include "arena.h"
#include "put_tree.h"
#include "random.h"
#include "wfp.h"

/* Windows keeps 128 KB, some 100 to 150 events (FwpmNetEventEnum, logging). */
enum { NET_EVENT_CAPACITY = 128, NET_EVENT_GENERATIONS = 6 };

/* An event is stored as the numbers that determine it, and generated whenever it is read; or as a
 * FWPM_NET_EVENT5 that was put. */
typedef struct net_event {
    uint64_t population; /* the seed of the host and its peers */
    uint64_t seed;       /* of everything else */
    uint64_t time;       /* as in a FILETIME */
    UINT32 type;
    UINT32 code;
    put_tree *tree; /* NULL unless it was put */
} net_event;

/* Whether events are collected (FWPM_ENGINE_COLLECT_NET_EVENTS); they are by default. */
int net_events_are_collected(void);
void net_events_collect(int is_collected);

/* Set the population whose peers the events concern. */
void net_events_seed(uint64_t population);

/* Collect an event now, in place of the oldest if the log is full, and notify subscribers. Return
 * 1, or 0 if the engine is stopped or does not collect. */
int net_events_add(UINT32 type, UINT32 code, uint64_t seed);
/* Collect an event of a realistic type and code, which follow from `rng`. Return as above. */
int net_events_add_realistic(random_source *rng);

/* Collect realistic events in the background, at a rate, until stopped. net_events_start returns
 * 1, or 0 if no thread could be started. Not under LOCK_ENGINE: both wait for the thread. */
int net_events_start(double per_second, uint64_t seed);
void net_events_stop(void);

/* Collect a copy of an event, with its own time; it stays until the engine stops, however many
 * there are. Return as net_events_add, or 0 if memory ran out. */
int net_events_put(const FWPM_NET_EVENT5 *tree);

size_t net_events_count(void);
/* Copy the events to `out`: the ones that were put, then the others, each oldest first. `out` has
 * room for net_events_count() entries, which own no reference to their trees. */
void net_events_list(net_event *out);

/* Remove all events, as the engine does when it stops. */
void net_events_clear(void);
/* Restore the initial state: no events, collected, no population. */
void net_events_reset(void);

/* Notify the subscribers whose template matches. */
void net_event_publish(const net_event *event);

/* Write an event into the arena, in a generation of FWPM_NET_EVENT, or only measure it. Return
 * its root. Fields that readers must not expose (application, user, groups) contain canaries;
 * fields whose flag is not set contain garbage. */
void *net_event_write(arena *arena, const net_event *event, unsigned generation);

/* Copy an event of the newest generation in the same way. */
FWPM_NET_EVENT5 *net_event_copy(arena *arena, const FWPM_NET_EVENT5 *from);

#endif
