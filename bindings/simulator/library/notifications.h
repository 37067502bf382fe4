/* The queue of notifications, and the threads that deliver them.
 *
 * Callers hold LOCK_ENGINE, unless noted otherwise.
 */

#ifndef SIMULATOR_NOTIFICATIONS_H
#define SIMULATOR_NOTIFICATIONS_H

#include <stddef.h>

#include "subscriptions.h"
#include "wfp.h"

/* An event in one reference-counted block, shared by the notifications of all its subscribers. */
typedef struct payload payload;

/* Return a payload of `size` zeroed bytes with one reference, which the caller owns; NULL if
 * memory ran out. */
payload *payload_create(size_t size);
/* Return the bytes of a payload, aligned for any structure, to pass to the kind's `deliver`. */
void *payload_event(payload *payload);
/* Release a reference; the last release poisons and frees the payload. */
void payload_release(payload *payload);

/* Return whether this kind has subscribers, so that a payload is needed. */
int notifications_has_subscribers(const event_kind *kind);

/* Queue an event for all subscribers to this kind whose filter matches `subject`, or for all of
 * them if `subject` is NULL. A single delivery thread delivers events in the order of these calls;
 * several threads may not. The caller keeps its reference to the payload. */
void notifications_publish(const event_kind *kind, const void *subject, payload *payload);

/* Start the delivery threads, unless they are running or being stopped. Return 1, or 0 if none
 * could be started. */
int notifications_start(void);
/* Stop the delivery threads after their current callbacks. Waits for the threads: do not call this
 * under LOCK_ENGINE. */
void notifications_stop(void);
/* Wake the delivery threads. */
void notifications_wake(void);

/* Return whether the calling thread is in a callback of this subscription. */
int notifications_is_delivering(const subscription *subscription);

/* The functions below implement control functions (sa_simulator.h). */

void notifications_lose(UINT32 times);
void notifications_lose_randomly(UINT32 per_million, uint64_t seed);
void notifications_delay(UINT32 milliseconds);
int notifications_deliver_from(UINT32 threads); /* not under LOCK_ENGINE */
int notifications_flush(UINT32 milliseconds);
UINT64 notifications_delivered(void);
UINT64 notifications_lost(void);
/* Restore the initial state: an empty queue, one thread, no delay, no losses, counts of 0. */
void notifications_reset(void);

#endif
