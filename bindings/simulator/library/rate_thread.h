/* Background threads that work at a rate, in batches about every 10 ms, until stopped. */

#ifndef SIMULATOR_RATE_THREAD_H
#define SIMULATOR_RATE_THREAD_H

#include <stdint.h>

#include "platform.h"

typedef struct rate_thread {
    enum thread thread;
    enum lock lock;               /* held while the thread is started or stopped */
    void (*seed)(uint64_t seed);  /* called before a start, under LOCK_ENGINE */
    void (*work)(uint32_t count); /* does what is due, under LOCK_ENGINE */
    double per_second;            /* under LOCK_ENGINE */
    int is_stopping;              /* under LOCK_ENGINE */
    int is_running;               /* under `lock` */
} rate_thread;

/* Start the thread, in place of a running one. A rate below 0 counts as 0. Return 1, or 0 if no
 * thread could be started. This function and the next wait for the thread: do not call them under
 * LOCK_ENGINE. */
int rate_thread_start(rate_thread *self, double per_second, uint64_t seed);

/* Stop the thread, if it is running. It does no work after the return. */
void rate_thread_stop(rate_thread *self);

#endif
