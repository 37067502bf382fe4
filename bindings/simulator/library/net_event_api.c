/* The FwpmNetEvent functions that enumerate net events and subscribe to them. */

#include <stdlib.h>

#include "calls.h"
#include "engine.h"
#include "enumerations.h"
#include "net_events.h"
#include "notifications.h"
#include "options.h"
#include "subscriptions.h"

static uint64_t to_ticks(FILETIME from)
{
    return (uint64_t)from.dwHighDateTime << 32 | from.dwLowDateTime;
}

/* The part of a template that the simulator supports: an interval of time. */
typedef struct interval {
    uint64_t start;
    uint64_t end; /* 0: any time */
} interval;

/* Read a template; NULL matches all. Return an error code, or 0. */
static UINT32 interval_read(interval *into, const FWPM_NET_EVENT_ENUM_TEMPLATE0 *from)
{
    static const FWPM_NET_EVENT_ENUM_TEMPLATE0 anything;
    from = from == NULL ? &anything : from;
    into->start = to_ticks(from->startTime);
    into->end = to_ticks(from->endTime);
    if (from->numFilterConditions != 0) {
        return ERROR_NOT_SUPPORTED;
    }
    return into->end < into->start ? FWP_E_INVALID_INTERVAL : ERROR_SUCCESS;
}

static int interval_contains(const interval *interval, const net_event *event)
{
    return interval->end == 0 || (interval->start <= event->time && event->time <= interval->end);
}

/* ---- enumerations ---- */

/* Implements object_ops.current. */
static const void *current(const enumeration *enumeration, size_t index)
{
    return (const net_event *)enumeration->objects + index;
}

/* Copy the events of the interval. As on Windows, the snapshot is taken "at the time the
 * enumeration handle is created" (Windows Filtering Platform, Logging). Return an error code, or
 * 0. */
static UINT32 take_snapshot(enumeration *enumeration, const interval *wanted)
{
    size_t all = net_events_count();
    net_event *events = calloc(all + 1, sizeof *events);
    if (events == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    enumeration->objects = events;
    net_events_list(events);
    for (size_t i = 0; i < all; i++) {
        if (interval_contains(wanted, &events[i])) {
            put_tree_retain(events[i].tree);
            events[enumeration->count++] = events[i];
        }
    }
    return ERROR_SUCCESS;
}

/* Open an enumeration and take its snapshot. Return an error code, or 0. */
static UINT32 create_enumeration(HANDLE engineHandle,
                                 const FWPM_NET_EVENT_ENUM_TEMPLATE0 *enumTemplate,
                                 HANDLE *enumHandle)
{
    interval wanted;
    enumeration *made;
    HANDLE opened;
    if (enumHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code == ERROR_SUCCESS && !net_events_are_collected()) {
        code = FWP_E_NET_EVENTS_DISABLED;
    }
    if (code == ERROR_SUCCESS) {
        code = interval_read(&wanted, enumTemplate);
    }
    if (code == ERROR_SUCCESS) {
        code = enumerations_begin(engineHandle, NET_EVENTS, &opened, &made);
    }
    if (code != ERROR_SUCCESS) {
        return code;
    }
    code = take_snapshot(made, &wanted);
    if (code != ERROR_SUCCESS) {
        handles_close(opened);
        return code;
    }
    *enumHandle = opened;
    return ERROR_SUCCESS;
}

DWORD WINAPI FwpmNetEventCreateEnumHandle0(HANDLE engineHandle,
                                           const FWPM_NET_EVENT_ENUM_TEMPLATE0 *enumTemplate,
                                           HANDLE *enumHandle)
{
    UINT32 code = calls_begin(NET_EVENT_CREATE_ENUM_HANDLE);
    return calls_end(code != 0 ? code : create_enumeration(engineHandle, enumTemplate, enumHandle));
}

#define DEFINE_ENUM(N)                                                                         \
    static void *write##N(arena *arena, const void *object)                                    \
    {                                                                                          \
        return net_event_write(arena, object, N);                                              \
    }                                                                                          \
    DWORD WINAPI FwpmNetEventEnum##N(HANDLE engineHandle, HANDLE enumHandle,                   \
                                     UINT32 numEntriesRequested, FWPM_NET_EVENT##N ***entries, \
                                     UINT32 *numEntriesReturned)                               \
    {                                                                                          \
        static const object_ops generation = {NET_EVENTS, current, write##N};                  \
        UINT32 code = calls_begin(NET_EVENT_ENUM_##N);                                         \
        return calls_end(code != 0 ? code                                                      \
                                   : enumerations_next(engineHandle, enumHandle, &generation,  \
                                                       numEntriesRequested, (void ***)entries, \
                                                       numEntriesReturned));                   \
    }

DEFINE_ENUM(0)
DEFINE_ENUM(1)
DEFINE_ENUM(2)
DEFINE_ENUM(3)
DEFINE_ENUM(4)
DEFINE_ENUM(5)

DWORD WINAPI FwpmNetEventDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    UINT32 code = calls_begin(NET_EVENT_DESTROY_ENUM_HANDLE);
    UINT32 destroyed = enumerations_destroy(engineHandle, enumHandle, NET_EVENTS);
    return calls_end(code != 0 ? code : destroyed);
}

/* ---- subscriptions ---- */

static int matches(const void *filter, const void *subject)
{
    return interval_contains(filter, subject);
}

/* A subscription of generation N receives events of generation N + 1. */
#define DEFINE_KIND(N)                                                            \
    static void deliver##N(subscriber callback, void *context, const void *event) \
    {                                                                             \
        ((FWPM_NET_EVENT_CALLBACK##N)callback)(context, event);                   \
    }

DEFINE_KIND(0)
DEFINE_KIND(1)
DEFINE_KIND(2)
DEFINE_KIND(3)
DEFINE_KIND(4)

static const event_kind net_event_kinds[] = {{matches, deliver0},
                                             {matches, deliver1},
                                             {matches, deliver2},
                                             {matches, deliver3},
                                             {matches, deliver4}};
static const event_kind *const kinds[] = {&net_event_kinds[0], &net_event_kinds[1],
                                          &net_event_kinds[2], &net_event_kinds[3],
                                          &net_event_kinds[4], NULL};

void net_event_publish(const net_event *event)
{
    net_event reported = *event;
    if (option_is_set(SA_SIMULATOR_OPTION_UNTIMED_NOTIFICATIONS)) {
        reported.time = 0;
    }
    for (unsigned kind = 0; kinds[kind] != NULL; kind++) {
        arena size = {NULL, 0};
        if (!notifications_has_subscribers(kinds[kind])) {
            continue;
        }
        (void)net_event_write(&size, &reported, kind + 1);
        payload *payload = payload_create(size.used);
        if (payload == NULL) {
            continue;
        }
        arena arena = {payload_event(payload), 0};
        (void)net_event_write(&arena, &reported, kind + 1); /* the root is first in the block */
        notifications_publish(kinds[kind], event, payload);
        payload_release(payload);
    }
}

/* Check the arguments, copy the template into a filter, and subscribe. Return an error code, or
 * 0. */
static UINT32 subscribe_net_events(HANDLE engineHandle,
                                   const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                   const event_kind *kind, subscriber callback, void *context,
                                   HANDLE *eventsHandle)
{
    interval wanted;
    interval *filter = NULL;
    if (subscription == NULL || callback == NULL || eventsHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code == ERROR_SUCCESS && !net_events_are_collected()) {
        code = FWP_E_NET_EVENTS_DISABLED;
    }
    if (code == ERROR_SUCCESS) {
        code = interval_read(&wanted, subscription->enumTemplate);
    }
    if (code != ERROR_SUCCESS) {
        return code;
    }
    if (wanted.end != 0) {
        filter = malloc(sizeof *filter);
        if (filter == NULL) {
            return ERROR_NOT_ENOUGH_MEMORY;
        }
        *filter = wanted;
    }
    return subscribe(engineHandle, kind, filter, callback, context, eventsHandle);
}

#define DEFINE_SUBSCRIBE(N)                                                                        \
    DWORD WINAPI FwpmNetEventSubscribe##N(                                                         \
        HANDLE engineHandle, const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,                     \
        FWPM_NET_EVENT_CALLBACK##N callback, void *context, HANDLE *eventsHandle)                  \
    {                                                                                              \
        UINT32 code = calls_begin(NET_EVENT_SUBSCRIBE_##N);                                        \
        return calls_end(code != 0                                                                 \
                             ? code                                                                \
                             : subscribe_net_events(engineHandle, subscription, kinds[N],          \
                                                    (subscriber)callback, context, eventsHandle)); \
    }

DEFINE_SUBSCRIBE(0)
DEFINE_SUBSCRIBE(1)
DEFINE_SUBSCRIBE(2)
DEFINE_SUBSCRIBE(3)
DEFINE_SUBSCRIBE(4)

DWORD WINAPI FwpmNetEventUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle)
{
    UINT32 code = calls_begin(NET_EVENT_UNSUBSCRIBE);
    UINT32 ended = unsubscribe(engineHandle, kinds, eventsHandle);
    return calls_end(code != 0 ? code : ended);
}
