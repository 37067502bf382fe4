/* What C11 leaves to the operating system: locks, conditions, threads, time, entropy.
 *
 * Plain types only: <windows.h> and wfp.h cannot be included together.
 */

#ifndef SIMULATOR_PLATFORM_H
#define SIMULATOR_PLATFORM_H

#include <stdint.h>

/* LOCK_ENGINE guards all state of the library; every exported function takes it.
 *
 * Each of the others is held while its threads are started or stopped. Stopping a thread waits
 * for it, and the thread itself takes LOCK_ENGINE: acquire these first, LOCK_ENGINE second. */
enum lock {
    LOCK_ENGINE,
    LOCK_CHURN_THREAD,
    LOCK_DELIVERY_THREADS,
    LOCK_NET_EVENT_THREAD,
    LOCK_COUNT
};

void lock_acquire(enum lock lock);
void lock_release(enum lock lock);

/* What threads wait for: a notification to deliver; the end of a delivery. */
enum condition { CONDITION_QUEUED, CONDITION_DELIVERED, CONDITION_COUNT };
#define WAIT_FOREVER UINT32_MAX

/* Release the lock, wait, and acquire the lock again. A wait may also end spuriously. */
void condition_wait(enum condition condition, enum lock lock, uint32_t milliseconds);
/* Wake all threads that wait. */
void condition_broadcast(enum condition condition);

void sleep_milliseconds(uint32_t milliseconds);

/* Return a time that never goes back. */
uint64_t monotonic_milliseconds(void);

/* Return the time in UTC, in 100 ns since 1601-01-01, as in a FILETIME. */
uint64_t file_time(void);

/* Return a number that differs between processes and runs. */
uint64_t entropy(void);

/* The library's background threads: churn, delivery of notifications, net events. Once one
 * was started, the library stays loaded until the process ends: code that runs must not be
 * unmapped. */
enum thread {
    THREAD_CHURN,
    THREAD_DELIVERY,
    THREAD_DELIVERY_LAST = 8,
    THREAD_NET_EVENTS,
    THREAD_COUNT
};

typedef void (*thread_body)(void *argument);
/* Start a thread that is not running. Return 1, or 0 if it could not be started. */
int thread_start(enum thread thread, thread_body body, void *argument);
/* Wait until a started thread has ended. */
void thread_join(enum thread thread);

/* Return a number that no other living thread has; never 0. */
uint64_t thread_current(void);

#endif
