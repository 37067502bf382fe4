/* Read and match the template of an enumeration or subscription.
 *
 * ipsectypes.h: "If not empty, only SA contexts containing an SA whose local address is on the
 * specified subnet will be returned. May be of type FWP_UINT32, FWP_BYTE_ARRAY16_TYPE,
 * FWP_V4_ADDR_MASK, or FWP_V6_ADDR_MASK."
 */

#include "template.h"

#include <string.h>

#include "options.h"

static int is_contiguous(UINT32 mask)
{
    UINT32 host_bits = ~mask;
    return (host_bits & (host_bits + 1)) == 0;
}

static UINT32 read_subnet(subnet *into, const FWP_CONDITION_VALUE0 *from)
{
    memset(into, 0, sizeof *into);
    into->version = FWP_IP_VERSION_NONE;
    switch (from->type) {
    case FWP_EMPTY:
        return ERROR_SUCCESS;
    case FWP_UINT32:
        into->version = FWP_IP_VERSION_V4;
        into->v4 = from->uint32;
        into->v4_mask = 0xFFFFFFFFu;
        return ERROR_SUCCESS;
    case FWP_V4_ADDR_MASK:
        if (from->v4AddrMask == NULL) {
            return RPC_X_NULL_REF_POINTER;
        }
        into->version = FWP_IP_VERSION_V4;
        into->v4 = from->v4AddrMask->addr;
        into->v4_mask = from->v4AddrMask->mask;
        return is_contiguous(into->v4_mask) ? ERROR_SUCCESS : FWP_E_INVALID_NET_MASK;
    case FWP_BYTE_ARRAY16_TYPE:
        if (from->byteArray16 == NULL) {
            return RPC_X_NULL_REF_POINTER;
        }
        into->version = FWP_IP_VERSION_V6;
        memcpy(into->v6, from->byteArray16->byteArray16, sizeof into->v6);
        into->v6_prefix = 128;
        option_order_v6(into->version, into->v6);
        return ERROR_SUCCESS;
    case FWP_V6_ADDR_MASK:
        if (from->v6AddrMask == NULL) {
            return RPC_X_NULL_REF_POINTER;
        }
        into->version = FWP_IP_VERSION_V6;
        memcpy(into->v6, from->v6AddrMask->addr, sizeof into->v6);
        into->v6_prefix = from->v6AddrMask->prefixLength;
        option_order_v6(into->version, into->v6);
        return into->v6_prefix <= 128 ? ERROR_SUCCESS : FWP_E_INVALID_NET_MASK;
    default:
        return FWP_E_TYPE_MISMATCH;
    }
}

UINT32 template_read(template_subnets *into, const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 *from)
{
    static const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 anything;
    from = from == NULL ? &anything : from;
    return template_read_subnets(into, &from->localSubNet, &from->remoteSubNet);
}

UINT32 template_read_subnets(template_subnets *into, const FWP_CONDITION_VALUE0 *localSubNet,
                             const FWP_CONDITION_VALUE0 *remoteSubNet)
{
    UINT32 code = read_subnet(&into->local, localSubNet);
    if (code == ERROR_SUCCESS) {
        code = read_subnet(&into->remote, remoteSubNet);
    }
    if (code == ERROR_SUCCESS && into->local.version != FWP_IP_VERSION_NONE
        && into->remote.version != FWP_IP_VERSION_NONE
        && into->local.version != into->remote.version) {
        code = FWP_E_NEVER_MATCH;
    }
    return code;
}

int template_matches_all(const template_subnets *subnets)
{
    return subnets->local.version == FWP_IP_VERSION_NONE
           && subnets->remote.version == FWP_IP_VERSION_NONE;
}

static int subnet_contains_v6(const subnet *net, const UINT8 *v6)
{
    UINT32 bytes = net->v6_prefix / 8;
    UINT32 bits = net->v6_prefix % 8;
    return memcmp(net->v6, v6, bytes) == 0
           && (bits == 0 || ((net->v6[bytes] ^ v6[bytes]) & (0xFF00u >> bits) & 0xFFu) == 0);
}

static int subnet_contains(const subnet *net, FWP_IP_VERSION version, UINT32 v4, const UINT8 *v6)
{
    if (net->version == FWP_IP_VERSION_NONE) {
        return 1;
    }
    if (net->version != version) {
        return 0;
    }
    return version == FWP_IP_VERSION_V4 ? ((net->v4 ^ v4) & net->v4_mask) == 0
                                        : subnet_contains_v6(net, v6);
}

int template_contains(const template_subnets *subnets, FWP_IP_VERSION version, UINT32 local_v4,
                      const UINT8 *local_v6, UINT32 remote_v4, const UINT8 *remote_v6)
{
    return subnet_contains(&subnets->local, version, local_v4, local_v6)
           && subnet_contains(&subnets->remote, version, remote_v4, remote_v6);
}

static int matches_sa(const template_subnets *subnets, const IPSEC_SA_DETAILS1 *sa)
{
    if (sa == NULL) {
        return 0;
    }
    const IPSEC_TRAFFIC1 *traffic = &sa->traffic;
    return template_contains(subnets, traffic->ipVersion, traffic->localV4Address,
                             traffic->localV6Address, traffic->remoteV4Address,
                             traffic->remoteV6Address);
}

int template_matches(const template_subnets *subnets, const IPSEC_SA_CONTEXT1 *context)
{
    return template_matches_all(subnets) || matches_sa(subnets, context->inboundSa)
           || matches_sa(subnets, context->outboundSa);
}
