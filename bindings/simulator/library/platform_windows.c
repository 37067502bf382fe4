/* The operating system: Windows. */

#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#include "platform.h"

static SRWLOCK locks[LOCK_COUNT] = {SRWLOCK_INIT, SRWLOCK_INIT, SRWLOCK_INIT, SRWLOCK_INIT};
static CONDITION_VARIABLE conditions[CONDITION_COUNT] = {CONDITION_VARIABLE_INIT,
                                                         CONDITION_VARIABLE_INIT};
static HANDLE threads[THREAD_COUNT];

void lock_acquire(enum lock lock)
{
    AcquireSRWLockExclusive(&locks[lock]);
}

void lock_release(enum lock lock)
{
    ReleaseSRWLockExclusive(&locks[lock]);
}

void condition_wait(enum condition condition, enum lock lock, uint32_t milliseconds)
{
    (void)SleepConditionVariableSRW(&conditions[condition], &locks[lock],
                                    milliseconds == WAIT_FOREVER ? INFINITE : milliseconds, 0);
}

void condition_broadcast(enum condition condition)
{
    WakeAllConditionVariable(&conditions[condition]);
}

void sleep_milliseconds(uint32_t milliseconds)
{
    Sleep(milliseconds);
}

uint64_t monotonic_milliseconds(void)
{
    return GetTickCount64();
}

uint64_t file_time(void)
{
    FILETIME now;
    GetSystemTimeAsFileTime(&now);
    return (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime;
}

uint64_t entropy(void)
{
    LARGE_INTEGER ticks;
    FILETIME now;
    QueryPerformanceCounter(&ticks);
    GetSystemTimeAsFileTime(&now);
    return (uint64_t)ticks.QuadPart * 0x9E3779B97F4A7C15u ^ ((uint64_t)now.dwLowDateTime << 32)
           ^ now.dwHighDateTime ^ ((uint64_t)GetCurrentProcessId() << 16)
           ^ (uint64_t)(uintptr_t)&ticks;
}

typedef struct task {
    thread_body body;
    void *argument;
} task;

static DWORD WINAPI run(LPVOID started)
{
    const task *task = started;
    task->body(task->argument);
    return 0;
}

int thread_start(enum thread thread, thread_body body, void *argument)
{
    static task tasks[THREAD_COUNT];
    HMODULE library;
    tasks[thread].body = body;
    tasks[thread].argument = argument;
    if (!GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS | GET_MODULE_HANDLE_EX_FLAG_PIN,
                            (LPCWSTR)(const void *)&tasks, &library)) {
        return 0;
    }
    threads[thread] = CreateThread(NULL, 0, run, &tasks[thread], 0, NULL);
    return threads[thread] != NULL;
}

void thread_join(enum thread thread)
{
    WaitForSingleObject(threads[thread], INFINITE);
    CloseHandle(threads[thread]);
    threads[thread] = NULL;
}

uint64_t thread_current(void)
{
    return GetCurrentThreadId();
}
