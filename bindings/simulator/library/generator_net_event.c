/* The net events of a busy host, with the peers and key modules of its contexts. */

#include "generator_net_event.h"

#include <string.h>

#include "engine.h"
#include "generator_parts.h"
#include "policy_ids.h"

enum {
    PROTOCOL_UDP = 17,
    PROTOCOL_ESP = 50,
    PORT_IKE = 500,
    PORT_NAT_TRAVERSAL = 4500,
    PEERS = 120,
    GARBAGE = 0xDD
};

/* Return a peer of the event's population, and set *recipe to that of a context with it. */
static peer pick_peer(random_source *rng, const net_event *event, recipe *recipe)
{
    memset(recipe, 0, sizeof *recipe);
    recipe->population = event->population;
    recipe->engine_run = 1;
    peer picked;
    unsigned tries = 20;
    if (event->spoofed != 0) {
        recipe->number = event->spoofed;
        return generate_peer(recipe);
    }
    do {
        recipe->number = random_below(rng, PEERS);
        picked = generate_peer(recipe);
    } while (event->type == FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE && picked.keying != KEYING_AUTHIP
             && --tries > 0); /* only AuthIP has an extended mode */
    recipe->engine_run = engine_run(); /* on which the ids of filters depend */
    return picked;
}

static void set_time(FWPM_NET_EVENT_HEADER3 *header, const net_event *event)
{
    header->timeStamp.dwLowDateTime = (DWORD)event->time;
    header->timeStamp.dwHighDateTime = (DWORD)(event->time >> 32);
}

/* Generate a header. Its pointers, and the fields whose flag is not set, contain garbage. */
static void generate_header(FWPM_NET_EVENT_HEADER3 *header, const net_event *event,
                            random_source *rng, const peer *peer)
{
    memset(header, GARBAGE, sizeof *header);
    set_time(header, event);
    header->flags = 0;
    header->addressFamily = peer->local.version == FWP_IP_VERSION_V6 ? FWP_AF_INET6 : FWP_AF_INET;
    if (random_chance(rng, 95) || event->spoofed != 0) {
        header->flags |= FWPM_NET_EVENT_FLAG_IP_VERSION_SET | FWPM_NET_EVENT_FLAG_LOCAL_ADDR_SET
                         | FWPM_NET_EVENT_FLAG_REMOTE_ADDR_SET;
        header->ipVersion = peer->local.version;
        if (peer->local.version == FWP_IP_VERSION_V6) {
            memcpy(header->localAddrV6.byteArray16, peer->local.v6, 16);
            memcpy(header->remoteAddrV6.byteArray16, peer->remote.v6, 16);
        } else {
            header->localAddrV4 = peer->local.v4;
            header->remoteAddrV4 = peer->remote.v4;
        }
    }
    int is_drop = event->type == FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP;
    if (random_chance(rng, 90)) {
        header->flags |= FWPM_NET_EVENT_FLAG_IP_PROTOCOL_SET;
        header->ipProtocol = is_drop ? PROTOCOL_ESP : PROTOCOL_UDP;
    }
    if (!is_drop && random_chance(rng, 90)) {
        UINT16 port = peer->private_v4 != 0 ? PORT_NAT_TRAVERSAL : PORT_IKE;
        header->flags |= FWPM_NET_EVENT_FLAG_LOCAL_PORT_SET | FWPM_NET_EVENT_FLAG_REMOTE_PORT_SET;
        header->localPort = port;
        header->remotePort = port;
    }
    if (peer->local.version == FWP_IP_VERSION_V6 && random_chance(rng, 30)) {
        header->flags |= FWPM_NET_EVENT_FLAG_SCOPE_ID_SET;
        header->scopeId = random_below(rng, 32);
    }
    header->flags |= random_chance(rng, 50) ? FWPM_NET_EVENT_FLAG_APP_ID_SET : 0;
    header->flags |= random_chance(rng, 50) ? FWPM_NET_EVENT_FLAG_ENTERPRISE_ID_SET
                                                  | FWPM_NET_EVENT_FLAG_EFFECTIVE_NAME_SET
                                            : 0;
}

static IKEEXT_KEY_MODULE_TYPE key_module(const peer *peer)
{
    return peer->keying == KEYING_AUTHIP  ? IKEEXT_KEY_MODULE_AUTHIP
           : peer->keying == KEYING_IKEV2 ? IKEEXT_KEY_MODULE_IKEV2
                                          : IKEEXT_KEY_MODULE_IKE;
}

static IPSEC_FAILURE_POINT pick_failure_point(random_source *rng)
{
    return random_chance(rng, 10)   ? IPSEC_FAILURE_NONE
           : random_chance(rng, 55) ? IPSEC_FAILURE_ME
                                    : IPSEC_FAILURE_PEER;
}

/* Return the authentication method that failed: the one that the error implies, a preshared key if
 * the peer has no name, otherwise any that the key module supports. */
static IKEEXT_AUTHENTICATION_METHOD_TYPE failed_method(random_source *rng, UINT32 code,
                                                       keying keying, const char16_t *name)
{
    IKEEXT_AUTHENTICATION_METHOD_TYPE method = pick_method(rng, keying);
    return code == ERROR_IPSEC_IKE_NO_CERT          ? IKEEXT_CERTIFICATE
           : code == ERROR_IPSEC_IKE_KERBEROS_ERROR ? IKEEXT_KERBEROS
           : name[0] == 0                           ? IKEEXT_PRESHARED_KEY
                                                    : method;
}

static void set_hash(UINT8 hash[20], random_source *rng, IKEEXT_AUTHENTICATION_METHOD_TYPE method)
{
    for (int i = 0; i < 20 && uses_certificate(method); i++) {
        hash[i] = (UINT8)random_next(rng);
    }
}

/* Set the names that the peer has in its contexts. */
static void set_names(generated_net_event *out, const peer *peer)
{
    generated_sa sa;
    memset(&sa, 0, sizeof sa);
    generate_identity(&sa, peer);
    memcpy(out->machine_name, sa.machine_name, sizeof out->machine_name);
    memcpy(out->user_name, sa.user_name, sizeof out->user_name);
}

static void generate_main_mode(generated_net_event *out, random_source *rng, const recipe *recipe,
                               const peer *peer)
{
    FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 *failure = &out->main_mode;
    failure->failurePoint = pick_failure_point(rng);
    failure->flags = random_chance(rng, 15) ? FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_BENIGN : 0;
    failure->flags |= random_chance(rng, 15) ? FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_MULTIPLE : 0;
    failure->keyingModuleType = key_module(peer);
    failure->mmState = (IKEEXT_MM_SA_STATE)random_below(rng, IKEEXT_MM_SA_STATE_MAX);
    failure->saRole = (IKEEXT_SA_ROLE)random_below(rng, IKEEXT_SA_ROLE_MAX);
    failure->mmAuthMethod =
        failed_method(rng, failure->failureErrorCode, peer->keying, out->machine_name);
    if (failure->failureErrorCode != ERROR_IPSEC_IKE_NO_CERT) {
        set_hash(failure->endCertHash, rng, failure->mmAuthMethod);
    }
    failure->mmId = peer->mm_sa_id;
    (void)random_luid(rng);
    failure->mmFilterId = policy_id(recipe, ROLE_MAIN_MODE_FILTER);
    if (out->machine_name[0] != 0) {
        failure->remotePrincipalNameForAuth = out->machine_name;
    }
    if (random_chance(rng, 60)) {
        (void)random_guid(rng);
        out->provider_context = policy_key(recipe, ROLE_MAIN_MODE_CONTEXT);
        failure->providerContextKey = &out->provider_context;
    }
}

/* Set a subnet or an address, in one of the types that Windows uses. */
static void set_subnet(FWP_CONDITION_VALUE0 *value, generated_net_event *out, random_source *rng,
                       const address *address)
{
    if (address->version == FWP_IP_VERSION_V6 && random_chance(rng, 50)) {
        memcpy(out->v6_subnet.addr, address->v6, 8);
        out->v6_subnet.prefixLength = 64;
        value->type = FWP_V6_ADDR_MASK;
        value->v6AddrMask = &out->v6_subnet;
    } else if (address->version == FWP_IP_VERSION_V6) {
        memcpy(out->v6_address.byteArray16, address->v6, 16);
        value->type = FWP_BYTE_ARRAY16_TYPE;
        value->byteArray16 = &out->v6_address;
    } else if (random_chance(rng, 50)) {
        out->v4_subnet.addr = address->v4 & 0xFFFFFF00u;
        out->v4_subnet.mask = 0xFFFFFF00u;
        value->type = FWP_V4_ADDR_MASK;
        value->v4AddrMask = &out->v4_subnet;
    } else {
        value->type = FWP_UINT32;
        value->uint32 = address->v4;
    }
}

/* Set a stale value. Only tunnel mode has subnets (fwpmtypes.idl); in other modes, the type looks
 * valid, but the pointer is invalid. */
static void leave_stale(FWP_CONDITION_VALUE0 *subnet)
{
    subnet->type = FWP_V4_ADDR_MASK;
    memset(&subnet->v4AddrMask, GARBAGE, sizeof subnet->v4AddrMask);
}

static void generate_quick_mode(generated_net_event *out, random_source *rng, const recipe *recipe,
                                const peer *peer)
{
    FWPM_NET_EVENT_IKEEXT_QM_FAILURE1 *failure = &out->quick_mode;
    failure->failurePoint = pick_failure_point(rng);
    failure->keyingModuleType = key_module(peer);
    failure->qmState = (IKEEXT_QM_SA_STATE)random_below(rng, IKEEXT_QM_SA_STATE_MAX);
    failure->saRole = (IKEEXT_SA_ROLE)random_below(rng, IKEEXT_SA_ROLE_MAX);
    failure->saTrafficType =
        peer->tunnel == TUNNEL_NONE ? IPSEC_TRAFFIC_TYPE_TRANSPORT : IPSEC_TRAFFIC_TYPE_TUNNEL;
    if (random_chance(rng, 80)) {
        set_subnet(&failure->remoteSubNet, out, rng, &peer->remote);
    }
    if (failure->saTrafficType != IPSEC_TRAFFIC_TYPE_TUNNEL) {
        leave_stale(&failure->localSubNet);
        leave_stale(&failure->remoteSubNet);
    }
    (void)random_luid(rng);
    failure->qmFilterId = policy_id(recipe, ROLE_QUICK_MODE_FILTER);
    failure->mmSaLuid = peer->mm_sa_id;
    failure->mmProviderContextKey = policy_key(recipe, ROLE_MAIN_MODE_CONTEXT);
}

static void generate_extended_mode(generated_net_event *out, random_source *rng,
                                   const recipe *recipe, const peer *peer)
{
    FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 *failure = &out->extended_mode;
    failure->failurePoint = pick_failure_point(rng);
    failure->flags = random_chance(rng, 15) ? FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_BENIGN : 0;
    failure->flags |= random_chance(rng, 15) ? FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_MULTIPLE : 0;
    failure->emState = (IKEEXT_EM_SA_STATE)random_below(rng, IKEEXT_EM_SA_STATE_MAX);
    failure->saRole = (IKEEXT_SA_ROLE)random_below(rng, IKEEXT_SA_ROLE_MAX);
    failure->emAuthMethod = failed_method(rng, failure->failureErrorCode, KEYING_AUTHIP, u"user");
    set_hash(failure->endCertHash, rng, failure->emAuthMethod);
    failure->mmId = peer->mm_sa_id;
    (void)random_luid(rng);
    failure->qmFilterId = policy_id(recipe, ROLE_QUICK_MODE_FILTER);
    if (out->user_name[0] != 0) {
        failure->remotePrincipalNameForAuth = out->user_name;
    }
    failure->saTrafficType =
        peer->tunnel == TUNNEL_NONE ? IPSEC_TRAFFIC_TYPE_TRANSPORT : IPSEC_TRAFFIC_TYPE_TUNNEL;
}

static void generate_kernel_drop(generated_net_event *out, random_source *rng,
                                 const recipe *recipe)
{
    FWPM_NET_EVENT_IPSEC_KERNEL_DROP0 *drop = &out->kernel_drop;
    int is_inbound = random_chance(rng, 85);
    drop->direction = is_inbound ? FWP_DIRECTION_INBOUND : FWP_DIRECTION_OUTBOUND;
    drop->spi = (UINT32)(random_next(rng) >> 32) | 0x100u;
    drop->filterId = policy_id(recipe, is_inbound ? ROLE_INBOUND_FILTER : ROLE_OUTBOUND_FILTER);
    drop->layerId = is_inbound ? 12 : 14;
}

static void generate_dosp_drop(generated_net_event *out, random_source *rng, const peer *peer)
{
    FWPM_NET_EVENT_IPSEC_DOSP_DROP0 *drop = &out->dosp_drop;
    drop->ipVersion = peer->local.version;
    if (peer->local.version == FWP_IP_VERSION_V6) {
        memcpy(drop->publicHostV6Addr, peer->remote.v6, 16);
        memcpy(drop->internalHostV6Addr, peer->local.v6, 16);
    } else {
        drop->publicHostV4Addr = peer->remote.v4;
        drop->internalHostV4Addr = peer->local.v4;
    }
    drop->direction = random_chance(rng, 85) ? FWP_DIRECTION_INBOUND : FWP_DIRECTION_OUTBOUND;
}

void generated_from_net_event(generated_net_event *out, const FWPM_NET_EVENT5 *from)
{
    FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 *main_mode = &out->main_mode;
    FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 *extended_mode = &out->extended_mode;
    memset(out, 0, sizeof *out);
    out->header = from->header;
    memset(&out->header.appId, 0, sizeof out->header.appId);
    memset(&out->header.effectiveName, 0, sizeof out->header.effectiveName);
    out->header.userId = out->header.packageSid = NULL;
    out->header.enterpriseId = NULL;
    out->is_without_details = from->ikeMmFailure == NULL;
    if (out->is_without_details) {
        return;
    }
    switch ((UINT32)from->type) {
    case FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE:
        *main_mode = *from->ikeMmFailure;
        main_mode->numLocalPrincipalGroupSids = 0;
        main_mode->localPrincipalGroupSids = NULL;
        break;
    case FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE:
        out->quick_mode = *from->ikeQmFailure;
        break;
    case FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE:
        *extended_mode = *from->ikeEmFailure;
        extended_mode->numLocalPrincipalGroupSids = 0;
        extended_mode->localPrincipalGroupSids = NULL;
        break;
    case FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP:
        out->kernel_drop = *from->ipsecDrop;
        break;
    case FWPM_NET_EVENT_TYPE_IPSEC_DOSP_DROP:
        out->dosp_drop = *from->idpDrop;
        break;
    default:
        break; /* unrelated to IPsec, or of a later Windows: unknown details */
    }
}

void generate_net_event(generated_net_event *out, const net_event *event)
{
    if (event->tree != NULL) {
        generated_from_net_event(out, event->tree->root);
        set_time(&out->header, event);
        return;
    }
    random_source rng = random_for(event->seed, 'E');
    recipe recipe;
    peer peer = pick_peer(&rng, event, &recipe);
    memset(out, 0, sizeof *out);
    generate_header(&out->header, event, &rng, &peer);
    set_names(out, &peer);
    switch (event->type) {
    case FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE:
        out->main_mode.failureErrorCode = event->code;
        generate_main_mode(out, &rng, &recipe, &peer);
        break;
    case FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE:
        generate_quick_mode(out, &rng, &recipe, &peer);
        out->quick_mode.failureErrorCode = event->code;
        break;
    case FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE:
        out->extended_mode.failureErrorCode = event->code;
        generate_extended_mode(out, &rng, &recipe, &peer);
        break;
    case FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP:
        generate_kernel_drop(out, &rng, &recipe);
        out->kernel_drop.failureStatus = (INT32)event->code;
        break;
    case FWPM_NET_EVENT_TYPE_IPSEC_DOSP_DROP:
        generate_dosp_drop(out, &rng, &peer);
        out->dosp_drop.failureStatus = (INT32)event->code;
        break;
    default:
        break; /* an event of other traffic has no readable details */
    }
}
