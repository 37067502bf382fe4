/* Handles: sessions, enumerations and subscriptions. Callers hold LOCK_ENGINE.
 *
 * A handle is not a pointer but an unpredictable number, so that a stale handle is detected.
 */

#ifndef SIMULATOR_HANDLES_H
#define SIMULATOR_HANDLES_H

#include "store.h"
#include "subscriptions.h"
#include "wfp.h"

typedef struct session {
    UINT32 engine_run; /* the run of the engine in which it was opened */
    int is_dynamic;    /* opened with FWPM_SESSION_FLAG_DYNAMIC */
    int is_stale;      /* opened before a reset */
} session;

/* The kinds of objects that enumerations return. An enumeration's handle is valid only for the
 * functions of its kind. */
typedef enum object_kind {
    SA_CONTEXTS,
    IKE_SAS,
    CONNECTIONS,
    NET_EVENTS,
    PROVIDER_CONTEXTS
} object_kind;

/* A snapshot, and how far it was read: `next` is the index of the first unread object. */
typedef struct enumeration {
    object_kind kind;
    HANDLE session;
    void *objects; /* an array of `sa_entry` (SA contexts, main mode SAs), `connection`,
                      `net_event` or `policy_context` */
    size_t count;
    size_t next;
} enumeration;

typedef struct subscription_handle {
    HANDLE session;
    subscription *subscription;
} subscription_handle;

/* Open a handle and set *made to its object, which the handle owns. The object is zeroed, except
 * for an enumeration's kind. Return NULL if memory ran out. */
HANDLE handles_open_session(session **made);
HANDLE handles_open_enumeration(object_kind kind, enumeration **made);
HANDLE handles_open_subscription(subscription_handle **made);

/* Return the object of a handle, or NULL if the handle does not exist or is of another kind. */
session *handles_session(HANDLE handle);
enumeration *handles_enumeration(HANDLE handle, object_kind kind);
subscription_handle *handles_subscription(HANDLE handle);

/* Close a handle and free what its object owns. Unknown handles are ignored. */
void handles_close(HANDLE handle);

/* Close the enumerations of a session; if `session` is NULL, those of all sessions. Return how many
 * were closed. */
UINT32 handles_close_enumerations(HANDLE session);
/* Cancel the subscriptions of a session; if `session` is NULL, those of all sessions. */
void handles_close_subscriptions(HANDLE session);

/* Return the number of open handles. */
UINT32 handles_count_sessions(void); /* without stale ones */
UINT32 handles_count_enumerations(void);
UINT32 handles_count_subscriptions(void);

/* Make all sessions stale, close all enumerations and cancel all subscriptions. */
void handles_reset(void);

#endif
