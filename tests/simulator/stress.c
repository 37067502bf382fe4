/* Many threads that read, listen, leak nothing and make no mistakes, while the
 * contexts churn, the engine restarts and calls fail. Built with sanitizers. */

#define _POSIX_C_SOURCE 200809L

#include "wfp.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "sa_simulator.h"

enum { THREADS = 4, ROUNDS = 60, CONTEXTS = 300 };

static _Atomic uint64_t sum; /* of what is read, so that it is read */
static _Atomic uint64_t notifications;

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static uint64_t read_sa(const IPSEC_SA_DETAILS1 *sa)
{
    if (sa == NULL) {
        return 0;
    }
    uint64_t read = sa->traffic.localIfLuid + sa->saBundle.qmSaId;
    for (UINT32 i = 0; i < sa->saBundle.numSAs; i++) {
        const IPSEC_SA_AUTH_INFORMATION0 *auth = sa->saBundle.saList[i].ahInformation;
        read += sa->saBundle.saList[i].spi + auth->authKey.data[auth->authKey.size - 1];
    }
    for (const char16_t *name = sa->saBundle.ipsecId == NULL ? NULL
                                                             : sa->saBundle.ipsecId->mmTargetName;
         name != NULL && *name != 0; name++) {
        read += *name;
    }
    const FWPM_FILTER0 *filter = sa->transportFilter;
    for (UINT32 i = 0; filter != NULL && i < filter->numFilterConditions; i++) {
        const FWP_CONDITION_VALUE0 *value = &filter->filterCondition[i].conditionValue;
        read += value->type == FWP_RANGE_TYPE ? value->rangeValue->valueHigh.uint16 : value->uint8;
    }
    return read;
}

static void read_policy(HANDLE engine, const FWPM_FILTER0 *shown)
{
    FWPM_FILTER0 *filter = NULL;
    FWPM_PROVIDER_CONTEXT2 *context = NULL;
    if (shown == NULL || FwpmFilterGetById0(engine, shown->filterId, &filter) != 0) {
        return;
    }
    if (filter->filterId != shown->filterId) {
        fail("another filter than the one asked for");
    }
    if (FwpmProviderContextGetByKey2(engine, &filter->providerContextKey, &context) == 0) {
        FwpmFreeMemory0((void **)&context);
    }
    FwpmFreeMemory0((void **)&filter);
}

static void read_page(HANDLE engine, HANDLE enumeration, UINT32 size, UINT32 *count)
{
    IPSEC_SA_CONTEXT1 **entries = NULL;
    *count = 0;
    if (IPsecSaContextEnum1(engine, enumeration, size, &entries, count) != 0) {
        *count = 0;
        return;
    }
    uint64_t read = 0;
    for (UINT32 i = 0; i < *count; i++) {
        read += entries[i]->saContextId + read_sa(entries[i]->inboundSa)
                + read_sa(entries[i]->outboundSa);
    }
    if (*count > 0) {
        IPSEC_SA_CONTEXT0 *one = NULL;
        UINT64 id = entries[*count - 1]->saContextId;
        if (IPsecSaContextGetById0(engine, id, &one) == 0) {
            if (one->saContextId != id) {
                fail("another context than the one asked for");
            }
            FwpmFreeMemory0((void **)&one);
        }
    }
    if (*count > 0 && entries[0]->inboundSa != NULL) {
        read_policy(engine, entries[0]->inboundSa->transportFilter);
    }
    sum += read;
    if (entries != NULL) {
        FwpmFreeMemory0((void **)&entries);
    }
}

/* Reads what was added in the session that subscribed, which nobody closes before. */
static void WINAPI notice(void *context, const IPSEC_SA_CONTEXT_CHANGE0 *change)
{
    IPSEC_SA_CONTEXT0 *one = NULL;
    notifications++;
    if (change->changeType == IPSEC_SA_CONTEXT_EVENT_ADD
        && IPsecSaContextGetById0(context, change->saContextId, &one) == 0) {
        FwpmFreeMemory0((void **)&one);
    }
}

static void read_connections(HANDLE engine, UINT32 size)
{
    const FWPM_CONNECTION_ENUM_TEMPLATE0 counted = {
        0, FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED};
    HANDLE enumeration;
    UINT32 count;
    if (FwpmConnectionCreateEnumHandle0(engine, &counted, &enumeration) != 0) {
        return;
    }
    do {
        FWPM_CONNECTION0 **entries = NULL;
        if (FwpmConnectionEnum0(engine, enumeration, size, &entries, &count) != 0) {
            break;
        }
        for (UINT32 i = 0; i < count; i++) {
            const FWPM_CONNECTION0 *each = entries[i];
            if (each->bytesTransferredTotal
                != each->bytesTransferredIn + each->bytesTransferredOut) {
                fail("bytes that do not add up");
            }
            if (each->mmPeer.authenticationMethodType == IKEEXT_CERTIFICATE) {
                sum += each->mmPeer.certificate->certHash.data[19];
            }
        }
        if (entries != NULL) {
            FwpmFreeMemory0((void **)&entries);
        }
    } while (count == size);
    (void)FwpmConnectionDestroyEnumHandle0(engine, enumeration);
}

static void read_tunnels(HANDLE engine, UINT32 size)
{
    const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 ikev2 = {NULL, FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT};
    HANDLE enumeration;
    UINT32 count;
    if (FwpmProviderContextCreateEnumHandle0(engine, &ikev2, &enumeration) != 0) {
        return;
    }
    do {
        FWPM_PROVIDER_CONTEXT3 **entries = NULL;
        if (FwpmProviderContextEnum3(engine, enumeration, size, &entries, &count) != 0) {
            break;
        }
        for (UINT32 i = 0; i < count; i++) {
            if (entries[i]->type != FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT) {
                fail("a provider context of another type than requested");
            }
            const IPSEC_TUNNEL_POLICY3 *policy = entries[i]->ikeV2QmTunnelPolicy;
            sum += policy == NULL ? 0 : policy->tunnelEndpoints.remoteV4Address;
        }
        if (entries != NULL) {
            FwpmFreeMemory0((void **)&entries);
        }
    } while (count == size);
    (void)FwpmProviderContextDestroyEnumHandle0(engine, enumeration);
}

static uint64_t read_net_event(const FWPM_NET_EVENT5 *event)
{
    uint64_t read = event->header.timeStamp.dwLowDateTime;
    if (event->header.flags & FWPM_NET_EVENT_FLAG_APP_ID_SET) {
        read += event->header.appId.data[event->header.appId.size - 1];
    }
    if (event->type == FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE) {
        const FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 *failure = event->ikeMmFailure;
        const char16_t *name = failure->remotePrincipalNameForAuth;
        read += name == NULL ? 0 : name[0];
        read += failure->providerContextKey == NULL ? 0 : failure->providerContextKey->Data1;
        read += failure->remotePrincipalGroupSids[0][0];
    }
    return read + event->ikeMmFailure->failureErrorCode;
}

static void WINAPI notice_failure(void *context, const FWPM_NET_EVENT5 *event)
{
    (void)context;
    notifications++;
    sum += read_net_event(event);
}

static void read_net_events(HANDLE engine, UINT32 size)
{
    HANDLE enumeration;
    UINT32 count;
    if (FwpmNetEventCreateEnumHandle0(engine, NULL, &enumeration) != 0) {
        return;
    }
    do {
        FWPM_NET_EVENT5 **entries = NULL;
        if (FwpmNetEventEnum5(engine, enumeration, size, &entries, &count) != 0) {
            break;
        }
        for (UINT32 i = 0; i < count; i++) {
            sum += read_net_event(entries[i]);
        }
        if (entries != NULL) {
            FwpmFreeMemory0((void **)&entries);
        }
    } while (count == size);
    (void)FwpmNetEventDestroyEnumHandle0(engine, enumeration);
}

static void *read_all(void *number)
{
    UINT32 size = 1 + *(const UINT32 *)number * 37;
    for (int round = 0; round < ROUNDS; round++) {
        HANDLE engine;
        HANDLE enumeration;
        HANDLE subscription = NULL;
        HANDLE failures = NULL;
        UINT32 count;
        FWPM_NET_EVENT_SUBSCRIPTION0 any_failure = {NULL, 0, {0, 0, 0, {0}}};
        IPSEC_SA_CONTEXT_SUBSCRIPTION0 everything = {NULL, 0, {0, 0, 0, {0}}};
        if (FwpmEngineOpen0(NULL, 10, NULL, NULL, &engine) != 0) {
            continue;
        }
        (void)IPsecSaContextSubscribe0(engine, &everything, notice, engine, &subscription);
        if (IPsecSaContextCreateEnumHandle0(engine, NULL, &enumeration) == 0) {
            do {
                read_page(engine, enumeration, size, &count);
            } while (count == size);
            (void)IPsecSaContextDestroyEnumHandle0(engine, enumeration);
        }
        read_connections(engine, size);
        read_tunnels(engine, size);
        (void)FwpmNetEventSubscribe4(engine, &any_failure, notice_failure, NULL, &failures);
        read_net_events(engine, size);
        if (round % 3 != 0) { /* else the session's end is the subscription's */
            (void)IPsecSaContextUnsubscribe0(engine, subscription);
            (void)FwpmNetEventUnsubscribe0(engine, failures);
        }
        (void)FwpmEngineClose0(engine);
    }
    return NULL;
}

static void *disturb(void *unused)
{
    (void)unused;
    for (int round = 0; round < ROUNDS; round++) {
        sa_simulator_set_option(SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS, round & 1);
        sa_simulator_set_option(SA_SIMULATOR_OPTION_SHUFFLE, round >> 1 & 1);
        sa_simulator_set_option(SA_SIMULATOR_OPTION_EMPTY_BLOCK, round >> 2 & 1);
        sa_simulator_set_option(SA_SIMULATOR_OPTION_ANNOUNCE_COMPLETE, round >> 3 & 1);
        sa_simulator_collect_net_events(round % 7 != 6);
        sa_simulator_delay_notifications(round % 4 == 3);
        sa_simulator_lose_randomly(round % 5 == 4 ? 100000 : 0, 1);
        (void)sa_simulator_deliver_from(1 + (uint32_t)round % 4);
        if (round % 16 == 15) {
            sa_simulator_stop_engine();
            sa_simulator_start_engine();
        }
        IPSEC_SA_CONTEXT1 empty = {0, NULL, NULL};
        uint64_t id = sa_simulator_put(&empty);
        sa_simulator_churn(50);
        (void)sa_simulator_delete(id);
        const FWPM_PROVIDER_CONTEXT3 tunnel = {.type = FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT,
                                               .providerContextId = 7 + (UINT64)round % 3};
        (void)sa_simulator_put_provider_context(&tunnel);
        (void)sa_simulator_delete_provider_context(7 + (UINT64)(round + 1) % 3);
    }
    return NULL;
}

int main(void)
{
    pthread_t readers[THREADS];
    pthread_t disturber;
    UINT32 numbers[THREADS];
    sa_simulator_populate(CONTEXTS, 1);
    sa_simulator_fail_randomly(2000, 1);
    if (!sa_simulator_start_churn(20000, 1)) {
        fail("churn did not start");
    }
    if (!sa_simulator_start_net_events(5000, 1)) {
        fail("net events did not start");
    }
    (void)pthread_create(&disturber, NULL, disturb, NULL);
    for (UINT32 i = 0; i < THREADS; i++) {
        numbers[i] = i;
        (void)pthread_create(&readers[i], NULL, read_all, &numbers[i]);
    }
    for (UINT32 i = 0; i < THREADS; i++) {
        (void)pthread_join(readers[i], NULL);
    }
    (void)pthread_join(disturber, NULL);
    sa_simulator_stop_churn();
    sa_simulator_stop_net_events();
    if (!sa_simulator_flush(10000)) {
        fail("something is still to be delivered");
    }
    if (sa_simulator_open_sessions() + sa_simulator_open_enumerations()
            + sa_simulator_open_subscriptions() + sa_simulator_unfreed_blocks()
        != 0) {
        fail("something is still open");
    }
    printf("%llu calls, %llu misuses, sum %llu\n", (unsigned long long)sa_simulator_calls("*"),
           (unsigned long long)sa_simulator_misuses(), (unsigned long long)sum);
    if (sa_simulator_calls("IPsecSaContextEnum1") < ROUNDS
        || sa_simulator_calls("FwpmConnectionEnum0") < ROUNDS
        || sa_simulator_calls("FwpmProviderContextEnum3") < ROUNDS) {
        fail("nothing was read");
    }
    if (notifications < ROUNDS || notifications != sa_simulator_delivered()) {
        fail("another number of notifications than were delivered");
    }
    sa_simulator_reset();
    return 0;
}
