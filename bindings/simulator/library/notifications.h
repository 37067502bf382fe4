/* Notifications on their way to subscribers, and the threads that deliver them.
 *
 * Callers hold LOCK_ENGINE, except where it says otherwise.
 */

#ifndef SIMULATOR_NOTIFICATIONS_H
#define SIMULATOR_NOTIFICATIONS_H

#include <stddef.h>

#include "subscriptions.h"
#include "wfp.h"

/* What is told, in one block, shared by the notifications that carry it. */
typedef struct payload payload;

/* A zeroed payload with room for `size` bytes, held once; NULL if memory ran out. */
payload *payload_create(size_t size);
/* Where those bytes are, aligned for anything: what the kind's `deliver` is given. */
void *payload_event(payload *payload);
void payload_release(payload *payload);

/* Whether anybody subscribed to this kind, so that a payload is worth making. */
int notifications_has_subscribers(const event_kind *kind);

/* Queues an event for all who subscribed to this kind and whose filter lets
 * `subject` pass; with a NULL for it, for all. Delivered in the order of the calls. */
void notifications_publish(const event_kind *kind, const void *subject, payload *payload);

/* Starts the threads that deliver, unless they run. Returns 1, or 0 if none could be started. */
int notifications_start(void);
/* Ends them after the callbacks under way. Not under LOCK_ENGINE: it waits for them. */
void notifications_stop(void);
/* Has the threads look for what to do. */
void notifications_wake(void);

/* Whether the calling thread is in a callback of this subscription. */
int notifications_is_delivering(const subscription *subscription);

/* The rest is for the control functions. */

void notifications_lose(UINT32 times);
void notifications_lose_randomly(UINT32 per_million, uint64_t seed);
void notifications_delay(UINT32 milliseconds);
int notifications_deliver_from(UINT32 threads); /* not under LOCK_ENGINE */
int notifications_flush(UINT32 milliseconds);
UINT64 notifications_delivered(void);
UINT64 notifications_lost(void);
/* Nothing on its way, default options, counts of 0. */
void notifications_reset(void);

#endif
