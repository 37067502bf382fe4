/* The operating system: POSIX. */

#define _POSIX_C_SOURCE 200809L

#include "platform.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

static pthread_mutex_t locks[LOCK_COUNT] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
                                            PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER};
static pthread_cond_t conditions[CONDITION_COUNT] = {PTHREAD_COND_INITIALIZER,
                                                     PTHREAD_COND_INITIALIZER};
static pthread_t threads[THREAD_COUNT];

void lock_acquire(enum lock lock)
{
    (void)pthread_mutex_lock(&locks[lock]);
}

void lock_release(enum lock lock)
{
    (void)pthread_mutex_unlock(&locks[lock]);
}

void condition_wait(enum condition condition, enum lock lock, uint32_t milliseconds)
{
    if (milliseconds == WAIT_FOREVER) {
        (void)pthread_cond_wait(&conditions[condition], &locks[lock]);
        return;
    }
    /* Statically initialised conditions use this clock. */
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(milliseconds / 1000);
    until.tv_nsec += (long)(milliseconds % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    (void)pthread_cond_timedwait(&conditions[condition], &locks[lock], &until);
}

void condition_broadcast(enum condition condition)
{
    (void)pthread_cond_broadcast(&conditions[condition]);
}

void sleep_milliseconds(uint32_t milliseconds)
{
    struct timespec left = {(time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000L};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

uint64_t monotonic_milliseconds(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000u + (uint64_t)now.tv_nsec / 1000000u;
}

uint64_t file_time(void)
{
    const uint64_t seconds_from_1601_to_1970 = 11644473600u;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return ((uint64_t)now.tv_sec + seconds_from_1601_to_1970) * 10000000u
           + (uint64_t)now.tv_nsec / 100u;
}

uint64_t entropy(void)
{
    uint64_t number = 0;
    FILE *source = fopen("/dev/urandom", "rb");
    size_t read = 0;
    if (source != NULL) {
        read = fread(&number, sizeof number, 1, source);
        (void)fclose(source);
    }
    if (read != 1) {
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        number =
            ((uint64_t)now.tv_sec << 32) ^ (uint64_t)now.tv_nsec ^ (uint64_t)(uintptr_t)&number;
    }
    return number;
}

typedef struct task {
    thread_body body;
    void *argument;
} task;

static void *run(void *started)
{
    const task *task = started;
    task->body(task->argument);
    return NULL;
}

int thread_start(enum thread thread, thread_body body, void *argument)
{
    /* On Linux, the library is linked with `nodelete`, so it need not be pinned here. */
    static task tasks[THREAD_COUNT];
    tasks[thread].body = body;
    tasks[thread].argument = argument;
    return pthread_create(&threads[thread], NULL, run, &tasks[thread]) == 0;
}

void thread_join(enum thread thread)
{
    (void)pthread_join(threads[thread], NULL);
}

uint64_t thread_current(void)
{
    static _Thread_local char mine;
    return (uint64_t)(uintptr_t)&mine;
}
