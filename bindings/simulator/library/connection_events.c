/* FwpmConnectionSubscribe0, FwpmConnectionUnsubscribe0, and the notifications of connections. */

#include "connection_events.h"

#include <stdlib.h>

#include "calls.h"
#include "copy.h"
#include "engine.h"
#include "generator_connection.h"
#include "notifications.h"
#include "options.h"

/* The payload of a notification. The connection's tree follows in the same block. */
typedef struct connection_event {
    FWPM_CONNECTION_EVENT_TYPE type;
    FWPM_CONNECTION0 *connection;
} connection_event;

static int matches(const void *filter, const void *subject)
{
    const UINT64 *id = filter;
    const connection *connection = subject;
    return *id == connection->id;
}

static void deliver(subscriber callback, void *context, const void *event)
{
    const connection_event *change = event;
    ((FWPM_CONNECTION_CALLBACK0)callback)(context, change->type, change->connection);
}

static const event_kind connection_change = {matches, deliver};
static const event_kind *const kinds[] = {&connection_change, NULL};

void publish_connection(FWPM_CONNECTION_EVENT_TYPE type, const connection *connection)
{
    if (!connections_are_monitored() || !notifications_has_subscribers(&connection_change)) {
        return;
    }
    generated_connection buffer;
    generate_connection(&buffer, connection);
    arena arena = {NULL, sizeof(connection_event)};
    (void)copy_connection(&arena, &buffer.connection);
    payload *payload = payload_create(arena.used);
    if (payload == NULL) {
        return;
    }
    connection_event *change = payload_event(payload);
    arena.base = (uint8_t *)change;
    arena.used = sizeof *change;
    change->type = type;
    change->connection = copy_connection(&arena, &buffer.connection);
    notifications_publish(&connection_change, connection, payload);
    payload_release(payload);
}

/* ---- the functions ---- */

/* Microsoft does not document what these functions return if the engine does not track connections.
 * The simulator returns FWP_E_CONNECTIONS_DISABLED by default, because this code exists. */
UINT32 connections_check_engine(HANDLE engineHandle)
{
    UINT32 code = engine_check_session(engineHandle);
    if (code == ERROR_SUCCESS && !connections_are_monitored()
        && !option_is_set(SA_SIMULATOR_OPTION_UNMONITORED_IS_EMPTY)) {
        code = FWP_E_CONNECTIONS_DISABLED;
    }
    return code;
}

/* Check the arguments, copy the template into a filter, and subscribe. Return an error code, or
 * 0. */
static UINT32 subscribe_connections(HANDLE engineHandle,
                                    const FWPM_CONNECTION_SUBSCRIPTION0 *subscription,
                                    FWPM_CONNECTION_CALLBACK0 callback, void *context,
                                    HANDLE *eventsHandle)
{
    if (subscription == NULL || callback == NULL || eventsHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = connections_check_engine(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    UINT64 *filter = NULL;
    if (subscription->enumTemplate != NULL && subscription->enumTemplate->connectionId != 0) {
        filter = malloc(sizeof *filter);
        if (filter == NULL) {
            return ERROR_NOT_ENOUGH_MEMORY;
        }
        *filter = subscription->enumTemplate->connectionId;
    }
    return subscribe(engineHandle, &connection_change, filter, (subscriber)callback, context,
                     eventsHandle);
}

DWORD WINAPI FwpmConnectionSubscribe0(HANDLE engineHandle,
                                      const FWPM_CONNECTION_SUBSCRIPTION0 *subscription,
                                      FWPM_CONNECTION_CALLBACK0 callback, void *context,
                                      HANDLE *eventsHandle)
{
    UINT32 code = calls_begin(CONNECTION_SUBSCRIBE);
    return calls_end(code != 0 ? code
                               : subscribe_connections(engineHandle, subscription, callback,
                                                       context, eventsHandle));
}

DWORD WINAPI FwpmConnectionUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle)
{
    UINT32 code = calls_begin(CONNECTION_UNSUBSCRIBE);
    UINT32 ended = unsubscribe(engineHandle, kinds, eventsHandle);
    return calls_end(code != 0 ? code : ended);
}
