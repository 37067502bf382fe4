/* A whole context: what both directions agree on, and each of them. */

#include "generator.h"

#include <string.h>

#include "generator_parts.h"

stage generator_stage(const recipe *of)
{
    random_source source = random_for(of->population, 0x6000000000u + of->number);
    uint32_t dice = random_below(&source, 1000);
    return dice < 10   ? STAGE_BEGUN
           : dice < 25 ? STAGE_INBOUND
           : dice < 40 ? STAGE_EXPIRING
                       : STAGE_COMPLETE;
}

static IPSEC_SA_LIFETIME0 pick_lifetime(random_source *agreed)
{
    static const IPSEC_SA_LIFETIME0 lifetimes[] = {
        {3600, 100000, 0x7FFFFFFF}, {3600, 100000, 0x7FFFFFFF},
        {3600, 100000, 0x7FFFFFFF}, {3600, 250000, 0x7FFFFFFF},
        {28800, 0, 0x7FFFFFFF},     {3600, 33553408, 0x7FFFFFFF},
        {900, 100000, 0x3FFFFFFF},  {86400, 0, 0},
    };
    return lifetimes[random_below(agreed, COUNT_OF(lifetimes))];
}

static UINT32 pick_flags(random_source *agreed, const peer *with)
{
    UINT32 flags = 0;
    if (with->tunnel == TUNNEL_NONE) {
        flags |= random_chance(agreed, 40) ? IPSEC_SA_BUNDLE_FLAG_ND_SECURE : 0;
        flags |= random_chance(agreed, 10) ? IPSEC_SA_BUNDLE_FLAG_ND_BOUNDARY : 0;
        flags |= random_chance(agreed, 5) ? IPSEC_SA_BUNDLE_FLAG_NLB : 0;
        flags |=
            with->keying == KEYING_AUTHIP ? IPSEC_SA_BUNDLE_FLAG_ALLOW_NULL_TARGET_NAME_MATCH : 0;
    } else {
        flags |= random_chance(agreed, 50) ? IPSEC_SA_BUNDLE_FLAG_CLEAR_DF_ON_TUNNEL : 0;
        flags |= random_chance(agreed, 20) ? IPSEC_SA_BUNDLE_FLAG_FORWARD_PATH_INITIATOR : 0;
    }
    flags |= random_chance(agreed, 20) ? IPSEC_SA_BUNDLE_FLAG_GUARANTEE_ENCRYPTION : 0;
    flags |=
        random_chance(agreed, 60) ? IPSEC_SA_BUNDLE_FLAG_PEER_SUPPORTS_GUARANTEE_ENCRYPTION : 0;
    if (with->tunnel == TUNNEL_VIRTUAL_INTERFACE) {
        flags |= random_below(agreed, 16) << 28; /* the tunnel's bandwidth class */
    }
    return flags;
}

static void set_traffic(IPSEC_TRAFFIC1 *traffic, random_source *agreed, const peer *with)
{
    traffic->ipVersion = with->local.version;
    if (with->local.version == FWP_IP_VERSION_V6) {
        memcpy(traffic->localV6Address, with->local.v6, sizeof traffic->localV6Address);
        memcpy(traffic->remoteV6Address, with->remote.v6, sizeof traffic->remoteV6Address);
    } else {
        traffic->localV4Address = with->local.v4;
        traffic->remoteV4Address = with->remote.v4;
    }
    traffic->localIfLuid = with->interface_luid;
    traffic->realIfProfileId = random_below(agreed, 3) + 1;
    if (with->tunnel != TUNNEL_NONE) {
        traffic->trafficType = IPSEC_TRAFFIC_TYPE_TUNNEL;
        traffic->tunnelPolicyId = random_luid(agreed);
        return;
    }
    traffic->trafficType = IPSEC_TRAFFIC_TYPE_TRANSPORT;
    traffic->ipsecFilterId = random_luid(agreed);
    /* Ports and protocol stand here only where the filter's are more general. */
    if (random_chance(agreed, 30)) {
        traffic->ipProtocol = random_chance(agreed, 80) ? 6 : 17;
        traffic->localPort = (UINT16)(49152 + random_below(agreed, 16384));
        traffic->remotePort = random_chance(agreed, 50) ? 445 : 443;
    }
}

static void set_bundle(generated_sa *sa, random_source *agreed, const peer *with)
{
    IPSEC_SA_BUNDLE1 *bundle = &sa->details.saBundle;
    bundle->flags = pick_flags(agreed, with);
    bundle->lifetime = pick_lifetime(agreed);
    bundle->idleTimeoutSeconds = 300;
    bundle->ndAllowClearTimeoutSeconds = bundle->flags & IPSEC_SA_BUNDLE_FLAG_ND_SECURE ? 10 : 0;
    bundle->napContext = random_chance(agreed, 5) ? random_below(agreed, 100) + 1 : 0;
    bundle->qmSaId = (UINT32)(random_next(agreed) >> 32) | 1u;
    bundle->ipVersion = with->local.version;
    bundle->peerV4PrivateAddress = with->private_v4;
    bundle->mmSaId = with->mm_sa_id;
    bundle->saLookupContext = with->lookup_context;
}

/* Perfect forward secrecy is a matter of policy: it stays when keys are changed. */
static IPSEC_PFS_GROUP pick_pfs_group(const recipe *of)
{
    static const IPSEC_PFS_GROUP groups[] = {
        IPSEC_PFS_NONE, IPSEC_PFS_NONE,    IPSEC_PFS_NONE,    IPSEC_PFS_NONE, IPSEC_PFS_NONE,
        IPSEC_PFS_1,    IPSEC_PFS_2,       IPSEC_PFS_2,       IPSEC_PFS_14,   IPSEC_PFS_14,
        IPSEC_PFS_14,   IPSEC_PFS_ECP_256, IPSEC_PFS_ECP_384, IPSEC_PFS_MM,   IPSEC_PFS_24,
    };
    random_source source = random_for(of->population, 0x7000000000u + of->number);
    return groups[random_below(&source, COUNT_OF(groups))];
}

static void generate_sa(generated_sa *sa, const recipe *of, const peer *with,
                        FWP_DIRECTION direction)
{
    /* Both directions draw the same numbers, their SPIs aside. */
    random_source policy = random_for(of->population, 0x8000000000u + of->number);
    uint64_t policy_seed = random_next(&policy);
    uint64_t negotiated = policy_seed + ((uint64_t)of->engine_run << 32) + of->negotiation;
    random_source agreed = random_for(negotiated, 'N');
    random_source suite = random_for(policy_seed, 'S');
    random_source rule = random_for(policy_seed, 'F');
    random_source quick_mode = random_for(policy_seed, 'Q');
    random_source spis = random_for(negotiated, direction == FWP_DIRECTION_INBOUND ? 'i' : 'o');

    sa->details.ipVersion = with->local.version;
    sa->details.saDirection = direction;
    set_traffic(&sa->details.traffic, &agreed, with);
    set_bundle(sa, &agreed, with);
    sa->details.saBundle.pfsGroup = pick_pfs_group(of);
    sa->details.saBundle.qmFilterId = random_luid(&quick_mode); /* a rekey keeps it */
    generate_suite(sa, &suite, &spis, with);
    generate_identity(sa, with);
    generate_filter(sa, &rule, with);
    if (with->private_v4 != 0) {
        sa->udp_encapsulation.localUdpEncapPort = 4500;
        sa->udp_encapsulation.remoteUdpEncapPort = (UINT16)(1024 + random_below(&agreed, 64000));
        sa->details.udpEncapsulation = &sa->udp_encapsulation;
    }
    if (with->tunnel == TUNNEL_VIRTUAL_INTERFACE) {
        sa->details.virtualIfTunnelInfo.virtualIfTunnelId = random_luid(&agreed);
        sa->details.virtualIfTunnelInfo.trafficSelectorId = random_luid(&agreed);
    }
    if (of->revision != 0) {
        /* What an update may change (IPSEC_SA_BUNDLE_UPDATE_*, ipsectypes.h). */
        sa->details.saBundle.napContext += of->revision;
        sa->details.saBundle.flags ^= IPSEC_SA_BUNDLE_FLAG_SA_OFFLOADED * (of->revision & 1u);
    }
}

void generate_context(generated_context *into, const recipe *of, uint64_t id, stage stage)
{
    peer with = generate_peer(of);
    memset(into, 0, sizeof *into);
    into->context.saContextId = id;
    if (stage != STAGE_BEGUN) {
        generate_sa(&into->inbound, of, &with, FWP_DIRECTION_INBOUND);
        into->context.inboundSa = &into->inbound.details;
    }
    if (stage == STAGE_COMPLETE) {
        generate_sa(&into->outbound, of, &with, FWP_DIRECTION_OUTBOUND);
        into->context.outboundSa = &into->outbound.details;
    }
}
