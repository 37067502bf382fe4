/* What C11 leaves to the operating system: a lock, a thread, time, entropy.
 *
 * Plain types only: <windows.h> and wfp.h cannot be included together.
 */

#ifndef SIMULATOR_PLATFORM_H
#define SIMULATOR_PLATFORM_H

#include <stdint.h>

/* Locks. The first guards everything the library holds and is taken by every
 * exported function; the second is held while the churn thread is started or
 * stopped, which waits for a thread that itself needs the first. */
enum lock { LOCK_ENGINE, LOCK_CHURN_THREAD, LOCK_COUNT };

void lock_acquire(enum lock lock);
void lock_release(enum lock lock);

void sleep_milliseconds(uint32_t milliseconds);

/* Time that only ever advances. */
uint64_t monotonic_milliseconds(void);

/* A number that another process, or the next run, does not get. */
uint64_t entropy(void);

/* The library's one background thread. From its start on the library stays
 * loaded until the process ends: code that runs must not be unmapped. */
typedef void (*thread_body)(void);
int thread_start(thread_body body);
void thread_join(void);

#endif
