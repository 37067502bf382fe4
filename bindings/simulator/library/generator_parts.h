/* Declarations that the generator's files share. */

#ifndef SIMULATOR_GENERATOR_PARTS_H
#define SIMULATOR_GENERATOR_PARTS_H

#include "generator.h"
#include "random.h"

typedef enum tunnel_kind {
    TUNNEL_NONE,             /* transport mode */
    TUNNEL_SITE,             /* a classic tunnel between gateways */
    TUNNEL_VIRTUAL_INTERFACE /* IKEv2, for example a VPN client's */
} tunnel_kind;

typedef enum keying { KEYING_IKE, KEYING_AUTHIP, KEYING_IKEV2 } keying;

typedef struct address {
    FWP_IP_VERSION version;
    UINT32 v4;    /* host order */
    UINT8 v6[16]; /* network order */
} address;

/* The two hosts of a context, and their main mode SA. All contexts with one peer have the same
 * values, except that a main mode rekey changes mm_sa_id and lookup_context. */
typedef struct peer {
    address local;
    address remote;
    UINT32 private_v4; /* the peer's own address behind a NAT; otherwise 0 */
    tunnel_kind tunnel;
    keying keying;
    UINT64 mm_sa_id;
    GUID lookup_context;
    UINT64 interface_luid;
    uint32_t user; /* the number in the user's name; 0: any user, or none */
    uint64_t seed;
} peer;

/* generator_peer.c: addresses, key modules and names. */
peer generate_peer(const recipe *recipe);
/* Return the address at which the host is a gateway of tunnels. */
address gateway_address(uint64_t population, int is_v6);
void generate_identity(generated_sa *sa, const peer *peer);

/* generator_suite.c: the algorithms, which are equal in both directions, and the SPIs. */
void generate_suite(generated_sa *sa, random_source *agreed, random_source *spis, const peer *peer);

/* generator_filter.c: the rule that requires protection. Some SAs do not point to it. */
void generate_filter(generated_sa *sa, random_source *rule, const recipe *recipe, const peer *peer);

/* generator_ike.c: an authentication method that the key module supports. */
IKEEXT_AUTHENTICATION_METHOD_TYPE pick_method(random_source *agreed, keying keying);

/* generator_text.c: a string in a buffer. It is always terminated, and cut off at the buffer's
 * end. */
typedef struct text {
    char16_t *next;
    char16_t *end; /* the last unit, reserved for the terminator */
} text;

/* Start an empty string in a buffer of `capacity` units. */
text text_init(char16_t *buffer, size_t capacity);
void text_append(text *text, const char16_t *words);
/* Append a decimal number, with leading zeros up to `digits` digits. */
void text_append_number(text *text, uint32_t number, unsigned digits);

GUID random_guid(random_source *source);
/* Return a LUID like those of WFP: in half of the cases a small number, otherwise one with high
 * bits set. */
UINT64 random_luid(random_source *source);
/* Return a LUID from a much larger range, so that two LUIDs of a population are hardly ever
 * equal. */
UINT64 random_unique_luid(random_source *source);

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Return whether `method`, one of those that the generator picks, uses a certificate. */
static inline int uses_certificate(IKEEXT_AUTHENTICATION_METHOD_TYPE method)
{
    return method == IKEEXT_CERTIFICATE || method == IKEEXT_CERTIFICATE_ECDSA_P256
           || method == IKEEXT_CERTIFICATE_ECDSA_P384 || method == IKEEXT_SSL;
}

#endif
