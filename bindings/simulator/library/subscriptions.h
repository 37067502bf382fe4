/* Subscriptions of every kind, each tied to a session. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_SUBSCRIPTIONS_H
#define SIMULATOR_SUBSCRIPTIONS_H

#include <stddef.h>

#include "wfp.h"

/* A subscriber's callback; the event kind casts it to its real type. */
typedef void (*subscriber)(void);

/* One kind of event, for one generation of its callback. */
typedef struct event_kind {
    /* Return whether a filter matches the subject of an event. */
    int (*matches)(const void *filter, const void *subject);
    /* Call the subscriber. Not under LOCK_ENGINE. */
    void (*deliver)(subscriber callback, void *context, const void *event);
} event_kind;

/* A reference-counted subscription. Its handle, each of its undelivered notifications, and each
 * thread that waits for its callbacks own a reference. It is in the list, linked by `next`, until
 * it is cancelled. */
typedef struct subscription {
    const event_kind *kind;
    void *filter; /* NULL: matches all */
    subscriber callback;
    void *context;
    size_t refcount;
    UINT32 running;   /* callbacks */
    int is_cancelled; /* its handle is closed: no further callback begins */
    struct subscription *next;
} subscription;

/* Subscribe. The caller has checked the arguments. This function takes ownership of `filter`, a
 * heap block or NULL, even if it fails. Return an error code, or 0. */
UINT32 subscribe(HANDLE engineHandle, const event_kind *kind, void *filter, subscriber callback,
                 void *context, HANDLE *eventsHandle);

/* End a subscription of one of the kinds, an array that ends with NULL. Wait for its running
 * callbacks; LOCK_ENGINE is released meanwhile. Return an error code, or 0. */
UINT32 unsubscribe(HANDLE engineHandle, const event_kind *const *kinds, HANDLE eventsHandle);

/* Return the first subscription that is not cancelled; the others follow by `next`. */
subscription *subscriptions_first(void);

void subscription_retain(subscription *subscription);
void subscription_release(subscription *subscription);
/* Cancel a subscription whose handle is being closed, and release the handle's reference. */
void subscription_cancel(subscription *ended);

#endif
