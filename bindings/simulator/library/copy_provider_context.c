/* Provider contexts in each generation. Only the flags, endpoints and idle timeouts of tunnels are
 * copied; preshared keys and everything else in a policy are replaced by the canary. */

#include "copy.h"

#include <string.h>

#include "options.h"

enum { POLICY_BYTES = 256, STALE = 0xDD };

_Static_assert(sizeof(FWPM_PROVIDER_CONTEXT0) == sizeof(FWPM_PROVIDER_CONTEXT3)
                   && offsetof(FWPM_PROVIDER_CONTEXT0, providerContextId)
                          == offsetof(FWPM_PROVIDER_CONTEXT3, providerContextId),
               "the generations of FWPM_PROVIDER_CONTEXT, fwpmtypes.h");

/* Return a policy that consists of canaries, or NULL for NULL. */
static void *copy_opaque(arena *arena, const void *from)
{
    FWP_BYTE_BLOB blob = {POLICY_BYTES, (UINT8 *)(uintptr_t)from};
    return from == NULL ? NULL : copy_secret(arena, blob).data;
}

static IPSEC_TUNNEL_ENDPOINT0 *copy_remotes(arena *arena, const IPSEC_TUNNEL_ENDPOINTS2 *from)
{
    if (from->remoteAddresses == NULL) {
        return NULL;
    }
    IPSEC_TUNNEL_ENDPOINT0 *copy =
        ARENA_TAKE_ARRAY(arena, IPSEC_TUNNEL_ENDPOINT0, from->numAddresses);
    for (UINT32 i = 0; copy != NULL && i < from->numAddresses; i++) {
        copy[i] = from->remoteAddresses[i];
        option_order_v6(copy[i].ipVersion, copy[i].v6Address);
    }
    return copy;
}

/* The endpoints of generations 0 and 1 are the beginning of those of generation 2. */
#define DEFINE_COPY_TUNNEL(N)                                                             \
    static void *copy_tunnel##N(arena *arena, const IPSEC_TUNNEL_POLICY3 *from)           \
    {                                                                                     \
        if (from == NULL) {                                                               \
            return NULL;                                                                  \
        }                                                                                 \
        IPSEC_TUNNEL_POLICY##N *target = ARENA_TAKE(arena, IPSEC_TUNNEL_POLICY##N);       \
        IPSEC_TUNNEL_ENDPOINTS2 endpoints = from->tunnelEndpoints;                        \
        void *proposals = copy_opaque(arena, from);                                       \
        option_order_v6(endpoints.ipVersion, endpoints.localV6Address);                   \
        option_order_v6(endpoints.ipVersion, endpoints.remoteV6Address);                  \
        if ((N) >= 2) {                                                                   \
            endpoints.remoteFqdn = copy_string(arena, from->tunnelEndpoints.remoteFqdn);  \
            endpoints.remoteAddresses = copy_remotes(arena, &from->tunnelEndpoints);      \
        }                                                                                 \
        if (target != NULL) {                                                             \
            target->flags = from->flags;                                                  \
            target->numIpsecProposals = 1;                                                \
            target->ipsecProposals = proposals;                                           \
            memcpy(&target->tunnelEndpoints, &endpoints, sizeof target->tunnelEndpoints); \
            target->saIdleTimeout = from->saIdleTimeout;                                  \
            target->emPolicy = proposals;                                                 \
        }                                                                                 \
        return target;                                                                    \
    }

DEFINE_COPY_TUNNEL(0)
DEFINE_COPY_TUNNEL(1)
DEFINE_COPY_TUNNEL(2)
DEFINE_COPY_TUNNEL(3)

typedef void *(*tunnel_copier)(arena *arena, const IPSEC_TUNNEL_POLICY3 *from);

static const tunnel_copier copy_tunnel[] = {copy_tunnel0, copy_tunnel1, copy_tunnel2, copy_tunnel3};

/* Copy the policy. If the union of this generation has no arm for the type, leave a stale
 * pointer. */
static void *copy_policy(arena *arena, const FWPM_PROVIDER_CONTEXT3 *from, unsigned generation)
{
    void *stale;
    memset(&stale, STALE, sizeof stale);
    switch ((UINT32)from->type) {
    case FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT:
        return generation == 0 ? stale : copy_tunnel[generation](arena, from->ikeV2QmTunnelPolicy);
    case FWPM_IPSEC_IKE_QM_TUNNEL_CONTEXT:
    case FWPM_IPSEC_AUTHIP_QM_TUNNEL_CONTEXT:
        return copy_tunnel[generation](arena, from->ikeQmTunnelPolicy);
    default:
        return (UINT32)from->type < FWPM_PROVIDER_CONTEXT_TYPE_MAX
                   ? copy_opaque(arena, from->ikeMmPolicy)
                   : stale;
    }
}

void *copy_provider_context(arena *arena, const FWPM_PROVIDER_CONTEXT3 *from, unsigned generation)
{
    FWPM_PROVIDER_CONTEXT3 *target = ARENA_TAKE(arena, FWPM_PROVIDER_CONTEXT3);
    FWPM_PROVIDER_CONTEXT3 copy = *from;
    copy.displayData.name = copy_string(arena, from->displayData.name);
    copy.displayData.description = copy_string(arena, from->displayData.description);
    copy.providerKey = copy_guid(arena, from->providerKey);
    copy.providerData = copy_secret(arena, from->providerData);
    copy.ikeMmPolicy = copy_policy(arena, from, generation);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}
