/* A linked queue of notifications, and the threads that deliver from its front. */

#include "notifications.h"

#include <stdlib.h>
#include <string.h>

#include "platform.h"
#include "random.h"
#include "results.h"

enum { QUEUE_CAPACITY = 262144, MAX_THREADS = THREAD_DELIVERY_LAST - THREAD_DELIVERY + 1 };

struct payload {
    size_t refcount;
    size_t size;      /* of the whole block */
    uint64_t event[]; /* aligned for any structure of WFP */
};

typedef struct notification {
    struct notification *next;
    subscription *subscription;
    payload *payload;
    uint64_t due; /* the earliest time of delivery */
} notification;

static struct {
    notification *first;
    notification *last;
    UINT32 count;
    UINT32 delivering;
    UINT32 delay;
    UINT32 drop_next;
    UINT32 random_per_million;
    random_source rng;
    UINT64 delivered;
    UINT64 lost;
} queue;

static struct {
    UINT32 extra_threads; /* beyond the first */
    UINT32 started;
    UINT32 registered;
    int is_stopping;
    struct {
        uint64_t thread;
        const subscription *subscription; /* whose callback is running, or NULL */
    } slots[MAX_THREADS];
} workers;

/* ---- payloads ---- */

payload *payload_create(size_t size)
{
    payload *made = calloc(1, sizeof *made + size);
    if (made != NULL) {
        made->refcount = 1;
        made->size = sizeof *made + size;
    }
    return made;
}

void *payload_event(payload *payload)
{
    return payload->event;
}

void payload_release(payload *payload)
{
    if (--payload->refcount == 0) {
        results_destroy(payload, payload->size);
    }
}

/* ---- the queue ---- */

/* Return whether the next notification is lost: on demand, at random, or because the queue is
 * full. */
static int is_lost(void)
{
    if (queue.drop_next > 0) {
        queue.drop_next--;
        return 1;
    }
    return queue.count >= QUEUE_CAPACITY
           || (queue.random_per_million != 0
               && random_below(&queue.rng, 1000000) < queue.random_per_million);
}

/* Append a notification, or count it as lost. It retains the subscription and the payload. */
static void append(subscription *subscription, payload *payload)
{
    notification *made = is_lost() ? NULL : malloc(sizeof *made);
    if (made == NULL) {
        queue.lost++;
        return;
    }
    made->next = NULL;
    made->subscription = subscription;
    made->payload = payload;
    made->due = queue.delay == 0 ? 0 : monotonic_milliseconds() + queue.delay;
    subscription_retain(subscription);
    payload->refcount++;
    if (queue.last == NULL) {
        queue.first = made;
    } else {
        queue.last->next = made;
    }
    queue.last = made;
    queue.count++;
}

static notification *take_first(void)
{
    notification *taken = queue.first;
    queue.first = taken->next;
    if (queue.first == NULL) {
        queue.last = NULL;
    }
    queue.count--;
    return taken;
}

/* Free a notification that is no longer queued, and release its references. */
static void discard(notification *done)
{
    subscription_release(done->subscription);
    payload_release(done->payload);
    free(done);
}

int notifications_has_subscribers(const event_kind *kind)
{
    const subscription *each = subscriptions_first();
    while (each != NULL && each->kind != kind) {
        each = each->next;
    }
    return each != NULL;
}

void notifications_publish(const event_kind *kind, const void *subject, payload *payload)
{
    for (subscription *each = subscriptions_first(); each != NULL; each = each->next) {
        if (each->kind == kind
            && (each->filter == NULL || subject == NULL || kind->matches(each->filter, subject))) {
            append(each, payload);
        }
    }
    notifications_wake();
}

void notifications_wake(void)
{
    condition_broadcast(CONDITION_QUEUED);
}

/* ---- the threads ---- */

/* Discard the notifications of cancelled subscriptions at the front of the queue. */
static void discard_cancelled(void)
{
    while (queue.first != NULL && queue.first->subscription->is_cancelled) {
        discard(take_first());
        condition_broadcast(CONDITION_DELIVERED);
    }
}

/* Take the first notification, if it is due. Otherwise return NULL, and set *wait to the number of
 * milliseconds until it is due, or to WAIT_FOREVER if the queue is empty. */
static notification *take_due(uint32_t *wait)
{
    *wait = WAIT_FOREVER;
    discard_cancelled();
    if (queue.first == NULL) {
        return NULL;
    }
    uint64_t now = queue.first->due == 0 ? 0 : monotonic_milliseconds();
    if (queue.first->due <= now) {
        return take_first();
    }
    *wait = (uint32_t)(queue.first->due - now);
    return NULL;
}

/* Call the subscriber without LOCK_ENGINE, then discard the notification. */
static void deliver(UINT32 slot, notification *due)
{
    subscription *subscription = due->subscription;
    workers.slots[slot].subscription = subscription;
    subscription->running++;
    queue.delivering++;
    lock_release(LOCK_ENGINE);
    subscription->kind->deliver(subscription->callback, subscription->context,
                                payload_event(due->payload));
    lock_acquire(LOCK_ENGINE);
    queue.delivering--;
    queue.delivered++;
    subscription->running--;
    workers.slots[slot].subscription = NULL;
    discard(due);
    condition_broadcast(CONDITION_DELIVERED);
}

/* Deliver what is due until the threads stop. */
static void work(void *unused)
{
    (void)unused;
    lock_acquire(LOCK_ENGINE);
    UINT32 slot = workers.registered++;
    workers.slots[slot].thread = thread_current();
    while (!workers.is_stopping) {
        uint32_t wait;
        notification *due = take_due(&wait);
        if (due != NULL) {
            deliver(slot, due);
        } else {
            condition_wait(CONDITION_QUEUED, LOCK_ENGINE, wait);
        }
    }
    lock_release(LOCK_ENGINE);
}

int notifications_start(void)
{
    while (!workers.is_stopping && workers.started <= workers.extra_threads
           && thread_start((enum thread)(THREAD_DELIVERY + workers.started), work, NULL)) {
        workers.started++;
    }
    return workers.is_stopping || workers.started > 0;
}

/* Stop all threads. Call this under LOCK_DELIVERY_THREADS. */
static void stop(void)
{
    lock_acquire(LOCK_ENGINE);
    UINT32 started = workers.started;
    workers.is_stopping = 1;
    notifications_wake();
    lock_release(LOCK_ENGINE);
    for (UINT32 i = 0; i < started; i++) {
        thread_join((enum thread)(THREAD_DELIVERY + i));
    }
    lock_acquire(LOCK_ENGINE);
    memset(workers.slots, 0, sizeof workers.slots);
    workers.started = 0;
    workers.registered = 0;
    workers.is_stopping = 0;
    discard_cancelled(); /* a delivery thread may never be started again */
    lock_release(LOCK_ENGINE);
}

void notifications_stop(void)
{
    lock_acquire(LOCK_DELIVERY_THREADS);
    stop();
    lock_release(LOCK_DELIVERY_THREADS);
}

int notifications_is_delivering(const subscription *subscription)
{
    uint64_t self = thread_current();
    for (UINT32 i = 0; i < workers.registered; i++) {
        if (workers.slots[i].subscription == subscription && workers.slots[i].thread == self) {
            return 1;
        }
    }
    return 0;
}

/* ---- control ---- */

void notifications_lose(UINT32 times)
{
    queue.drop_next = times;
}

void notifications_lose_randomly(UINT32 per_million, uint64_t seed)
{
    queue.random_per_million = per_million;
    queue.rng = random_for(seed, 'N');
}

void notifications_delay(UINT32 milliseconds)
{
    queue.delay = milliseconds;
}

int notifications_deliver_from(UINT32 threads)
{
    if (threads == 0 || threads > MAX_THREADS) {
        return 0;
    }
    lock_acquire(LOCK_DELIVERY_THREADS);
    stop();
    lock_acquire(LOCK_ENGINE);
    workers.extra_threads = threads - 1;
    int is_started = subscriptions_first() == NULL || notifications_start();
    lock_release(LOCK_ENGINE);
    lock_release(LOCK_DELIVERY_THREADS);
    return is_started;
}

int notifications_flush(UINT32 milliseconds)
{
    uint64_t until = monotonic_milliseconds() + milliseconds;
    uint64_t now = until - milliseconds;
    while ((queue.count > 0 || queue.delivering > 0) && now < until) {
        condition_wait(CONDITION_DELIVERED, LOCK_ENGINE, (uint32_t)(until - now));
        now = monotonic_milliseconds();
    }
    return queue.count == 0 && queue.delivering == 0;
}

UINT64 notifications_delivered(void)
{
    return queue.delivered;
}

UINT64 notifications_lost(void)
{
    return queue.lost;
}

void notifications_reset(void)
{
    while (queue.first != NULL) {
        discard(take_first());
    }
    UINT32 delivering = queue.delivering;
    memset(&queue, 0, sizeof queue);
    queue.delivering = delivering;
    workers.extra_threads = 0;
}
