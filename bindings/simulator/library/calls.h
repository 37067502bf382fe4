/* The beginning and end of every WFP call: counts, delays and failures. */

#ifndef SIMULATOR_CALLS_H
#define SIMULATOR_CALLS_H

#include "wfp.h"

typedef enum function {
    ENGINE_OPEN,
    ENGINE_CLOSE,
    ENGINE_GET_OPTION,
    ENGINE_SET_OPTION,
    CREATE_ENUM_HANDLE,
    ENUM_0,
    ENUM_1,
    DESTROY_ENUM_HANDLE,
    GET_BY_ID_0,
    GET_BY_ID_1,
    NET_EVENT_CREATE_ENUM_HANDLE,
    NET_EVENT_ENUM_0,
    NET_EVENT_ENUM_1,
    NET_EVENT_ENUM_2,
    NET_EVENT_ENUM_3,
    NET_EVENT_ENUM_4,
    NET_EVENT_ENUM_5,
    NET_EVENT_DESTROY_ENUM_HANDLE,
    NET_EVENT_SUBSCRIBE_0,
    NET_EVENT_SUBSCRIBE_1,
    NET_EVENT_SUBSCRIBE_2,
    NET_EVENT_SUBSCRIBE_3,
    NET_EVENT_SUBSCRIBE_4,
    NET_EVENT_UNSUBSCRIBE,
    SUBSCRIBE,
    UNSUBSCRIBE,
    CONNECTION_CREATE_ENUM_HANDLE,
    CONNECTION_ENUM,
    CONNECTION_DESTROY_ENUM_HANDLE,
    CONNECTION_GET_BY_ID,
    CONNECTION_SUBSCRIBE,
    CONNECTION_UNSUBSCRIBE,
    IKE_CREATE_ENUM_HANDLE,
    IKE_ENUM_0,
    IKE_ENUM_1,
    IKE_ENUM_2,
    IKE_DESTROY_ENUM_HANDLE,
    IKE_GET_BY_ID_0,
    IKE_GET_BY_ID_1,
    IKE_GET_BY_ID_2,
    IPSEC_GET_STATISTICS_0,
    IPSEC_GET_STATISTICS_1,
    IKE_GET_STATISTICS_0,
    IKE_GET_STATISTICS_1,
    FILTER_GET_BY_ID,
    PROVIDER_CONTEXT_GET_BY_ID_0,
    PROVIDER_CONTEXT_GET_BY_ID_1,
    PROVIDER_CONTEXT_GET_BY_ID_2,
    PROVIDER_CONTEXT_GET_BY_ID_3,
    PROVIDER_CONTEXT_GET_BY_KEY_0,
    PROVIDER_CONTEXT_GET_BY_KEY_1,
    PROVIDER_CONTEXT_GET_BY_KEY_2,
    PROVIDER_CONTEXT_GET_BY_KEY_3,
    PROVIDER_CONTEXT_CREATE_ENUM_HANDLE,
    PROVIDER_CONTEXT_ENUM_0,
    PROVIDER_CONTEXT_ENUM_1,
    PROVIDER_CONTEXT_ENUM_2,
    PROVIDER_CONTEXT_ENUM_3,
    PROVIDER_CONTEXT_DESTROY_ENUM_HANDLE,
    CERT_OPEN_STORE,
    CERT_FIND_CERTIFICATE,
    CERT_FREE_CONTEXT,
    CERT_CLOSE_STORE,
    FREE_MEMORY, /* the last: it returns no code, so it cannot fail */
    FUNCTION_COUNT
} function;

/* Begin a call: count it, sleep for its delay, and acquire LOCK_ENGINE, which calls_end releases.
 * Return the code with which the call must fail, or 0. */
UINT32 calls_begin(function function);
/* End a call: release LOCK_ENGINE. Return the code unchanged. */
UINT32 calls_end(UINT32 code);

/* Call the functions below under LOCK_ENGINE. */

/* Count a misuse by the caller. Return the code unchanged. */
UINT32 calls_misuse(UINT32 code);
UINT64 calls_misuses(void);

/* These functions implement control functions (sa_simulator.h): calls_count implements
 * sa_simulator_calls, and calls_reset is a part of sa_simulator_reset. */
int calls_fail(const char *name, UINT32 code, UINT32 after, UINT32 times);
void calls_fail_randomly(UINT32 per_million, uint64_t seed);
void calls_clear_failures(void);
int calls_delay(const char *name, UINT32 milliseconds);
UINT64 calls_count(const char *name);
void calls_reset(void);

#endif
