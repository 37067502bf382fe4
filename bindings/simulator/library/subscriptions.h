/* Subscriptions of every kind, each tied to a session. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_SUBSCRIPTIONS_H
#define SIMULATOR_SUBSCRIPTIONS_H

#include <stddef.h>

#include "wfp.h"

/* A subscriber's callback, which its kind casts to the real type. */
typedef void (*subscriber)(void);

/* One kind of event, in one generation of its callback. */
typedef struct event_kind {
    /* Return whether a filter matches the subject of an event. */
    int (*matches)(const void *filter, const void *subject);
    /* Call the subscriber. Not under LOCK_ENGINE. */
    void (*deliver)(subscriber callback, void *context, const void *event);
} event_kind;

/* Reference-counted: its handle, each queued notification, and each thread that waits for its
 * callback own a reference. It is in the list, linked by `next`, until it is cancelled. */
typedef struct subscription {
    const event_kind *kind;
    void *filter; /* NULL: matches all */
    subscriber callback;
    void *context;
    size_t refcount;
    UINT32 running;   /* callbacks */
    int is_cancelled; /* its handle is closed: no more callbacks begin */
    struct subscription *next;
} subscription;

/* Subscribe; the caller has checked the arguments. Takes ownership of `filter`, a heap block or
 * NULL, even on failure. Return an error code, or 0. */
UINT32 subscribe(HANDLE engineHandle, const event_kind *kind, void *filter, subscriber callback,
                 void *context, HANDLE *eventsHandle);

/* End a subscription of one of the kinds, an array that ends with NULL. Waits for its running
 * callbacks, and releases LOCK_ENGINE meanwhile. Return an error code, or 0. */
UINT32 unsubscribe(HANDLE engineHandle, const event_kind *const *kinds, HANDLE eventsHandle);

/* Return the first subscription that is not cancelled; the others follow by `next`. */
subscription *subscriptions_first(void);

void subscription_retain(subscription *subscription);
void subscription_release(subscription *subscription);
/* Cancel a subscription whose handle is being closed, and release the handle's reference. */
void subscription_cancel(subscription *ended);

#endif
