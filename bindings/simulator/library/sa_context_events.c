/* IPsecSaContextSubscribe0, IPsecSaContextUnsubscribe0, and the notifications of SA contexts. */

#include "sa_context_events.h"

#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "engine.h"
#include "notifications.h"
#include "template.h"

/* Match as an enumeration does: a context without SAs matches no subnet. */
static int matches(const void *filter, const void *subject)
{
    generated_context buffer;
    return template_matches(filter, sa_entry_context(subject, &buffer));
}

static void deliver(subscriber callback, void *context, const void *event)
{
    ((IPSEC_SA_CONTEXT_CALLBACK0)callback)(context, event);
}

static const event_kind sa_context_change = {matches, deliver};
static const event_kind *const kinds[] = {&sa_context_change, NULL};

static void publish(UINT32 type, UINT64 id, const sa_entry *subject)
{
    payload *payload = notifications_has_subscribers(&sa_context_change)
                           ? payload_create(sizeof(IPSEC_SA_CONTEXT_CHANGE0))
                           : NULL;
    if (payload == NULL) {
        return;
    }
    IPSEC_SA_CONTEXT_CHANGE0 *change = payload_event(payload);
    memcpy(&change->changeType, &type, sizeof type); /* any number, even one that the enum lacks */
    change->saContextId = id;
    notifications_publish(&sa_context_change, subject, payload);
    payload_release(payload);
}

void publish_sa_context(IPSEC_SA_CONTEXT_EVENT_TYPE0 type, const sa_entry *entry)
{
    publish(type, entry->id, entry);
}

void publish_spurious_sa_context(UINT32 type, UINT64 id)
{
    publish(type, id, NULL);
}

/* ---- the functions ---- */

/* Check the arguments, copy the template into a filter, and subscribe. Return an error code, or
 * 0. */
static UINT32 subscribe_sa_contexts(HANDLE engineHandle,
                                    const IPSEC_SA_CONTEXT_SUBSCRIPTION0 *subscription,
                                    IPSEC_SA_CONTEXT_CALLBACK0 callback, void *context,
                                    HANDLE *eventsHandle)
{
    template_subnets subnets;
    if (subscription == NULL || callback == NULL || eventsHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code == ERROR_SUCCESS) {
        code = template_read(&subnets, subscription->enumTemplate);
    }
    if (code != ERROR_SUCCESS) {
        return code;
    }
    template_subnets *filter = NULL;
    if (!template_matches_all(&subnets)) {
        filter = malloc(sizeof *filter);
        if (filter == NULL) {
            return ERROR_NOT_ENOUGH_MEMORY;
        }
        *filter = subnets;
    }
    return subscribe(engineHandle, &sa_context_change, filter, (subscriber)callback, context,
                     eventsHandle);
}

DWORD WINAPI IPsecSaContextSubscribe0(HANDLE engineHandle,
                                      const IPSEC_SA_CONTEXT_SUBSCRIPTION0 *subscription,
                                      IPSEC_SA_CONTEXT_CALLBACK0 callback, void *context,
                                      HANDLE *eventsHandle)
{
    UINT32 code = calls_begin(SUBSCRIBE);
    return calls_end(code != 0 ? code
                               : subscribe_sa_contexts(engineHandle, subscription, callback,
                                                       context, eventsHandle));
}

DWORD WINAPI IPsecSaContextUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle)
{
    UINT32 code = calls_begin(UNSUBSCRIBE);
    UINT32 ended = unsubscribe(engineHandle, kinds, eventsHandle);
    return calls_end(code != 0 ? code : ended);
}
