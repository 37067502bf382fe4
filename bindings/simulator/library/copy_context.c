/* A context and its two SAs, in both generations. */

#include "copy.h"

#include <string.h>

/* Copy the UDP encapsulation. It is a member of a union that is valid only for IPv4: otherwise, the
 * pointer is meaningless, and is returned unread. */
static IPSEC_V4_UDP_ENCAPSULATION0 *copy_udp_encapsulation(arena *arena, FWP_IP_VERSION version,
                                                           IPSEC_V4_UDP_ENCAPSULATION0 *from)
{
    if (version != FWP_IP_VERSION_V4 || from == NULL) {
        return from;
    }
    IPSEC_V4_UDP_ENCAPSULATION0 *copy = ARENA_TAKE(arena, IPSEC_V4_UDP_ENCAPSULATION0);
    if (copy != NULL) {
        *copy = *from;
    }
    return copy;
}

static IPSEC_SA_DETAILS1 *copy_details1(arena *arena, const IPSEC_SA_DETAILS1 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA_DETAILS1 *target = ARENA_TAKE(arena, IPSEC_SA_DETAILS1);
    IPSEC_SA_DETAILS1 copy = *from;
    copy.saBundle.ipsecId = copy_id(arena, from->saBundle.ipsecId);
    copy.saBundle.saList = copy_sa_list(arena, from->saBundle.saList, from->saBundle.numSAs);
    copy.saBundle.keyModuleState = copy_keymodule_state(arena, from->saBundle.keyModuleState);
    copy.udpEncapsulation = copy_udp_encapsulation(arena, from->ipVersion, from->udpEncapsulation);
    copy.transportFilter = copy_filter(arena, from->transportFilter);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}

static IPSEC_TRAFFIC0 generation0_traffic(const IPSEC_TRAFFIC1 *from)
{
    IPSEC_TRAFFIC0 copy;
    memset(&copy, 0, sizeof copy);
    copy.ipVersion = from->ipVersion;
    memcpy(copy.localV6Address, from->localV6Address, sizeof copy.localV6Address);
    memcpy(copy.remoteV6Address, from->remoteV6Address, sizeof copy.remoteV6Address);
    copy.trafficType = from->trafficType;
    copy.ipsecFilterId = from->ipsecFilterId;
    copy.remotePort = from->remotePort;
    return copy;
}

static IPSEC_SA_BUNDLE0 copy_bundle0(arena *arena, const IPSEC_SA_BUNDLE1 *from)
{
    IPSEC_SA_BUNDLE0 copy;
    memset(&copy, 0, sizeof copy);
    copy.flags = from->flags;
    copy.lifetime = from->lifetime;
    copy.idleTimeoutSeconds = from->idleTimeoutSeconds;
    copy.ndAllowClearTimeoutSeconds = from->ndAllowClearTimeoutSeconds;
    copy.ipsecId = copy_id(arena, from->ipsecId);
    copy.napContext = from->napContext;
    copy.qmSaId = from->qmSaId;
    copy.numSAs = from->numSAs;
    copy.saList = copy_sa_list(arena, from->saList, from->numSAs);
    copy.keyModuleState = copy_keymodule_state(arena, from->keyModuleState);
    copy.ipVersion = from->ipVersion;
    copy.peerV4PrivateAddress = from->peerV4PrivateAddress;
    copy.mmSaId = from->mmSaId;
    copy.pfsGroup = from->pfsGroup;
    return copy;
}

static IPSEC_SA_DETAILS0 *copy_details0(arena *arena, const IPSEC_SA_DETAILS1 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA_DETAILS0 *target = ARENA_TAKE(arena, IPSEC_SA_DETAILS0);
    IPSEC_SA_DETAILS0 copy;
    copy.ipVersion = from->ipVersion;
    copy.saDirection = from->saDirection;
    copy.traffic = generation0_traffic(&from->traffic);
    copy.saBundle = copy_bundle0(arena, &from->saBundle);
    copy.udpEncapsulation = copy_udp_encapsulation(arena, from->ipVersion, from->udpEncapsulation);
    copy.transportFilter = copy_filter(arena, from->transportFilter);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}

IPSEC_SA_CONTEXT1 *copy_context1(arena *arena, const IPSEC_SA_CONTEXT1 *from)
{
    IPSEC_SA_CONTEXT1 *target = ARENA_TAKE(arena, IPSEC_SA_CONTEXT1);
    IPSEC_SA_DETAILS1 *inbound = copy_details1(arena, from->inboundSa);
    IPSEC_SA_DETAILS1 *outbound = copy_details1(arena, from->outboundSa);
    if (target != NULL) {
        target->saContextId = from->saContextId;
        target->inboundSa = inbound;
        target->outboundSa = outbound;
    }
    return target;
}

IPSEC_SA_CONTEXT0 *copy_context0(arena *arena, const IPSEC_SA_CONTEXT1 *from)
{
    IPSEC_SA_CONTEXT0 *target = ARENA_TAKE(arena, IPSEC_SA_CONTEXT0);
    IPSEC_SA_DETAILS0 *inbound = copy_details0(arena, from->inboundSa);
    IPSEC_SA_DETAILS0 *outbound = copy_details0(arena, from->outboundSa);
    if (target != NULL) {
        target->saContextId = from->saContextId;
        target->inboundSa = inbound;
        target->outboundSa = outbound;
    }
    return target;
}
