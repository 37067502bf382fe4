/* Who is told of what: subscriptions of every kind, each tied to a session.
 *
 * Callers hold LOCK_ENGINE.
 */

#ifndef SIMULATOR_SUBSCRIPTIONS_H
#define SIMULATOR_SUBSCRIPTIONS_H

#include <stddef.h>

#include "wfp.h"

/* A subscriber's function, to be cast to what its kind calls. */
typedef void (*subscriber)(void);

/* One kind of event that can be subscribed to, in one shape of its callback. */
typedef struct event_kind {
    /* Whether a filter lets an event pass; `subject` is what was announced. */
    int (*matches)(const void *filter, const void *subject);
    /* Calls the subscriber, while nothing is locked. */
    void (*deliver)(subscriber callback, void *context, const void *event);
} event_kind;

/* Stays as long as anybody holds it: its handle, a notification on its way, a
 * thread that waits for its callback. */
typedef struct subscription {
    const event_kind *kind;
    void *filter; /* NULL: everything */
    subscriber callback;
    void *context;
    size_t refcount;
    UINT32 running;   /* callbacks under way */
    int is_cancelled; /* its handle is closed: no other callback begins */
    struct subscription *next;
} subscription;

/* What a Subscribe function does when its arguments are well. Takes `filter`, a
 * block that is freed with the subscription, in any case. Returns an error code, or 0. */
UINT32 subscribe(HANDLE engineHandle, const event_kind *kind, void *filter, subscriber callback,
                 void *context, HANDLE *eventsHandle);

/* What an Unsubscribe function does: ends a subscription of any of the kinds (they are
 * ended by a NULL), and waits until its callback is not under way. */
UINT32 unsubscribe(HANDLE engineHandle, const event_kind *const *kinds, HANDLE eventsHandle);

/* The first of all subscriptions that are not cancelled, linked by `next`. */
subscription *subscriptions_first(void);

void subscription_retain(subscription *subscription);
void subscription_release(subscription *subscription);
/* Ends one whose handle is closed. */
void subscription_cancel(subscription *ended);

#endif
