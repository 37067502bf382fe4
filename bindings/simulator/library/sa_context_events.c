/* IPsecSaContextSubscribe0, IPsecSaContextUnsubscribe0, and what subscribers are told. */

#include "sa_context_events.h"

#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "engine.h"
#include "notifications.h"
#include "template.h"

/* As an enumeration would: a context without SAs is on no subnet. */
static int passes(const void *filter, const void *subject)
{
    generated_context room;
    return template_matches(filter, entry_context(subject, &room));
}

static void deliver(subscriber callback, void *context, const void *event)
{
    ((IPSEC_SA_CONTEXT_CALLBACK0)callback)(context, event);
}

static const event_kind sa_context_change = {passes, deliver};
static const event_kind *const kinds[] = {&sa_context_change, NULL};

static void announce(UINT32 type, UINT64 id, const entry *subject)
{
    payload *event = notifications_are_wanted(&sa_context_change)
                         ? payload_create(sizeof(IPSEC_SA_CONTEXT_CHANGE0))
                         : NULL;
    if (event == NULL) {
        return;
    }
    IPSEC_SA_CONTEXT_CHANGE0 *change = payload_event(event);
    memcpy(&change->changeType, &type, sizeof type); /* any number, of the enumeration or not */
    change->saContextId = id;
    notifications_announce(&sa_context_change, subject, event);
    payload_let_go(event);
}

void announce_sa_context(IPSEC_SA_CONTEXT_EVENT_TYPE0 type, const entry *which)
{
    announce(type, which->id, which);
}

void announce_sa_context_by_hand(UINT32 type, UINT64 id)
{
    announce(type, id, NULL);
}

/* ---- the functions ---- */

static UINT32 subscribe_to_changes(HANDLE engineHandle,
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
    if (!template_is_anything(&subnets)) {
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
                               : subscribe_to_changes(engineHandle, subscription, callback, context,
                                                      eventsHandle));
}

DWORD WINAPI IPsecSaContextUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle)
{
    UINT32 code = calls_begin(UNSUBSCRIBE);
    UINT32 ended = unsubscribe(engineHandle, kinds, eventsHandle);
    return calls_end(code != 0 ? code : ended);
}
