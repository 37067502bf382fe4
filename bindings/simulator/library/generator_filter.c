/* The transport filter of an SA: the rule that requires protection, and the traffic that it
 * selects. Keys of layers, fields and callouts are from fwpmu.h. */

#include "generator_parts.h"

#include <string.h>

#include "policy_ids.h"

/* By [is inbound][is IPv6]. FWPM_LAYER_{OUT,IN}BOUND_TRANSPORT_V{4,6} */
static const GUID layers[2][2] = {
    {{0x09E61AEA, 0xD214, 0x46E2, {0x9B, 0x21, 0xB2, 0x6B, 0x0B, 0x2F, 0x28, 0xC8}},
     {0xE1735BDE, 0x013F, 0x4655, {0xB3, 0x51, 0xA4, 0x9E, 0x15, 0x76, 0x2D, 0xF0}}},
    {{0x5926DFC8, 0xE3CF, 0x4426, {0xA2, 0x83, 0xDC, 0x39, 0x3F, 0x5D, 0x0F, 0x9D}},
     {0x634A869F, 0xFC23, 0x4B90, {0xB0, 0xC1, 0xBF, 0x62, 0x0A, 0x36, 0xAE, 0x6F}}},
};

/* By [is tunnel][is inbound][is IPv6].
 * FWPM_CALLOUT_IPSEC_{OUT,IN}BOUND_{TRANSPORT,TUNNEL}_V{4,6} */
static const GUID callouts[2][2][2] = {
    {{{0x4B46BF0A, 0x4523, 0x4E57, {0xAA, 0x38, 0xA8, 0x79, 0x87, 0xC9, 0x10, 0xD9}},
      {0x38D87722, 0xAD83, 0x4F11, {0xA9, 0x1F, 0xDF, 0x0F, 0xB0, 0x77, 0x22, 0x5B}}},
     {{0x5132900D, 0x5E84, 0x4B5F, {0x80, 0xE4, 0x01, 0x74, 0x1E, 0x81, 0xFF, 0x10}},
      {0x49D3AC92, 0x2A6C, 0x4DCF, {0x95, 0x5F, 0x1C, 0x3B, 0xE0, 0x09, 0xDD, 0x99}}}},
    {{{0x70A4196C, 0x835B, 0x4FB0, {0x98, 0xE8, 0x07, 0x5F, 0x4D, 0x97, 0x7D, 0x46}},
      {0xF1835363, 0xA6A5, 0x4E62, {0xB1, 0x80, 0x23, 0xDB, 0x78, 0x9D, 0x8D, 0xA6}}},
     {{0x191A8A46, 0x0BF8, 0x46CF, {0xB0, 0x45, 0x4B, 0x45, 0xDF, 0xA6, 0xA3, 0x24}},
      {0x80C342E3, 0x1E53, 0x4D6F, {0x9B, 0x44, 0x03, 0xDF, 0x5A, 0xEE, 0xE1, 0x54}}}},
};

enum field { LOCAL_ADDRESS, REMOTE_ADDRESS, PROTOCOL, LOCAL_PORT, REMOTE_PORT };

/* FWPM_CONDITION_IP_ followed by the names above */
static const GUID fields[] = {
    {0xD9EE00DE, 0xC1EF, 0x4617, {0xBF, 0xE3, 0xFF, 0xD8, 0xF5, 0xA0, 0x89, 0x57}},
    {0xB235AE9A, 0x1D64, 0x49B8, {0xA4, 0x4C, 0x5F, 0xF3, 0xD9, 0x09, 0x50, 0x45}},
    {0x3971EF2B, 0x623E, 0x4F9A, {0x8C, 0xB1, 0x6E, 0x79, 0xB8, 0x06, 0xB9, 0xA7}},
    {0x0C1BA1AF, 0x5765, 0x453F, {0xAF, 0x22, 0xA8, 0xF7, 0x91, 0xAC, 0x77, 0x5B}},
    {0xC35A604D, 0xD22B, 0x4E1A, {0x91, 0xB4, 0x68, 0xF6, 0x74, 0xEE, 0x67, 0x4B}},
};

/* FWPM_PROVIDER_MPSSVC_WF, FWPM_SUBLAYER_UNIVERSAL, FWPM_SUBLAYER_IPSEC_TUNNEL */
static const GUID provider = {
    0xDECC16CA, 0x3F33, 0x4346, {0xBE, 0x1E, 0x8F, 0xB4, 0xAE, 0x0F, 0x3D, 0x62}};
static const GUID sublayers[2] = {
    {0xEEBECC03, 0xCED4, 0x4380, {0x81, 0x9A, 0x27, 0x34, 0x39, 0x7B, 0x2B, 0x74}},
    {0x83F299ED, 0x9FF4, 0x4967, {0xAF, 0xF4, 0xC3, 0x09, 0xF4, 0xDA, 0xB8, 0x27}},
};

static const char16_t *const rules[2][8] = {
    {u"Server and domain isolation - require inbound, request outbound",
     u"Database servers - require encryption", u"SMB between file servers",
     u"RDP from the jump hosts", u"Domain controllers - request inbound and outbound",
     u"Printer dr\u00FCcken \u2013 request", u"Backup network, \u6697\u53F7\u5316",
     u"Hyper-V replica"},
    {u"Site-to-site to branch office", u"Partner network - gateway to gateway",
     u"Always On VPN device tunnel", u"Always On VPN user tunnel", u"Azure virtual network gateway",
     u"Zweigstelle M\u00FCnchen", u"Data centre east to west",
     u"Management network through tunnel"},
};

static FWPM_FILTER_CONDITION0 *add_condition(generated_sa *sa, enum field field, FWP_DATA_TYPE type)
{
    FWPM_FILTER_CONDITION0 *made = &sa->conditions[sa->filter.numFilterConditions++];
    made->fieldKey = fields[field];
    made->matchType = type == FWP_RANGE_TYPE ? FWP_MATCH_RANGE : FWP_MATCH_EQUAL;
    made->conditionValue.type = type;
    return made;
}

/* Add a condition on the subnet with this prefix length; if `prefix` is 0, on the address
 * itself. */
static void add_address(generated_sa *sa, enum field field, const address *address, UINT8 prefix)
{
    size_t end = field == LOCAL_ADDRESS ? 0 : 1;
    if (address->version == FWP_IP_VERSION_V6 && prefix == 0) {
        memcpy(sa->addresses[end].byteArray16, address->v6, sizeof address->v6);
        add_condition(sa, field, FWP_BYTE_ARRAY16_TYPE)->conditionValue.byteArray16 =
            &sa->addresses[end];
    } else if (address->version == FWP_IP_VERSION_V6) {
        /* All IPv6 prefix lengths are multiples of 8. */
        memcpy(sa->v6_subnets[end].addr, address->v6, prefix / 8);
        sa->v6_subnets[end].prefixLength = prefix;
        add_condition(sa, field, FWP_V6_ADDR_MASK)->conditionValue.v6AddrMask =
            &sa->v6_subnets[end];
    } else if (prefix == 0) {
        add_condition(sa, field, FWP_UINT32)->conditionValue.uint32 = address->v4;
    } else {
        sa->v4_subnets[end].mask = 0xFFFFFFFFu << (32 - prefix);
        sa->v4_subnets[end].addr = address->v4 & sa->v4_subnets[end].mask;
        add_condition(sa, field, FWP_V4_ADDR_MASK)->conditionValue.v4AddrMask =
            &sa->v4_subnets[end];
    }
}

static void add_ports(generated_sa *sa, random_source *rule)
{
    static const UINT16 services[] = {53, 80, 88, 135, 389, 443, 445, 636, 1433, 3389, 5985, 49152};
    enum field field = random_chance(rule, 50) ? LOCAL_PORT : REMOTE_PORT;
    UINT16 port = services[random_below(rule, COUNT_OF(services))];
    if (random_chance(rule, 25)) {
        sa->ports.valueLow.type = FWP_UINT16;
        sa->ports.valueLow.uint16 = port;
        sa->ports.valueHigh.type = FWP_UINT16;
        sa->ports.valueHigh.uint16 = (UINT16)(port + random_below(rule, 0xFFFFu - port));
        add_condition(sa, field, FWP_RANGE_TYPE)->conditionValue.rangeValue = &sa->ports;
    } else {
        add_condition(sa, field, FWP_UINT16)->conditionValue.uint16 = port;
    }
}

/* Return a network behind one end of a tunnel. */
static address inner_network(random_source *rule, FWP_IP_VERSION version)
{
    address made;
    memset(&made, 0, sizeof made);
    made.version = version;
    made.v4 = 0x0A000000u | random_below(rule, 0xFFFF) << 8;
    made.v6[0] = 0xFD;
    made.v6[1] = (UINT8)random_below(rule, 0x100);
    made.v6[5] = (UINT8)random_below(rule, 0x100);
    return made;
}

/* Add the conditions on addresses, protocol and ports. Return whether these addresses are IPv6: in
 * a tunnel, the IP version of the inner packets may differ from that of the outer packets. */
static int add_selectors(generated_sa *sa, random_source *rule, const peer *peer)
{
    static const UINT8 protocols[] = {6, 6, 6, 17, 1, 47}; /* TCP, UDP, ICMP, GRE */
    UINT8 protocol = protocols[random_below(rule, COUNT_OF(protocols))];
    FWP_IP_VERSION version = peer->local.version;

    if (peer->tunnel != TUNNEL_NONE) {
        static const UINT8 v4_prefixes[] = {8, 16, 20, 24, 24};
        static const UINT8 v6_prefixes[] = {32, 48, 64};
        if (random_chance(rule, 12)) {
            version = version == FWP_IP_VERSION_V4 ? FWP_IP_VERSION_V6 : FWP_IP_VERSION_V4;
        }
        for (enum field end = LOCAL_ADDRESS; end <= REMOTE_ADDRESS; end++) {
            address network = inner_network(rule, version);
            uint32_t choice = random_below(rule, 15);
            add_address(sa, end, &network,
                        version == FWP_IP_VERSION_V6 ? v6_prefixes[choice % 3]
                                                     : v4_prefixes[choice % 5]);
        }
    } else {
        uint32_t roll = random_below(rule, 10);
        UINT8 subnet = version == FWP_IP_VERSION_V6 ? 64 : 24;
        add_address(sa, LOCAL_ADDRESS, &peer->local, 0);
        add_address(sa, REMOTE_ADDRESS, &peer->remote, roll < 8 ? 0 : subnet);
    }
    int is_v6 = version == FWP_IP_VERSION_V6;
    int has_protocol = random_chance(rule, 93);
    if (has_protocol) {
        add_condition(sa, PROTOCOL, FWP_UINT8)->conditionValue.uint8 =
            protocol == 1 && is_v6 ? 58 /* ICMPv6 */ : protocol;
    }
    if (has_protocol && (protocol == 6 || protocol == 17) && random_chance(rule, 85)) {
        add_ports(sa, rule);
    }
    return is_v6;
}

static void set_weights(generated_sa *sa, random_source *rule)
{
    sa->weight = random_next(rule) >> 4;
    sa->effective_weight = sa->weight | 0x4000000000000000u;
    if (random_chance(rule, 30)) {
        sa->filter.weight.type =
            FWP_UINT8; /* one of 16 ranges, within which WFP assigns the weight */
        sa->filter.weight.uint8 = (UINT8)random_below(rule, 16);
    } else {
        sa->filter.weight.type = FWP_UINT64;
        sa->filter.weight.uint64 = &sa->weight;
    }
    sa->filter.effectiveWeight.type = FWP_UINT64;
    sa->filter.effectiveWeight.uint64 = &sa->effective_weight;
}

void generate_filter(generated_sa *sa, random_source *rule, const recipe *recipe, const peer *peer)
{
    FWPM_FILTER0 *filter = &sa->filter;
    int is_inbound = sa->details.saDirection == FWP_DIRECTION_INBOUND;
    int is_tunnel = peer->tunnel != TUNNEL_NONE;
    if (!random_chance(rule, 3)) {
        sa->details.transportFilter = filter;
    }
    text name = text_init(sa->filter_name, COUNT_OF(sa->filter_name));
    text_append(&name, rules[is_tunnel][random_below(rule, 8)]);
    text_append(&name, is_inbound ? u" (in)" : u" (out)");
    filter->displayData.name = sa->filter_name;
    if (random_chance(rule, 90)) {
        text description = text_init(sa->filter_description, COUNT_OF(sa->filter_description));
        text_append(&description, u"Connection security rule of the group policy object IPsec-");
        text_append_number(&description, random_below(rule, 1000), 4);
        filter->displayData.description = sa->filter_description;
    }
    filter->filterKey = random_guid(rule);
    /* Each direction has its own filter, with its own key. */
    filter->filterKey.Data1 ^= (UINT32)is_inbound;
    filter->flags = random_chance(rule, 50)
                        ? FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT | FWPM_FILTER_FLAG_PERSISTENT
                        : FWPM_FILTER_FLAG_HAS_PROVIDER_CONTEXT;
    (void)random_guid(rule);
    filter->providerContextKey = policy_key(recipe, ROLE_QUICK_MODE_CONTEXT);
    sa->provider = provider;
    filter->providerKey = &sa->provider;
    filter->subLayerKey = sublayers[is_tunnel];
    filter->filterCondition = sa->conditions;
    int is_v6 = add_selectors(sa, rule, peer);
    filter->layerKey = layers[is_inbound][is_v6];
    filter->action.type = FWP_ACTION_CALLOUT_TERMINATING;
    filter->action.calloutKey = callouts[is_tunnel][is_inbound][is_v6];
    set_weights(sa, rule);
    filter->filterId = policy_id(recipe, is_inbound ? ROLE_INBOUND_FILTER : ROLE_OUTBOUND_FILTER);
}
