/* The contexts of a busy host, each generated from a recipe of a few numbers.
 *
 * A generated context is stored as its recipe and generated whenever it is read, which takes about
 * a microsecond and saves about two kilobytes. Equal recipes give equal contexts, on every
 * platform.
 */

#ifndef SIMULATOR_GENERATOR_H
#define SIMULATOR_GENERATOR_H

#include "wfp.h"

typedef struct recipe {
    uint64_t population;  /* seed of the host and its peers */
    uint32_t number;      /* index of the context on its host; two consecutive ones share a peer */
    uint32_t engine_run;  /* number of the engine's run; each negotiates main mode again */
    uint32_t negotiation; /* counts rekeys; each negotiates quick mode again */
    uint32_t revision;    /* counts modifications of the same SAs */
    uint32_t main_mode;   /* number of the last main mode rekey before the negotiation; 0: none */
} recipe;

/* The stages of a context's life. */
typedef enum stage {
    STAGE_BEGUN,    /* no SA yet */
    STAGE_INBOUND,  /* the inbound SA exists, the outbound SA not yet */
    STAGE_COMPLETE, /* both */
    STAGE_EXPIRING  /* the outbound SA is deleted, the inbound SA is in its grace period */
} stage;

/* Return the number of SAs in this stage. */
static inline uint32_t stage_sas(stage stage)
{
    return stage == STAGE_COMPLETE ? 2 : stage == STAGE_BEGUN ? 0 : 1;
}

/* Return the stage of this context in a new population. Most contexts are complete. */
stage generator_stage(const recipe *recipe);

/* One SA, with space for everything that it can point to. */
typedef struct generated_sa {
    IPSEC_SA_DETAILS1 details;
    IPSEC_ID0 id;
    IPSEC_TOKEN0 tokens[2];
    char16_t machine_name[64];
    char16_t user_name[48];
    IPSEC_SA0 sas[2];
    IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 esp;
    IPSEC_SA_AUTH_INFORMATION0 ah;
    IPSEC_KEYMODULE_STATE0 state;
    IPSEC_V4_UDP_ENCAPSULATION0 udp_encapsulation;
    FWPM_FILTER0 filter;
    char16_t filter_name[96];
    char16_t filter_description[128];
    GUID provider;
    UINT64 weight;
    UINT64 effective_weight;
    FWPM_FILTER_CONDITION0 conditions[4];
    FWP_BYTE_ARRAY16 addresses[2];
    FWP_V4_ADDR_AND_MASK v4_subnets[2];
    FWP_V6_ADDR_AND_MASK v6_subnets[2];
    FWP_RANGE0 ports;
} generated_sa;

typedef struct generated_context {
    IPSEC_SA_CONTEXT1 context;
    generated_sa inbound;
    generated_sa outbound;
} generated_context;

/* Generate a context. Its pointers point into `out`. The blobs of keys have their sizes, but their
 * data must not be read: copies contain the canary instead. */
void generate_context(generated_context *out, const recipe *recipe, uint64_t id, stage stage);

/* One credential, with space for everything that it can point to. */
typedef struct generated_credential {
    IKEEXT_PRESHARED_KEY_AUTHENTICATION1 preshared_key;
    IKEEXT_CERTIFICATE_CREDENTIAL1 certificate;
    IKEEXT_NAME_CREDENTIAL0 name;
    char16_t principal[64];
    UINT8 subject[128];
    UINT8 hash[20];
} generated_credential;

typedef struct generated_ike_sa {
    IKEEXT_SA_DETAILS2 details;
    IPSEC_V4_UDP_ENCAPSULATION0 udp_encapsulation;
    IKEEXT_CREDENTIAL_PAIR2 pairs[2]; /* of main mode and of extended mode */
    generated_credential credentials[4];
} generated_ike_sa;

/* Generate the main mode SA of a context, with the context's peer and addresses. Its pointers point
 * into `out`; the data of secrets and certificates must not be read. */
void generate_ike_sa(generated_ike_sa *out, const recipe *recipe);

#endif
