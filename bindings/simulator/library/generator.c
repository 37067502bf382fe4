/* A whole context: first what both directions share, then each direction. */

#include "generator.h"

#include <string.h>

#include "generator_parts.h"
#include "policy_ids.h"

stage generator_stage(const recipe *recipe)
{
    random_source source = random_for(recipe->population, 0x6000000000u + recipe->number);
    uint32_t roll = random_below(&source, 1000);
    return roll < 10   ? STAGE_BEGUN
           : roll < 25 ? STAGE_INBOUND
           : roll < 40 ? STAGE_EXPIRING
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

static UINT32 pick_flags(random_source *agreed, const peer *peer)
{
    UINT32 flags = 0;
    if (peer->tunnel == TUNNEL_NONE) {
        flags |= random_chance(agreed, 40) ? IPSEC_SA_BUNDLE_FLAG_ND_SECURE : 0;
        flags |= random_chance(agreed, 10) ? IPSEC_SA_BUNDLE_FLAG_ND_BOUNDARY : 0;
        flags |= random_chance(agreed, 5) ? IPSEC_SA_BUNDLE_FLAG_NLB : 0;
        flags |=
            peer->keying == KEYING_AUTHIP ? IPSEC_SA_BUNDLE_FLAG_ALLOW_NULL_TARGET_NAME_MATCH : 0;
    } else {
        flags |= random_chance(agreed, 50) ? IPSEC_SA_BUNDLE_FLAG_CLEAR_DF_ON_TUNNEL : 0;
        flags |= random_chance(agreed, 20) ? IPSEC_SA_BUNDLE_FLAG_FORWARD_PATH_INITIATOR : 0;
    }
    flags |= random_chance(agreed, 20) ? IPSEC_SA_BUNDLE_FLAG_GUARANTEE_ENCRYPTION : 0;
    flags |=
        random_chance(agreed, 60) ? IPSEC_SA_BUNDLE_FLAG_PEER_SUPPORTS_GUARANTEE_ENCRYPTION : 0;
    if (peer->tunnel == TUNNEL_VIRTUAL_INTERFACE) {
        flags |= random_below(agreed, 16) << 28; /* the tunnel's bandwidth class */
    }
    return flags;
}

static void set_traffic(IPSEC_TRAFFIC1 *traffic, random_source *agreed, const recipe *recipe,
                        const peer *peer, policy_role filter)
{
    traffic->ipVersion = peer->local.version;
    if (peer->local.version == FWP_IP_VERSION_V6) {
        memcpy(traffic->localV6Address, peer->local.v6, sizeof traffic->localV6Address);
        memcpy(traffic->remoteV6Address, peer->remote.v6, sizeof traffic->remoteV6Address);
    } else {
        traffic->localV4Address = peer->local.v4;
        traffic->remoteV4Address = peer->remote.v4;
    }
    traffic->localIfLuid = peer->interface_luid;
    traffic->realIfProfileId = random_below(agreed, 3) + 1;
    (void)random_luid(agreed);
    if (peer->tunnel != TUNNEL_NONE) {
        traffic->trafficType = IPSEC_TRAFFIC_TYPE_TUNNEL;
        traffic->tunnelPolicyId = policy_id(recipe, ROLE_QUICK_MODE_CONTEXT);
        return;
    }
    traffic->trafficType = IPSEC_TRAFFIC_TYPE_TRANSPORT;
    traffic->ipsecFilterId = policy_id(recipe, filter);
    /* Only some contexts have ports and a protocol. */
    if (random_chance(agreed, 30)) {
        traffic->ipProtocol = random_chance(agreed, 80) ? 6 : 17;
        traffic->localPort = (UINT16)(49152 + random_below(agreed, 16384));
        traffic->remotePort = random_chance(agreed, 50) ? 445 : 443;
    }
}

static void set_bundle(generated_sa *sa, random_source *agreed, const peer *peer)
{
    IPSEC_SA_BUNDLE1 *bundle = &sa->details.saBundle;
    bundle->flags = pick_flags(agreed, peer);
    bundle->lifetime = pick_lifetime(agreed);
    bundle->idleTimeoutSeconds = 300;
    bundle->ndAllowClearTimeoutSeconds = bundle->flags & IPSEC_SA_BUNDLE_FLAG_ND_SECURE ? 10 : 0;
    bundle->napContext = random_chance(agreed, 5) ? random_below(agreed, 100) + 1 : 0;
    bundle->qmSaId = (UINT32)(random_next(agreed) >> 32) | 1u;
    bundle->ipVersion = peer->local.version;
    bundle->peerV4PrivateAddress = peer->private_v4;
    bundle->mmSaId = peer->mm_sa_id;
    bundle->saLookupContext = peer->lookup_context;
}

/* The PFS group follows from the policy: a rekey does not change it. */
static IPSEC_PFS_GROUP pick_pfs_group(const recipe *recipe)
{
    static const IPSEC_PFS_GROUP groups[] = {
        IPSEC_PFS_NONE, IPSEC_PFS_NONE,    IPSEC_PFS_NONE,    IPSEC_PFS_NONE, IPSEC_PFS_NONE,
        IPSEC_PFS_1,    IPSEC_PFS_2,       IPSEC_PFS_2,       IPSEC_PFS_14,   IPSEC_PFS_14,
        IPSEC_PFS_14,   IPSEC_PFS_ECP_256, IPSEC_PFS_ECP_384, IPSEC_PFS_MM,   IPSEC_PFS_24,
    };
    random_source source = random_for(recipe->population, 0x7000000000u + recipe->number);
    return groups[random_below(&source, COUNT_OF(groups))];
}

/* Generate the SA of one direction. */
static void generate_sa(generated_sa *sa, const recipe *recipe, const peer *peer,
                        FWP_DIRECTION direction)
{
    /* Both directions draw the same numbers, except for their SPIs. */
    random_source policy = random_for(recipe->population, 0x8000000000u + recipe->number);
    uint64_t policy_seed = random_next(&policy);
    uint64_t negotiated = policy_seed + ((uint64_t)recipe->engine_run << 32) + recipe->negotiation;
    random_source agreed = random_for(negotiated, 'N');
    random_source suite = random_for(policy_seed, 'S');
    random_source rule = random_for(policy_seed, 'F');
    random_source spis = random_for(negotiated, direction == FWP_DIRECTION_INBOUND ? 'i' : 'o');

    sa->details.ipVersion = peer->local.version;
    sa->details.saDirection = direction;
    set_traffic(&sa->details.traffic, &agreed, recipe, peer,
                direction == FWP_DIRECTION_INBOUND ? ROLE_INBOUND_FILTER : ROLE_OUTBOUND_FILTER);
    set_bundle(sa, &agreed, peer);
    sa->details.saBundle.pfsGroup = pick_pfs_group(recipe);
    sa->details.saBundle.qmFilterId = policy_id(recipe, ROLE_QUICK_MODE_FILTER);
    generate_suite(sa, &suite, &spis, peer);
    generate_identity(sa, peer);
    generate_filter(sa, &rule, recipe, peer);
    if (peer->private_v4 != 0) {
        sa->udp_encapsulation.localUdpEncapPort = 4500;
        sa->udp_encapsulation.remoteUdpEncapPort = (UINT16)(1024 + random_below(&agreed, 64000));
        sa->details.udpEncapsulation = &sa->udp_encapsulation;
    }
    if (peer->tunnel == TUNNEL_VIRTUAL_INTERFACE) {
        sa->details.virtualIfTunnelInfo.virtualIfTunnelId = random_luid(&agreed);
        sa->details.virtualIfTunnelInfo.trafficSelectorId = random_luid(&agreed);
    }
    if (recipe->revision != 0) {
        /* Fields that an update may change (IPSEC_SA_BUNDLE_UPDATE_*, ipsectypes.h). */
        sa->details.saBundle.napContext += recipe->revision;
        sa->details.saBundle.flags ^= IPSEC_SA_BUNDLE_FLAG_SA_OFFLOADED * (recipe->revision & 1u);
    }
}

void generate_context(generated_context *out, const recipe *recipe, uint64_t id, stage stage)
{
    peer peer = generate_peer(recipe);
    memset(out, 0, sizeof *out);
    out->context.saContextId = id;
    if (stage != STAGE_BEGUN) {
        generate_sa(&out->inbound, recipe, &peer, FWP_DIRECTION_INBOUND);
        out->context.inboundSa = &out->inbound.details;
    }
    if (stage == STAGE_COMPLETE) {
        generate_sa(&out->outbound, recipe, &peer, FWP_DIRECTION_OUTBOUND);
        out->context.outboundSa = &out->outbound.details;
    }
}
