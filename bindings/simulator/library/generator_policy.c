/* The policy behind a context: its filters, and the provider contexts that they refer to. Some of
 * the names are indirect strings, as on Windows. Keys are from fwpmu.h. */

#include "generator_policy.h"

#include <string.h>

#include "generator_parts.h"

/* FWPM_LAYER_IKEEXT_V{4,6} */
static const GUID ike_layers[2] = {
    {0xB14B7BDB, 0xDBBD, 0x473E, {0xBE, 0xD4, 0x8B, 0x47, 0x08, 0xD4, 0xF2, 0x70}},
    {0xB64786B3, 0xF687, 0x4EB9, {0x89, 0xD2, 0x8E, 0xF3, 0x2A, 0xCD, 0xAB, 0xE2}},
};
/* FWPM_LAYER_OUTBOUND_TRANSPORT_V{4,6} */
static const GUID transport_layers[2] = {
    {0x09E61AEA, 0xD214, 0x46E2, {0x9B, 0x21, 0xB2, 0x6B, 0x0B, 0x2F, 0x28, 0xC8}},
    {0xE1735BDE, 0x013F, 0x4655, {0xB3, 0x51, 0xA4, 0x9E, 0x15, 0x76, 0x2D, 0xF0}},
};
/* FWPM_SUBLAYER_UNIVERSAL, FWPM_PROVIDER_IKEEXT */
static const GUID sublayer = {
    0xEEBECC03, 0xCED4, 0x4380, {0x81, 0x9A, 0x27, 0x34, 0x39, 0x7B, 0x2B, 0x74}};
static const GUID ikeext = {
    0x10AD9216, 0xCCDE, 0x456C, {0x8B, 0x16, 0xE9, 0xF0, 0x4E, 0x60, 0xA9, 0x0B}};

static const char16_t *const indirect_names[] = {
    u"@FirewallAPI.dll,-80204",
    u"@%SystemRoot%\\system32\\FirewallAPI.dll,-23101",
};

static random_source source_of(const policy_object *object)
{
    return random_for(object->recipe.population + object->recipe.number,
                      (uint64_t)'P' << 8 | (uint64_t)object->role);
}

/* Tunnels without contexts. Their peers have addresses of 198.18.0.0/15 (RFC 2544) and of a part of
 * 2001:db8::/32 in which no context has its peer. */
static const struct other_tunnel {
    FWPM_PROVIDER_CONTEXT_TYPE type;
    UINT32 flags;
    const char16_t *name;
    int is_v6;
    UINT8 peer;   /* the number in the peer's address; 0: any address */
    int has_fqdn; /* names the peer's gateway */
    int from_any; /* the local endpoint is any address */
} other_tunnels[OTHER_TUNNELS] = {
    {FWPM_IPSEC_IKE_QM_TUNNEL_CONTEXT, 0, u"Warehouse tunnel ", .peer = 1},
    {FWPM_IPSEC_AUTHIP_QM_TUNNEL_CONTEXT, 0, u"Laboratory tunnel ", .peer = 2},
    {FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, IPSEC_POLICY_FLAG_SITE_TO_SITE_TUNNEL, u"Branch tunnel ",
     .peer = 3},
    {FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, IPSEC_POLICY_FLAG_SITE_TO_SITE_TUNNEL,
     u"Data center tunnel ", .is_v6 = 1, .peer = 4, .has_fqdn = 1},
    {FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, IPSEC_POLICY_FLAG_POINT_TO_SITE_TUNNEL, u"VPN clients ",
     .peer = 0},
    {FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, IPSEC_POLICY_FLAG_POINT_TO_SITE_TUNNEL, u"VPN clients ",
     .is_v6 = 1, .from_any = 1},
    {FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT, 0, u"Dial-out tunnel ", .has_fqdn = 1, .from_any = 1},
    {FWPM_IPSEC_IKE_QM_TUNNEL_CONTEXT, 0, u"Roaming gateways ", .from_any = 1},
};

int policy_is_gone(const policy_object *object)
{
    if (object->role == ROLE_OTHER_TUNNEL) {
        return object->recipe.number >= OTHER_TUNNELS || policy_population_count() == 0;
    }
    random_source source = source_of(object);
    uint32_t roll = random_below(&source, 16);
    return object->role == ROLE_QUICK_MODE_FILTER || object->role == ROLE_MAIN_MODE_FILTER
               ? roll < 3
               : policy_is_filter(object->role) && roll == 0;
}

static void set_name(char16_t *buffer, size_t capacity, random_source *source,
                     const policy_object *object, const char16_t *kind)
{
    text name = text_init(buffer, capacity);
    if (random_chance(source, 15)) {
        text_append(&name, indirect_names[random_below(source, COUNT_OF(indirect_names))]);
        return;
    }
    text_append(&name, kind);
    text_append_number(&name, object->recipe.number % 1000, 3);
}

void generate_policy_filter(generated_filter *out, const policy_object *object)
{
    memset(out, 0, sizeof *out);
    if (object->role == ROLE_OUTBOUND_FILTER || object->role == ROLE_INBOUND_FILTER) {
        generate_context(&out->context, &object->recipe, 0, STAGE_COMPLETE);
        out->filter = object->role == ROLE_INBOUND_FILTER ? out->context.inbound.filter
                                                          : out->context.outbound.filter;
        return;
    }
    FWPM_FILTER0 *filter = &out->filter;
    random_source source = source_of(object);
    peer peer = generate_peer(&object->recipe);
    int is_main_mode = object->role == ROLE_MAIN_MODE_FILTER;
    int is_v6 = peer.local.version == FWP_IP_VERSION_V6;
    set_name(out->name, COUNT_OF(out->name), &source, object,
             is_main_mode ? u"Main mode filter " : u"Quick mode filter ");
    filter->displayData.name = out->name;
    filter->filterKey = random_guid(&source);
    filter->flags = FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    out->provider = ikeext;
    filter->providerKey = &out->provider;
    filter->layerKey = is_main_mode ? ike_layers[is_v6] : transport_layers[is_v6];
    filter->subLayerKey = sublayer;
    filter->weight.type = FWP_EMPTY;
    filter->action.type = FWP_ACTION_PERMIT;
    filter->providerContextKey = policy_key(
        &object->recipe, is_main_mode ? ROLE_MAIN_MODE_CONTEXT : ROLE_QUICK_MODE_CONTEXT);
    filter->filterId = policy_id(&object->recipe, object->role);
    out->weight = random_next(&source) >> 4;
    filter->effectiveWeight.type = FWP_UINT64;
    filter->effectiveWeight.uint64 = &out->weight;
}

static FWPM_PROVIDER_CONTEXT_TYPE type_of(const policy_object *object, const peer *peer)
{
    if (object->role == ROLE_OTHER_TUNNEL) {
        return other_tunnels[object->recipe.number].type;
    }
    static const FWPM_PROVIDER_CONTEXT_TYPE main_mode[] = {
        FWPM_IPSEC_IKE_MM_CONTEXT, FWPM_IPSEC_AUTHIP_MM_CONTEXT, FWPM_IPSEC_IKEV2_MM_CONTEXT};
    static const FWPM_PROVIDER_CONTEXT_TYPE quick_mode[2][3] = {
        {FWPM_IPSEC_IKE_QM_TRANSPORT_CONTEXT, FWPM_IPSEC_AUTHIP_QM_TRANSPORT_CONTEXT,
         FWPM_IPSEC_IKEV2_QM_TRANSPORT_CONTEXT},
        {FWPM_IPSEC_IKE_QM_TUNNEL_CONTEXT, FWPM_IPSEC_AUTHIP_QM_TUNNEL_CONTEXT,
         FWPM_IPSEC_IKEV2_QM_TUNNEL_CONTEXT},
    };
    return object->role == ROLE_MAIN_MODE_CONTEXT
               ? main_mode[peer->keying]
               : quick_mode[peer->tunnel != TUNNEL_NONE][peer->keying];
}

/* Return the two hosts of a tunnel without contexts. */
static peer other_peer(const policy_object *object)
{
    const struct other_tunnel *tunnel = &other_tunnels[object->recipe.number];
    peer made;
    memset(&made, 0, sizeof made);
    made.tunnel = TUNNEL_SITE;
    made.local.version = tunnel->is_v6 ? FWP_IP_VERSION_V6 : FWP_IP_VERSION_V4;
    made.remote.version = made.local.version;
    if (!tunnel->from_any) {
        made.local = gateway_address(object->recipe.population, tunnel->is_v6);
    }
    if (tunnel->peer != 0) {
        static const UINT8 v6[16] = {0x20, 0x01, 0x0D, 0xB8, 0xFF, 0xFF};
        made.remote.v4 = 0xC6120000u | tunnel->peer;
        memcpy(made.remote.v6, v6, sizeof made.remote.v6);
        made.remote.v6[15] = tunnel->peer;
    }
    return made;
}

/* Set the endpoints; if `has_fqdn`, also the name of the peer's gateway, and what it stands for. */
static void set_endpoints(generated_provider_context *out, const peer *peer, int has_fqdn)
{
    IPSEC_TUNNEL_ENDPOINTS2 *endpoints = &out->tunnel.tunnelEndpoints;
    endpoints->ipVersion = peer->local.version;
    out->remote.ipVersion = peer->local.version;
    if (peer->local.version == FWP_IP_VERSION_V6) {
        memcpy(endpoints->localV6Address, peer->local.v6, sizeof endpoints->localV6Address);
        memcpy(endpoints->remoteV6Address, peer->remote.v6, sizeof endpoints->remoteV6Address);
        memcpy(out->remote.v6Address, peer->remote.v6, sizeof out->remote.v6Address);
    } else {
        endpoints->localV4Address = peer->local.v4;
        endpoints->remoteV4Address = peer->remote.v4;
        out->remote.v4Address = peer->remote.v4;
    }
    endpoints->localIfLuid = peer->interface_luid;
    if (has_fqdn) {
        static char16_t gateway[] = u"gateway.branch.example";
        endpoints->remoteFqdn = gateway;
        endpoints->numAddresses = 1;
        endpoints->remoteAddresses = &out->remote;
    }
}

static void set_tunnel(generated_provider_context *out, random_source *source,
                       const policy_object *object, const peer *peer)
{
    static const IPSEC_SA_IDLE_TIMEOUT0 idle = {300, 60};
    static const UINT32 flags[] = {0, IPSEC_POLICY_FLAG_SITE_TO_SITE_TUNNEL,
                                   IPSEC_POLICY_FLAG_POINT_TO_SITE_TUNNEL};
    out->tunnel.saIdleTimeout = idle;
    if (object->role == ROLE_OTHER_TUNNEL) {
        const struct other_tunnel *tunnel = &other_tunnels[object->recipe.number];
        out->tunnel.flags = tunnel->flags;
        set_endpoints(out, peer, tunnel->has_fqdn);
        return;
    }
    out->tunnel.flags = flags[peer->tunnel];
    set_endpoints(out, peer, random_chance(source, 30));
}

void generate_provider_context(generated_provider_context *out, const policy_object *object)
{
    FWPM_PROVIDER_CONTEXT3 *context = &out->context;
    memset(out, 0, sizeof *out);
    random_source source = source_of(object);
    int is_other = object->role == ROLE_OTHER_TUNNEL;
    peer peer = is_other ? other_peer(object) : generate_peer(&object->recipe);
    int is_main_mode = object->role == ROLE_MAIN_MODE_CONTEXT;
    set_name(out->name, COUNT_OF(out->name), &source, object,
             is_other                     ? other_tunnels[object->recipe.number].name
             : is_main_mode               ? u"Main mode policy "
             : peer.tunnel == TUNNEL_NONE ? u"Transport policy "
                                          : u"Tunnel policy ");
    context->displayData.name = out->name;
    context->providerContextKey = policy_key(&object->recipe, object->role);
    context->providerContextId = policy_id(&object->recipe, object->role);
    out->provider = ikeext;
    context->providerKey = &out->provider;
    context->type = type_of(object, &peer);
    if (!is_main_mode && peer.tunnel != TUNNEL_NONE) {
        set_tunnel(out, &source, object, &peer);
    }
    context->providerData.size = sizeof out->name; /* opaque: copies contain the canary */
    context->providerData.data = (UINT8 *)out->name;
    context->ikeQmTunnelPolicy = &out->tunnel; /* of another type: only not NULL */
}
