/* Net events: what failed of late, the oldest forgotten first. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_NET_EVENTS_H
#define SIMULATOR_NET_EVENTS_H

#include "arena.h"
#include "random.h"
#include "wfp.h"

/* Windows keeps 128 KB, some 100 to 150 events (FwpmNetEventEnum, logging). */
enum { NET_EVENT_CAPACITY = 128, NET_EVENT_GENERATIONS = 6 };

/* An event is kept as what its content follows from, and made whenever it is read. */
typedef struct net_event {
    uint64_t population; /* the seed of the host and its peers */
    uint64_t seed;       /* of everything else */
    uint64_t time;       /* as in a FILETIME */
    UINT32 type;
    UINT32 code;
} net_event;

/* Whether events are collected, as FWPM_ENGINE_COLLECT_NET_EVENTS tells; they are by default. */
int net_events_are_collected(void);
void net_events_collect(int is_collected);

/* Peers are those of this population. */
void net_events_seed(uint64_t population);

/* Notes an event, at this moment. Returns 0 where none is collected. */
int net_events_add(UINT32 type, UINT32 code, uint64_t seed);
/* The same for one that is likely, whose type and code follow from the dice. */
int net_events_add_realistic(random_source *rng);

/* Notes likely ones at a rate, in the background, until stopped. Not under LOCK_ENGINE:
 * they wait for the thread. The first returns 0 where it could not be started. */
int net_events_start(double per_second, uint64_t seed);
void net_events_stop(void);

/* Copies the events to `out`, oldest first, and tells how many there are. */
size_t net_events_copy(net_event out[NET_EVENT_CAPACITY]);

/* Forgets all events, as the engine does when it stops. */
void net_events_clear(void);
/* And how it was asked to collect. */
void net_events_reset(void);

/* Tells subscribers. */
void net_event_publish(const net_event *event);

/* Lays one event into the arena, in the shape of a generation of FWPM_NET_EVENT.
 * What is no business of a reader's (application, user, groups) holds canaries, and
 * what the flags do not tell of holds nonsense. */
void *net_event_write(arena *arena, const net_event *event, unsigned generation);

#endif
