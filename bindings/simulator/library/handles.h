/* Handles: sessions, enumerations and subscriptions. Callers hold LOCK_ENGINE.
 *
 * A handle is no pointer but a number that cannot be guessed and does not come
 * again, so that a stale one is always found out.
 */

#ifndef SIMULATOR_HANDLES_H
#define SIMULATOR_HANDLES_H

#include "store.h"
#include "subscriptions.h"
#include "wfp.h"

typedef struct session {
    UINT32 engine_run; /* the run of the engine in which it was opened */
    int is_stale;      /* opened before a reset */
} session;

/* What an enumeration gives: a handle is good for the functions of its kind only. */
typedef enum object_kind { SA_CONTEXTS, IKE_SAS, CONNECTIONS, NET_EVENTS } object_kind;

/* A snapshot, and how far it was read. */
typedef struct enumeration {
    object_kind kind;
    HANDLE session;
    void *objects; /* an array: of `entry` for SA contexts and main mode SAs, of `connection` or
                      of `net_event` */
    size_t count;
    size_t next;
} enumeration;

typedef struct subscription_handle {
    HANDLE session;
    subscription *subscription;
} subscription_handle;

/* Makes a handle with its object zeroed; NULL if memory ran out. */
HANDLE handles_open_session(session **made);
HANDLE handles_open_enumeration(object_kind kind, enumeration **made);
HANDLE handles_open_subscription(subscription_handle **made);

/* The object of a handle; NULL if there is no such handle, or it is of another kind. */
session *handles_session(HANDLE handle);
enumeration *handles_enumeration(HANDLE handle, object_kind kind);
subscription_handle *handles_subscription(HANDLE handle);

/* Releases a handle and its object. */
void handles_close(HANDLE handle);

/* Releases the enumerations of a session, or all of them (NULL); tells how many. */
UINT32 handles_close_enumerations(HANDLE session);
/* Cancels the subscriptions of a session, or all of them (NULL). */
void handles_close_subscriptions(HANDLE session);

UINT32 handles_count_sessions(void); /* those that are not forgotten */
UINT32 handles_count_enumerations(void);
UINT32 handles_count_subscriptions(void);

/* Forgets all sessions, releases all enumerations and cancels all subscriptions. */
void handles_reset(void);

#endif
