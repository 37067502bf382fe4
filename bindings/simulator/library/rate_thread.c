/* The amount of work that is due is computed from the time since the start, so delays do not
 * accumulate. */

#include "rate_thread.h"

enum { BATCH_MILLISECONDS = 10 };

static void run(void *argument)
{
    rate_thread *self = argument;
    uint64_t began = monotonic_milliseconds();
    uint64_t done = 0;
    int is_stopping = 0;
    while (!is_stopping) {
        sleep_milliseconds(BATCH_MILLISECONDS);
        lock_acquire(LOCK_ENGINE);
        is_stopping = self->is_stopping;
        uint64_t due =
            (uint64_t)((double)(monotonic_milliseconds() - began) * self->per_second / 1000.0);
        if (!is_stopping && due > done) {
            self->work((uint32_t)(due - done));
            done = due;
        }
        lock_release(LOCK_ENGINE);
    }
}

static void stop(rate_thread *self)
{
    if (self->is_running) {
        lock_acquire(LOCK_ENGINE);
        self->is_stopping = 1;
        lock_release(LOCK_ENGINE);
        thread_join(self->thread);
        self->is_running = 0;
    }
}

int rate_thread_start(rate_thread *self, double per_second, uint64_t seed)
{
    lock_acquire(self->lock);
    stop(self);
    lock_acquire(LOCK_ENGINE);
    self->seed(seed);
    self->per_second = per_second > 0 ? per_second : 0;
    self->is_stopping = 0;
    lock_release(LOCK_ENGINE);
    self->is_running = thread_start(self->thread, run, self);
    int is_running = self->is_running;
    lock_release(self->lock);
    return is_running;
}

void rate_thread_stop(rate_thread *self)
{
    lock_acquire(self->lock);
    stop(self);
    lock_release(self->lock);
}
