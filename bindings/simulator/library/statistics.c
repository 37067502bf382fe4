/* IPsecGetStatistics0, 1; IkeextGetStatistics0, 1. */

#include "statistics.h"

#include <string.h>

#include "calls.h"
#include "engine.h"
#include "random.h"
#include "store.h"

static struct {
    IPSEC_STATISTICS1 ipsec; /* without the counts that add_live adds */
    IKEEXT_STATISTICS1 ike;
    UINT32 deleted; /* SAs */
} counted;

void statistics_reset(void)
{
    memset(&counted, 0, sizeof counted);
}

/* ---- negotiations ---- */

static IKEEXT_KEYMODULE_STATISTICS1 *module_for(keying keying)
{
    return keying == KEYING_IKE      ? &counted.ike.ikeStatistics
           : keying == KEYING_AUTHIP ? &counted.ike.authipStatistics
                                     : &counted.ike.ikeV2Statistics;
}

static IKEEXT_IP_VERSION_SPECIFIC_KEYMODULE_STATISTICS1 *counts_for(const peer *peer)
{
    IKEEXT_KEYMODULE_STATISTICS1 *module = module_for(peer->keying);
    return peer->local.version == FWP_IP_VERSION_V6 ? &module->v6Statistics : &module->v4Statistics;
}

void statistics_quick_mode(const peer *peer)
{
    IKEEXT_IP_VERSION_SPECIFIC_KEYMODULE_STATISTICS1 *counts = counts_for(peer);
    counts->totalQuickModesStarted++;
    counts->totalSuccessfulQuickModes++;
    counts->totalAcquires++;
    module_for(peer->keying)->quickModeNegotiationTime = 12;
    counted.ike.commonStatistics.totalPacketsReceived += 2;
    counted.ipsec.aggregateSaStatistics.activeTunnels += peer->tunnel != TUNNEL_NONE;
}

void statistics_quick_mode_ended(const peer *peer)
{
    counted.ipsec.aggregateSaStatistics.activeTunnels -= peer->tunnel != TUNNEL_NONE;
}

void statistics_main_mode(const peer *peer)
{
    IKEEXT_IP_VERSION_SPECIFIC_KEYMODULE_STATISTICS1 *counts = counts_for(peer);
    counts->currentActiveMainModes++;
    counts->totalMainModesStarted++;
    counts->totalSuccessfulMainModes++;
    counts->totalResponderMainModes += peer->seed & 1u;
    module_for(peer->keying)->mainModeNegotiationTime = 45;
    counted.ike.commonStatistics.totalPacketsReceived += 3;
    if (peer->keying == KEYING_AUTHIP) {
        counts->totalExtendedModesStarted++;
        counts->totalSuccessfulExtendedModes++;
        counts->totalImpersonationExtendedModes++;
        counted.ike.authipStatistics.extendedModeNegotiationTime = 20;
    }
}

void statistics_main_mode_ended(const peer *peer)
{
    counts_for(peer)->currentActiveMainModes--;
}

void statistics_rekeyed(void)
{
    counted.ipsec.aggregateSaStatistics.successfulRekeys++;
}

void statistics_sas_deleted(UINT32 sas)
{
    counted.deleted += sas;
    counted.ipsec.aggregateSaStatistics.totalSasDeleted += sas;
}

/* ---- traffic and failures ---- */

static void add_traffic(IPSEC_TRAFFIC_STATISTICS1 *to, random_source *rng)
{
    UINT64 packets = 20 + random_below(rng, 400);
    UINT64 bytes = packets * (80 + random_below(rng, 1300));
    UINT64 *mode = random_chance(rng, 70) ? &to->transportByteCount : &to->tunnelByteCount;
    *mode += bytes;
    to->encryptedByteCount += bytes;
    to->authenticatedESPByteCount += bytes;
    to->totalSuccessfulPackets += packets;
    if (random_chance(rng, 5)) {
        to->authenticatedAHByteCount += bytes;
    }
}

static void drop_packet(random_source *rng)
{
    IPSEC_ESP_DROP_PACKET_STATISTICS0 *esp = &counted.ipsec.espDropPacketStatistics;
    IPSEC_AGGREGATE_DROP_PACKET_STATISTICS1 *all = &counted.ipsec.aggregateDropPacketStatistics;
    switch (random_below(rng, 6)) {
    case 0:
        esp->invalidSpisOnInbound++;
        all->invalidSpisOnInbound++;
        break;
    case 1:
        esp->authenticationFailuresOnInbound++;
        all->authenticationFailuresOnInbound++;
        break;
    case 2:
        counted.ipsec.ahDropPacketStatistics.replayCheckFailuresOnInbound++;
        all->replayCheckFailuresOnInbound++;
        break;
    case 3:
        all->invalidClearTextInbound++;
        break;
    default:
        esp->replayCheckFailuresOnInbound++;
        all->replayCheckFailuresOnInbound++;
        break;
    }
    all->totalDropPacketsInbound++;
}

static void fail_negotiation(random_source *rng)
{
    /* ERROR_IPSEC_IKE_AUTH_FAIL, _TIMED_OUT (twice), _NO_CERT and _POLICY_MATCH, each minus
     * ERROR_IPSEC_IKE_NEG_STATUS_BEGIN. */
    static const UINT32 errors[] = {1, 5, 5, 6, 68};
    IKEEXT_KEYMODULE_STATISTICS1 *module = module_for((keying)random_below(rng, 3));
    IKEEXT_IP_VERSION_SPECIFIC_KEYMODULE_STATISTICS1 *counts =
        random_chance(rng, 30) ? &module->v6Statistics : &module->v4Statistics;
    if (random_chance(rng, 70)) {
        counts->totalMainModesStarted++;
        counts->totalFailedMainModes++;
    } else {
        counts->totalQuickModesStarted++;
        counts->totalFailedQuickModes++;
    }
    module->errorFrequencyTable[errors[random_below(rng, COUNT_OF(errors))]]++;
    counted.ike.commonStatistics.totalPacketsReceived++;
    counted.ike.commonStatistics.totalInvalidPacketsReceived += random_chance(rng, 20);
}

void statistics_traffic(random_source *rng)
{
    add_traffic(&counted.ipsec.inboundTrafficStatistics, rng);
    add_traffic(&counted.ipsec.outboundTrafficStatistics, rng);
    if (random_chance(rng, 12)) {
        drop_packet(rng);
    }
    if (random_chance(rng, 8)) {
        fail_negotiation(rng);
    }
}

/* ---- counts of the current contexts ---- */

/* Add the counts that follow from the current contexts, or subtract them if `sign` is -1. */
static void add_live(IPSEC_AGGREGATE_SA_STATISTICS0 *to, UINT32 sign)
{
    UINT32 active = 0;
    UINT32 pending = 0;
    size_t slot_count;
    const sa_entry *all = store_entries(&slot_count);
    for (size_t i = 0; i < slot_count; i++) {
        if (!all[i].is_deleted && all[i].tree == NULL) {
            active += stage_sas(all[i].stage);
            pending += all[i].stage == STAGE_BEGUN || all[i].stage == STAGE_INBOUND;
        }
    }
    to->activeSas += sign * active;
    to->pendingSaNegotiations += sign * pending;
    to->totalSasAdded += sign * (active + counted.deleted);
}

void statistics_put_ipsec(const IPSEC_STATISTICS1 *counts)
{
    counted.ipsec = *counts;
    add_live(&counted.ipsec.aggregateSaStatistics, 0u - 1u);
}

void statistics_put_ike(const IKEEXT_STATISTICS1 *counts)
{
    counted.ike = *counts;
}

/* ---- the functions ---- */

/* Check the arguments of a call. Return an error code, or 0. */
static UINT32 check(HANDLE engineHandle, const void *into)
{
    return into == NULL ? calls_misuse(RPC_X_NULL_REF_POINTER) : engine_check_session(engineHandle);
}

DWORD WINAPI IPsecGetStatistics0(HANDLE engineHandle, IPSEC_STATISTICS0 *ipsecStatistics)
{
    UINT32 code = calls_begin(IPSEC_GET_STATISTICS_0);
    code = code != 0 ? code : check(engineHandle, ipsecStatistics);
    if (code == ERROR_SUCCESS) {
        const IPSEC_STATISTICS1 *from = &counted.ipsec;
        memset(ipsecStatistics, 0, sizeof *ipsecStatistics);
        ipsecStatistics->aggregateSaStatistics = from->aggregateSaStatistics;
        add_live(&ipsecStatistics->aggregateSaStatistics, 1);
        ipsecStatistics->espDropPacketStatistics = from->espDropPacketStatistics;
        ipsecStatistics->ahDropPacketStatistics = from->ahDropPacketStatistics;
        /* Later generations only append fields. */
        memcpy(&ipsecStatistics->aggregateDropPacketStatistics,
               &from->aggregateDropPacketStatistics,
               sizeof ipsecStatistics->aggregateDropPacketStatistics);
        memcpy(&ipsecStatistics->inboundTrafficStatistics, &from->inboundTrafficStatistics,
               sizeof ipsecStatistics->inboundTrafficStatistics);
        memcpy(&ipsecStatistics->outboundTrafficStatistics, &from->outboundTrafficStatistics,
               sizeof ipsecStatistics->outboundTrafficStatistics);
    }
    return calls_end(code);
}

DWORD WINAPI IPsecGetStatistics1(HANDLE engineHandle, IPSEC_STATISTICS1 *ipsecStatistics)
{
    UINT32 code = calls_begin(IPSEC_GET_STATISTICS_1);
    code = code != 0 ? code : check(engineHandle, ipsecStatistics);
    if (code == ERROR_SUCCESS) {
        *ipsecStatistics = counted.ipsec;
        add_live(&ipsecStatistics->aggregateSaStatistics, 1);
    }
    return calls_end(code);
}

DWORD WINAPI IkeextGetStatistics0(HANDLE engineHandle, IKEEXT_STATISTICS0 *ikeextStatistics)
{
    _Static_assert(sizeof(IKEEXT_KEYMODULE_STATISTICS0) == sizeof(IKEEXT_KEYMODULE_STATISTICS1)
                       && sizeof(IKEEXT_COMMON_STATISTICS0) == sizeof(IKEEXT_COMMON_STATISTICS1),
                   "equal except for names");
    UINT32 code = calls_begin(IKE_GET_STATISTICS_0);
    code = code != 0 ? code : check(engineHandle, ikeextStatistics);
    if (code == ERROR_SUCCESS) {
        memcpy(&ikeextStatistics->ikeStatistics, &counted.ike.ikeStatistics,
               sizeof ikeextStatistics->ikeStatistics);
        memcpy(&ikeextStatistics->authipStatistics, &counted.ike.authipStatistics,
               sizeof ikeextStatistics->authipStatistics);
        memcpy(&ikeextStatistics->commonStatistics, &counted.ike.commonStatistics,
               sizeof ikeextStatistics->commonStatistics);
    }
    return calls_end(code);
}

DWORD WINAPI IkeextGetStatistics1(HANDLE engineHandle, IKEEXT_STATISTICS1 *ikeextStatistics)
{
    UINT32 code = calls_begin(IKE_GET_STATISTICS_1);
    code = code != 0 ? code : check(engineHandle, ikeextStatistics);
    if (code == ERROR_SUCCESS) {
        *ikeextStatistics = counted.ike;
    }
    return calls_end(code);
}
