/* What the files of the generator share: who talks to whom, and by which rule. */

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

/* The two ends and what they agreed on in main mode: the same for all contexts
 * of one peer. */
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

/* generator_peer.c */
peer generate_peer(const recipe *recipe);
void generate_identity(generated_sa *sa, const peer *peer);

/* generator_suite.c: the algorithms, from one source for both directions. */
void generate_suite(generated_sa *sa, random_source *agreed, random_source *spis, const peer *peer);

/* generator_filter.c: the rule that asked for protection. */
void generate_filter(generated_sa *sa, random_source *rule, const peer *peer);

/* generator_ike.c: how a host proves who it is, of the ways that a key module has. */
IKEEXT_AUTHENTICATION_METHOD_TYPE pick_method(random_source *agreed, keying keying);

/* generator_text.c */
typedef struct text {
    char16_t *next;
    char16_t *end; /* the last place, kept for the terminator */
} text;

text text_init(char16_t *buffer, size_t capacity);
void text_append(text *text, const char16_t *words);
void text_append_number(text *text, uint32_t number, unsigned digits);

GUID random_guid(random_source *source);
/* A locally unique id as WFP gives them: large, not random all over. */
UINT64 random_luid(random_source *source);
/* The same, of so many that no two of a population meet. */
UINT64 random_unique_luid(random_source *source);

#define COUNT_OF(array) (sizeof(array) / sizeof(array)[0])

#endif
