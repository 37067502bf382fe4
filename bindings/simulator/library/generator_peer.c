/* The peers of a host: addresses, key modules, identities.
 *
 * Addresses are from ranges that are not routed on the Internet: RFC 1918, the documentation
 * ranges of RFC 5737 and RFC 3849, and RFC 4193.
 */

#include "crowd.h"
#include "generator_parts.h"

#include <string.h>

static address v4_address(UINT32 value)
{
    address made;
    memset(&made, 0, sizeof made);
    made.version = FWP_IP_VERSION_V4;
    made.v4 = value;
    return made;
}

/* Return an address from its two halves. */
static address v6_address(uint64_t prefix, uint64_t interface)
{
    address made;
    memset(&made, 0, sizeof made);
    made.version = FWP_IP_VERSION_V6;
    for (int i = 0; i < 8; i++) {
        made.v6[i] = (UINT8)(prefix >> (56 - 8 * i));
        made.v6[8 + i] = (UINT8)(interface >> (56 - 8 * i));
    }
    return made;
}

/* Return one of the host's own addresses. A population has only a few of each family. */
static address local_address(uint64_t population, int is_v6, int is_gateway, uint32_t interface)
{
    random_source host = random_for(population, 'H');
    UINT32 site = random_below(&host, 250);
    UINT32 machine = 10 + random_below(&host, 200);
    if (is_v6) {
        return is_gateway
                   ? v6_address(0x20010DB800000000u | site << 8, machine)
                   : v6_address(0xFD00000000000000u | (uint64_t)site << 16 | interface, machine);
    }
    return v4_address(is_gateway
                          ? 0xC0000200u | machine /* 192.0.2.0/24 */
                          : 0x0A000000u | site << 16 | interface << 8 | machine /* 10.0.0.0/8 */);
}

address gateway_address(uint64_t population, int is_v6)
{
    return local_address(population, is_v6, 1, 0);
}

/* Return an address of the peer; if `is_outside`, one outside the host's own networks. */
static address remote_address(random_source *source, int is_v6, int is_outside)
{
    if (is_v6) {
        uint64_t net = random_below(source, 0x10000);
        uint64_t interface = random_chance(source, 50) ? random_below(source, 0xFFFF) + 1
                                                       : random_next(source) | 0x0200000000000000u;
        return is_outside ? v6_address(0x20010DB800000000u | net, interface)
                          : v6_address(0xFD00000000000000u | net << 16, interface);
    }
    if (is_outside) {
        UINT32 net = random_chance(source, 50) ? 0xC6336400u /* 198.51.100.0/24 */
                                               : 0xCB007100u /* 203.0.113.0/24 */;
        return v4_address(net | (random_below(source, 254) + 1));
    }
    return v4_address(0x0A000000u | random_below(source, 0xFFFF) << 8
                      | (random_below(source, 254) + 1));
}

static tunnel_kind pick_tunnel(random_source *source)
{
    uint32_t roll = random_below(source, 100);
    return roll < 72 ? TUNNEL_NONE : roll < 86 ? TUNNEL_SITE : TUNNEL_VIRTUAL_INTERFACE;
}

static keying pick_keying(random_source *source, tunnel_kind tunnel)
{
    uint32_t roll = random_below(source, 100);
    if (tunnel == TUNNEL_VIRTUAL_INTERFACE) {
        return KEYING_IKEV2;
    }
    if (tunnel == TUNNEL_SITE) {
        return roll < 60 ? KEYING_IKEV2 : KEYING_IKE;
    }
    return roll < 65 ? KEYING_AUTHIP : roll < 90 ? KEYING_IKE : KEYING_IKEV2;
}

/* Make a peer one of its crowd (crowd.h). */
static void join_crowd(peer *peer, const recipe *recipe)
{
    uint32_t crowd = crowd_of(recipe->number), place = crowd_place(recipe->number);
    if (crowd == CROWD_NONE) {
        return;
    }
    peer->keying = KEYING_IKEV2;
    peer->tunnel = crowd == CROWD_NAT || crowd == CROWD_USERS ? TUNNEL_VIRTUAL_INTERFACE
                                                               : TUNNEL_SITE;
    peer->local = local_address(recipe->population, 0, 1, 0);
    peer->private_v4 = crowd == CROWD_NAT ? 0xC0A80001u + place /* 192.168.0.0/16 */ : 0;
    peer->user = crowd == CROWD_NAT || crowd == CROWD_USERS ? place + 1 : 0;
    /* Blocks of 10.0.0.0/8 that a population hardly uses, and one address for all behind a NAT. */
    peer->remote = v4_address(crowd == CROWD_NAT ? 0xCB0071FFu /* 203.0.113.255 */
                                                 : 0x0A000000u | crowd << 20 | place);
}

peer generate_peer(const recipe *recipe)
{
    peer made;
    memset(&made, 0, sizeof made);
    /* Two consecutive contexts share a peer and a main mode SA. */
    uint32_t number = crowd_of(recipe->number) != CROWD_NONE ? recipe->number : recipe->number / 2;
    random_source source = random_for(recipe->population, 0x5000000000u + number);
    made.seed = random_next(&source);
    made.tunnel = pick_tunnel(&source);
    made.keying = pick_keying(&source, made.tunnel);

    int is_v6 = random_chance(&source, 30);
    int is_behind_nat = !is_v6 && random_chance(&source, made.tunnel == TUNNEL_NONE ? 12 : 45);
    int is_outside = made.tunnel != TUNNEL_NONE || is_behind_nat;
    uint32_t interface = random_below(&source, 3);
    made.local = local_address(recipe->population, is_v6, made.tunnel != TUNNEL_NONE, interface);
    made.remote = remote_address(&source, is_v6, is_outside);
    if (is_behind_nat) {
        made.private_v4 = 0x0A000000u | (random_below(&source, 0xFFFFFF) + 1);
    }

    join_crowd(&made, recipe);

    /* NET_LUID (ifdef.h): interface type in the upper 16 bits, index in the next 24. */
    UINT64 type = made.tunnel == TUNNEL_VIRTUAL_INTERFACE ? 131 /* IF_TYPE_TUNNEL */
                                                          : 6 /* IF_TYPE_ETHERNET_CSMACD */;
    made.interface_luid = type << 48 | (UINT64)(0x8000 + interface) << 24;

    random_source main_mode =
        random_for(made.seed, recipe->engine_run + ((uint64_t)recipe->main_mode << 32));
    made.mm_sa_id = random_unique_luid(&main_mode);
    made.lookup_context = random_guid(&main_mode);
    return made;
}

static const char16_t *const roles[] = {u"web",  u"db",     u"fs",        u"dc",
                                        u"mail", u"app",    u"sql",       u"print",
                                        u"hv",   u"backup", u"client",    u"laptop",
                                        u"vpn",  u"build",  u"k\u00F6ln", u"\u0142\u00F3d\u017A"};
static const char16_t *const domains[] = {u"corp.example",      u"corp.example",
                                          u"ad.example.net",    u"emea.corp.example",
                                          u"b\u00FCro.example", u"\u672C\u793E.example"};
static const char16_t *const logon_domains[] = {u"CORP", u"CORP",      u"AD",
                                                u"EMEA", u"B\u00DCRO", u"\u672C\u793E"};
static const char16_t *const users[] = {
    u"alice",      u"bob",         u"carol",    u"dave",         u"svc-sql",
    u"svc-backup", u"j\u00FCrgen", u"zo\u00EB", u"\u4F50\u85E4", u"\u0418\u0432\u0430\u043D"};

static void generate_tokens(generated_sa *sa, keying keying)
{
    static const IPSEC_TOKEN0 machine = {IPSEC_TOKEN_TYPE_MACHINE, IPSEC_TOKEN_PRINCIPAL_PEER,
                                         IPSEC_TOKEN_MODE_MAIN, 0};
    static const IPSEC_TOKEN0 user = {IPSEC_TOKEN_TYPE_IMPERSONATION, IPSEC_TOKEN_PRINCIPAL_PEER,
                                      IPSEC_TOKEN_MODE_EXTENDED, 0};
    sa->tokens[0] = machine;
    sa->tokens[1] = user;
    sa->id.tokens = sa->tokens;
    sa->id.numTokens = keying == KEYING_AUTHIP ? 2 : 1;
}

void generate_identity(generated_sa *sa, const peer *peer)
{
    random_source source = random_for(peer->seed, 'I');
    if (random_chance(&source, 6) && peer->user == 0) {
        return; /* authenticated with a preshared key: the peer's identity is unknown */
    }
    uint32_t domain = random_below(&source, COUNT_OF(domains));

    text machine = text_init(sa->machine_name, COUNT_OF(sa->machine_name));
    text_append(&machine, u"host/");
    text_append(&machine, roles[random_below(&source, COUNT_OF(roles))]);
    text_append_number(&machine, random_below(&source, 400), 2);
    text_append(&machine, u".");
    text_append(&machine, domains[domain]);
    sa->id.mmTargetName = sa->machine_name;

    /* AuthIP always has a second identity, that of its extended mode; other key modules sometimes
     * have one. */
    if (peer->keying == KEYING_AUTHIP || random_chance(&source, 40) || peer->user != 0) {
        text user = text_init(sa->user_name, COUNT_OF(sa->user_name));
        text_append(&user, logon_domains[domain]);
        text_append(&user, u"\\");
        if (peer->user != 0) {
            text_append(&user, u"user");
            text_append_number(&user, peer->user, 5);
        } else {
            text_append(&user, users[random_below(&source, COUNT_OF(users))]);
        }
        sa->id.emTargetName = sa->user_name;
    }
    generate_tokens(sa, peer->keying);
    sa->details.saBundle.ipsecId = &sa->id;
}
