/* A linked list of the subscriptions, oldest first. */

#include "subscriptions.h"

#include <stdlib.h>

#include "calls.h"
#include "engine.h"
#include "handles.h"
#include "notifications.h"
#include "platform.h"

static subscription *first;

subscription *subscriptions_first(void)
{
    return first;
}

void subscription_retain(subscription *subscription)
{
    subscription->refcount++;
}

void subscription_release(subscription *subscription)
{
    if (--subscription->refcount == 0) {
        free(subscription->filter);
        free(subscription);
    }
}

void subscription_cancel(subscription *ended)
{
    subscription **link = &first;
    while (*link != ended) {
        link = &(*link)->next;
    }
    *link = ended->next;
    ended->is_cancelled = 1;
    notifications_wake();
    subscription_release(ended);
}

static void append(subscription *made)
{
    subscription **link = &first;
    while (*link != NULL) {
        link = &(*link)->next;
    }
    *link = made;
}

UINT32 subscribe(HANDLE engineHandle, const event_kind *kind, void *filter, subscriber callback,
                 void *context, HANDLE *eventsHandle)
{
    subscription_handle *opened = NULL;
    subscription *made = calloc(1, sizeof *made);
    HANDLE handle =
        made != NULL && notifications_start() ? handles_open_subscription(&opened) : NULL;
    if (handle == NULL) {
        free(made);
        free(filter);
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    made->kind = kind;
    made->filter = filter;
    made->callback = callback;
    made->context = context;
    made->refcount = 1;
    append(made);
    opened->session = engineHandle;
    opened->subscription = made;
    *eventsHandle = handle;
    return ERROR_SUCCESS;
}

static int is_one_of(const event_kind *kind, const event_kind *const *kinds)
{
    while (*kinds != NULL && *kinds != kind) {
        kinds++;
    }
    return *kinds != NULL;
}

UINT32 unsubscribe(HANDLE engineHandle, const event_kind *const *kinds, HANDLE eventsHandle)
{
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS || eventsHandle == NULL) {
        return code; /* "If the handle is NULL, the function has no effect" */
    }
    const subscription_handle *found = handles_subscription(eventsHandle);
    if (found == NULL || !is_one_of(found->subscription->kind, kinds)) {
        return calls_misuse(ERROR_INVALID_HANDLE);
    }
    if (found->session != engineHandle) {
        return calls_misuse(RPC_X_SS_HANDLES_MISMATCH);
    }
    subscription *ended = found->subscription;
    if (notifications_is_delivering(ended)) {
        return calls_misuse(ERROR_POSSIBLE_DEADLOCK);
    }
    subscription_retain(ended);
    handles_close(eventsHandle);
    while (ended->running > 0) {
        condition_wait(CONDITION_DELIVERED, LOCK_ENGINE, WAIT_FOREVER);
    }
    subscription_release(ended);
    return ERROR_SUCCESS;
}
