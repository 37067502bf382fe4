/* Failures as a busy host has them: with its own peers, by one of their key modules. */

#include "generator_net_event.h"

#include <string.h>

#include "generator_parts.h"

enum {
    IPPROTO_OF_UDP = 17,
    IPPROTO_OF_ESP = 50,
    PORT_OF_IKE = 500,
    PORT_OF_NAT_TRAVERSAL = 4500,
    PEERS = 120,
    NONSENSE = 0xDD
};

static peer pick_peer(random_source *dice, const net_event *of)
{
    recipe with;
    memset(&with, 0, sizeof with);
    with.population = of->population;
    with.engine_run = 1;
    peer picked;
    unsigned tries = 20;
    do {
        with.number = random_below(dice, PEERS);
        picked = generate_peer(&with);
    } while (of->type == FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE && picked.keying != KEYING_AUTHIP
             && --tries > 0); /* only AuthIP has an extended mode */
    return picked;
}

/* What the flags do not tell of is not there, whatever stands in its place. */
static void generate_header(FWPM_NET_EVENT_HEADER3 *header, const net_event *of,
                            random_source *dice, const peer *with)
{
    memset(header, NONSENSE, sizeof *header);
    header->timeStamp.dwLowDateTime = (DWORD)of->time;
    header->timeStamp.dwHighDateTime = (DWORD)(of->time >> 32);
    header->flags = 0;
    header->addressFamily = with->local.version == FWP_IP_VERSION_V6 ? FWP_AF_INET6 : FWP_AF_INET;
    if (random_chance(dice, 95)) {
        header->flags |= FWPM_NET_EVENT_FLAG_IP_VERSION_SET | FWPM_NET_EVENT_FLAG_LOCAL_ADDR_SET
                         | FWPM_NET_EVENT_FLAG_REMOTE_ADDR_SET;
        header->ipVersion = with->local.version;
        if (with->local.version == FWP_IP_VERSION_V6) {
            memcpy(header->localAddrV6.byteArray16, with->local.v6, 16);
            memcpy(header->remoteAddrV6.byteArray16, with->remote.v6, 16);
        } else {
            header->localAddrV4 = with->local.v4;
            header->remoteAddrV4 = with->remote.v4;
        }
    }
    int is_drop = of->type == FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP;
    if (random_chance(dice, 90)) {
        header->flags |= FWPM_NET_EVENT_FLAG_IP_PROTOCOL_SET;
        header->ipProtocol = is_drop ? IPPROTO_OF_ESP : IPPROTO_OF_UDP;
    }
    if (!is_drop && random_chance(dice, 90)) {
        UINT16 port = with->private_v4 != 0 ? PORT_OF_NAT_TRAVERSAL : PORT_OF_IKE;
        header->flags |= FWPM_NET_EVENT_FLAG_LOCAL_PORT_SET | FWPM_NET_EVENT_FLAG_REMOTE_PORT_SET;
        header->localPort = port;
        header->remotePort = port;
    }
    if (with->local.version == FWP_IP_VERSION_V6 && random_chance(dice, 30)) {
        header->flags |= FWPM_NET_EVENT_FLAG_SCOPE_ID_SET;
        header->scopeId = random_below(dice, 32);
    }
    header->flags |= random_chance(dice, 50) ? FWPM_NET_EVENT_FLAG_APP_ID_SET : 0;
    header->flags |= random_chance(dice, 50) ? FWPM_NET_EVENT_FLAG_ENTERPRISE_ID_SET
                                                   | FWPM_NET_EVENT_FLAG_EFFECTIVE_NAME_SET
                                             : 0;
}

static IKEEXT_KEY_MODULE_TYPE key_module(const peer *with)
{
    return with->keying == KEYING_AUTHIP  ? IKEEXT_KEY_MODULE_AUTHIP
           : with->keying == KEYING_IKEV2 ? IKEEXT_KEY_MODULE_IKEV2
                                          : IKEEXT_KEY_MODULE_IKE;
}

static IPSEC_FAILURE_POINT pick_failure_point(random_source *dice)
{
    return random_chance(dice, 10)   ? IPSEC_FAILURE_NONE
           : random_chance(dice, 55) ? IPSEC_FAILURE_ME
                                     : IPSEC_FAILURE_PEER;
}

/* What failed to prove who the peer is: what the error is of, otherwise any that there may be. */
static IKEEXT_AUTHENTICATION_METHOD_TYPE failed_method(random_source *dice, UINT32 code,
                                                       keying keying, const char16_t *name)
{
    IKEEXT_AUTHENTICATION_METHOD_TYPE method = pick_method(dice, keying);
    return code == ERROR_IPSEC_IKE_NO_CERT          ? IKEEXT_CERTIFICATE
           : code == ERROR_IPSEC_IKE_KERBEROS_ERROR ? IKEEXT_KERBEROS
           : name[0] == 0                           ? IKEEXT_PRESHARED_KEY
                                                    : method;
}

static int is_by_certificate(IKEEXT_AUTHENTICATION_METHOD_TYPE method)
{
    return method == IKEEXT_CERTIFICATE || method == IKEEXT_CERTIFICATE_ECDSA_P256
           || method == IKEEXT_CERTIFICATE_ECDSA_P384 || method == IKEEXT_SSL;
}

static void set_hash(UINT8 hash[20], random_source *dice, IKEEXT_AUTHENTICATION_METHOD_TYPE method)
{
    for (int i = 0; i < 20 && is_by_certificate(method); i++) {
        hash[i] = (UINT8)random_next(dice);
    }
}

/* The names that the peer would have shown, had it come so far. */
static void set_names(generated_net_event *into, const peer *with)
{
    generated_sa sa;
    memset(&sa, 0, sizeof sa);
    generate_identity(&sa, with);
    memcpy(into->machine_name, sa.machine_name, sizeof into->machine_name);
    memcpy(into->user_name, sa.user_name, sizeof into->user_name);
}

static void generate_main_mode(generated_net_event *into, random_source *dice, const peer *with)
{
    FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 *failure = &into->main_mode;
    failure->failurePoint = pick_failure_point(dice);
    failure->flags = random_chance(dice, 15) ? FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_BENIGN : 0;
    failure->flags |= random_chance(dice, 15) ? FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_MULTIPLE : 0;
    failure->keyingModuleType = key_module(with);
    failure->mmState = (IKEEXT_MM_SA_STATE)random_below(dice, IKEEXT_MM_SA_STATE_MAX);
    failure->saRole = (IKEEXT_SA_ROLE)random_below(dice, IKEEXT_SA_ROLE_MAX);
    failure->mmAuthMethod =
        failed_method(dice, failure->failureErrorCode, with->keying, into->machine_name);
    if (failure->failureErrorCode != ERROR_IPSEC_IKE_NO_CERT) {
        set_hash(failure->endCertHash, dice, failure->mmAuthMethod);
    }
    failure->mmId = with->mm_sa_id;
    failure->mmFilterId = random_luid(dice);
    if (into->machine_name[0] != 0) {
        failure->remotePrincipalNameForAuth = into->machine_name;
    }
    if (random_chance(dice, 60)) {
        into->provider_context = random_guid(dice);
        failure->providerContextKey = &into->provider_context;
    }
}

static void set_subnet(FWP_CONDITION_VALUE0 *value, generated_net_event *into, random_source *dice,
                       const address *of)
{
    if (of->version == FWP_IP_VERSION_V6 && random_chance(dice, 50)) {
        memcpy(into->v6_subnet.addr, of->v6, 8);
        into->v6_subnet.prefixLength = 64;
        value->type = FWP_V6_ADDR_MASK;
        value->v6AddrMask = &into->v6_subnet;
    } else if (of->version == FWP_IP_VERSION_V6) {
        memcpy(into->v6_address.byteArray16, of->v6, 16);
        value->type = FWP_BYTE_ARRAY16_TYPE;
        value->byteArray16 = &into->v6_address;
    } else if (random_chance(dice, 50)) {
        into->v4_subnet.addr = of->v4 & 0xFFFFFF00u;
        into->v4_subnet.mask = 0xFFFFFF00u;
        value->type = FWP_V4_ADDR_MASK;
        value->v4AddrMask = &into->v4_subnet;
    } else {
        value->type = FWP_UINT32;
        value->uint32 = of->v4;
    }
}

/* What only tunnel mode has (fwpmtypes.idl) is stale elsewhere: it looks valid and leads nowhere. */
static void leave_stale(FWP_CONDITION_VALUE0 *subnet)
{
    subnet->type = FWP_V4_ADDR_MASK;
    memset(&subnet->v4AddrMask, NONSENSE, sizeof subnet->v4AddrMask);
}

static void generate_quick_mode(generated_net_event *into, random_source *dice, const peer *with)
{
    FWPM_NET_EVENT_IKEEXT_QM_FAILURE1 *failure = &into->quick_mode;
    failure->failurePoint = pick_failure_point(dice);
    failure->keyingModuleType = key_module(with);
    failure->qmState = (IKEEXT_QM_SA_STATE)random_below(dice, IKEEXT_QM_SA_STATE_MAX);
    failure->saRole = (IKEEXT_SA_ROLE)random_below(dice, IKEEXT_SA_ROLE_MAX);
    failure->saTrafficType =
        with->tunnel == TUNNEL_NONE ? IPSEC_TRAFFIC_TYPE_TRANSPORT : IPSEC_TRAFFIC_TYPE_TUNNEL;
    if (random_chance(dice, 80)) {
        set_subnet(&failure->remoteSubNet, into, dice, &with->remote);
    }
    if (failure->saTrafficType != IPSEC_TRAFFIC_TYPE_TUNNEL) {
        leave_stale(&failure->localSubNet);
        leave_stale(&failure->remoteSubNet);
    }
    failure->qmFilterId = random_luid(dice);
    failure->mmSaLuid = with->mm_sa_id;
    failure->mmProviderContextKey = random_guid(dice);
}

static void generate_extended_mode(generated_net_event *into, random_source *dice, const peer *with)
{
    FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 *failure = &into->extended_mode;
    failure->failurePoint = pick_failure_point(dice);
    failure->flags = random_chance(dice, 15) ? FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_BENIGN : 0;
    failure->flags |= random_chance(dice, 15) ? FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_MULTIPLE : 0;
    failure->emState = (IKEEXT_EM_SA_STATE)random_below(dice, IKEEXT_EM_SA_STATE_MAX);
    failure->saRole = (IKEEXT_SA_ROLE)random_below(dice, IKEEXT_SA_ROLE_MAX);
    failure->emAuthMethod = failed_method(dice, failure->failureErrorCode, KEYING_AUTHIP, u"user");
    set_hash(failure->endCertHash, dice, failure->emAuthMethod);
    failure->mmId = with->mm_sa_id;
    failure->qmFilterId = random_luid(dice);
    if (into->user_name[0] != 0) {
        failure->remotePrincipalNameForAuth = into->user_name;
    }
    failure->saTrafficType =
        with->tunnel == TUNNEL_NONE ? IPSEC_TRAFFIC_TYPE_TRANSPORT : IPSEC_TRAFFIC_TYPE_TUNNEL;
}

static void generate_kernel_drop(generated_net_event *into, random_source *dice)
{
    FWPM_NET_EVENT_IPSEC_KERNEL_DROP0 *drop = &into->kernel_drop;
    int is_inbound = random_chance(dice, 85);
    drop->direction = is_inbound ? FWP_DIRECTION_INBOUND : FWP_DIRECTION_OUTBOUND;
    drop->spi = (UINT32)(random_next(dice) >> 32) | 0x100u;
    drop->filterId = random_luid(dice);
    drop->layerId = is_inbound ? 12 : 14;
}

static void generate_dosp_drop(generated_net_event *into, random_source *dice, const peer *with)
{
    FWPM_NET_EVENT_IPSEC_DOSP_DROP0 *drop = &into->dosp_drop;
    drop->ipVersion = with->local.version;
    if (with->local.version == FWP_IP_VERSION_V6) {
        memcpy(drop->publicHostV6Addr, with->remote.v6, 16);
        memcpy(drop->internalHostV6Addr, with->local.v6, 16);
    } else {
        drop->publicHostV4Addr = with->remote.v4;
        drop->internalHostV4Addr = with->local.v4;
    }
    drop->direction = random_chance(dice, 85) ? FWP_DIRECTION_INBOUND : FWP_DIRECTION_OUTBOUND;
}

void generate_net_event(generated_net_event *into, const net_event *of)
{
    random_source dice = random_for(of->seed, 'E');
    peer with = pick_peer(&dice, of);
    memset(into, 0, sizeof *into);
    generate_header(&into->header, of, &dice, &with);
    set_names(into, &with);
    switch (of->type) {
    case FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE:
        into->main_mode.failureErrorCode = of->code;
        generate_main_mode(into, &dice, &with);
        break;
    case FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE:
        generate_quick_mode(into, &dice, &with);
        into->quick_mode.failureErrorCode = of->code;
        break;
    case FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE:
        into->extended_mode.failureErrorCode = of->code;
        generate_extended_mode(into, &dice, &with);
        break;
    case FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP:
        generate_kernel_drop(into, &dice);
        into->kernel_drop.failureStatus = (INT32)of->code;
        break;
    case FWPM_NET_EVENT_TYPE_IPSEC_DOSP_DROP:
        generate_dosp_drop(into, &dice, &with);
        into->dosp_drop.failureStatus = (INT32)of->code;
        break;
    default:
        break; /* other traffic's: it says something that nobody here reads */
    }
}
