/* What C11 leaves to the operating system: locks, conditions, threads, time, entropy.
 *
 * This header uses plain C types only: <windows.h> and wfp.h cannot be included together.
 */

#ifndef SIMULATOR_PLATFORM_H
#define SIMULATOR_PLATFORM_H

#include <stdint.h>

/* LOCK_ENGINE guards all state of the library; every exported function that uses the state acquires
 * it.
 *
 * Each of the other locks is held while a control function starts or stops its threads. Stopping a
 * thread waits for it, and the thread itself acquires LOCK_ENGINE. Therefore acquire another lock
 * before LOCK_ENGINE, never after it. */
enum lock {
    LOCK_ENGINE,
    LOCK_CHURN_THREAD,
    LOCK_DELIVERY_THREADS,
    LOCK_NET_EVENT_THREAD,
    LOCK_COUNT
};

void lock_acquire(enum lock lock);
void lock_release(enum lock lock);

/* What a thread can wait for: a notification in the queue, or the end of a delivery. */
enum condition { CONDITION_QUEUED, CONDITION_DELIVERED, CONDITION_COUNT };
#define WAIT_FOREVER UINT32_MAX

/* Release the lock, wait for at most `milliseconds`, and acquire the lock again. The wait may end
 * spuriously. */
void condition_wait(enum condition condition, enum lock lock, uint32_t milliseconds);
/* Wake all threads that wait. */
void condition_broadcast(enum condition condition);

void sleep_milliseconds(uint32_t milliseconds);

/* Return the time since an arbitrary moment; it never goes back. */
uint64_t monotonic_milliseconds(void);

/* Return the time in UTC, in 100 ns since 1601-01-01, as in a FILETIME. */
uint64_t file_time(void);

/* Return a number that differs from process to process. */
uint64_t entropy(void);

/* The library's background threads: churn, delivery of notifications, net events. Once a thread has
 * been started, the library stays loaded until the process ends: code that runs must not be
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
