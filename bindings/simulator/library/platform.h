/* What C11 leaves to the operating system: a lock, a thread, time, entropy.
 *
 * Plain types only: <windows.h> and wfp.h cannot be included together.
 */

#ifndef SIMULATOR_PLATFORM_H
#define SIMULATOR_PLATFORM_H

#include <stdint.h>

/* Locks. The first guards everything the library holds and is taken by every
 * exported function; the others are held while the churn thread (or that of
 * net events) is started or
 * stopped, or those that deliver are stopped, which waits for threads that
 * themselves need the first. */
enum lock {
    LOCK_ENGINE,
    LOCK_CHURN_THREAD,
    LOCK_DELIVERY_THREADS,
    LOCK_NET_EVENT_THREAD,
    LOCK_COUNT
};

void lock_acquire(enum lock lock);
void lock_release(enum lock lock);

/* What threads wait for: a notification to deliver, a delivery to be over. A
 * wait releases the lock meanwhile, and may end for no reason. */
enum condition { CONDITION_QUEUED, CONDITION_DELIVERED, CONDITION_COUNT };
#define WAIT_FOREVER UINT32_MAX

void condition_wait(enum condition condition, enum lock lock, uint32_t milliseconds);
void condition_broadcast(enum condition condition);

void sleep_milliseconds(uint32_t milliseconds);

/* Time that only ever advances. */
uint64_t monotonic_milliseconds(void);

/* The time in UTC, in 100 ns since 1601-01-01, as in a FILETIME. */
uint64_t file_time(void);

/* A number that another process, or the next run, does not get. */
uint64_t entropy(void);

/* The library's background threads: one that churns, those that deliver
 * notifications, and one that notes net events. From the first start on the library stays loaded
 * until the process ends: code that runs must not be unmapped. */
enum thread {
    THREAD_CHURN,
    THREAD_DELIVERY,
    THREAD_DELIVERY_LAST = 8,
    THREAD_NET_EVENTS,
    THREAD_COUNT
};

typedef void (*thread_body)(void);
int thread_start(enum thread thread, thread_body body);
void thread_join(enum thread thread);

/* A number that no other thread has while this one lives; never 0. */
uint64_t thread_current(void);

#endif
