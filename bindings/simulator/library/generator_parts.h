/* Declarations that the generator's files share. */

#ifndef SIMULATOR_GENERATOR_PARTS_H
#define SIMULATOR_GENERATOR_PARTS_H

#include "generator.h"
#include "random.h"

typedef enum tunnel_kind {
    TUNNEL_NONE,             /* transport mode */
    TUNNEL_SITE,             /* a classic tunnel between gateways */
    TUNNEL_VIRTUAL_INTERFACE /* IKEv2, as of a VPN client */
} tunnel_kind;

typedef enum keying { KEYING_IKE, KEYING_AUTHIP, KEYING_IKEV2 } keying;

typedef struct address {
    FWP_IP_VERSION version;
    UINT32 v4;    /* host order */
    UINT8 v6[16]; /* network order */
} address;

/* The two ends and what they agreed on in main mode; equal for all contexts with one peer. */
typedef struct peer {
    address local;
    address remote;
    UINT32 private_v4; /* of the peer behind a NAT, otherwise 0 */
    tunnel_kind tunnel;
    keying keying;
    UINT64 mm_sa_id;
    GUID lookup_context;
    UINT64 interface_luid;
    uint64_t seed;
} peer;

/* generator_peer.c: addresses, key modules and names. */
peer generate_peer(const recipe *recipe);
void generate_identity(generated_sa *sa, const peer *peer);

/* generator_suite.c: the algorithms, from one source for both directions. */
void generate_suite(generated_sa *sa, random_source *agreed, random_source *spis, const peer *peer);

/* generator_filter.c: the rule that requires protection. */
void generate_filter(generated_sa *sa, random_source *rule, const peer *peer);

/* generator_ike.c: an authentication method that the key module supports. */
IKEEXT_AUTHENTICATION_METHOD_TYPE pick_method(random_source *agreed, keying keying);

/* generator_text.c: a string in a buffer, always terminated, cut off at the buffer's end. */
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
/* Return a locally unique id in the style of WFP: large, but not random in all bits. */
UINT64 random_luid(random_source *source);
/* Return a LUID from a range so large that no two in a population are equal. */
UINT64 random_unique_luid(random_source *source);

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

/* Return whether an authentication method that is generated uses a certificate. */
static inline int uses_certificate(IKEEXT_AUTHENTICATION_METHOD_TYPE method)
{
    return method == IKEEXT_CERTIFICATE || method == IKEEXT_CERTIFICATE_ECDSA_P256
           || method == IKEEXT_CERTIFICATE_ECDSA_P384 || method == IKEEXT_SSL;
}

#endif
