/* The algorithms that protect the packets, and the SPIs. */

#include "generator_parts.h"

/* One combination of algorithms, and its relative frequency. Key sizes are in bytes; the keys of
 * AES-GCM and GMAC include 4 bytes of salt. */
typedef struct suite {
    uint32_t share;
    IPSEC_TRANSFORM_TYPE transform;
    IPSEC_AUTH_TRANSFORM_ID0 auth;
    UINT32 auth_key;
    IPSEC_CIPHER_TRANSFORM_ID0 cipher;
    UINT32 cipher_key;
} suite;

#define ESP_BOTH IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER

#define HMAC_MD5 {IPSEC_AUTH_MD5, IPSEC_AUTH_CONFIG_HMAC_MD5_96}, 16
#define HMAC_SHA_1 {IPSEC_AUTH_SHA_1, IPSEC_AUTH_CONFIG_HMAC_SHA_1_96}, 20
#define HMAC_SHA_256 {IPSEC_AUTH_SHA_256, IPSEC_AUTH_CONFIG_HMAC_SHA_256_128}, 32
#define GMAC_128 {IPSEC_AUTH_AES_128, IPSEC_AUTH_CONFIG_GCM_AES_128}, 20
#define GMAC_192 {IPSEC_AUTH_AES_192, IPSEC_AUTH_CONFIG_GCM_AES_192}, 28
#define GMAC_256 {IPSEC_AUTH_AES_256, IPSEC_AUTH_CONFIG_GCM_AES_256}, 36
#define NO_AUTH {IPSEC_AUTH_MAX, IPSEC_AUTH_CONFIG_MAX}, 0

#define DES {IPSEC_CIPHER_TYPE_DES, IPSEC_CIPHER_CONFIG_CBC_DES}, 8
#define TRIPLE_DES {IPSEC_CIPHER_TYPE_3DES, IPSEC_CIPHER_CONFIG_CBC_3DES}, 24
#define CBC_128 {IPSEC_CIPHER_TYPE_AES_128, IPSEC_CIPHER_CONFIG_CBC_AES_128}, 16
#define CBC_192 {IPSEC_CIPHER_TYPE_AES_192, IPSEC_CIPHER_CONFIG_CBC_AES_192}, 24
#define CBC_256 {IPSEC_CIPHER_TYPE_AES_256, IPSEC_CIPHER_CONFIG_CBC_AES_256}, 32
#define GCM_128 {IPSEC_CIPHER_TYPE_AES_128, IPSEC_CIPHER_CONFIG_GCM_AES_128}, 20
#define GCM_192 {IPSEC_CIPHER_TYPE_AES_192, IPSEC_CIPHER_CONFIG_GCM_AES_192}, 28
#define GCM_256 {IPSEC_CIPHER_TYPE_AES_256, IPSEC_CIPHER_CONFIG_GCM_AES_256}, 36
#define NO_CIPHER {IPSEC_CIPHER_TYPE_MAX, IPSEC_CIPHER_CONFIG_MAX}, 0

static const suite suites[] = {
    {20, ESP_BOTH, HMAC_SHA_1, CBC_128},
    {4, ESP_BOTH, HMAC_SHA_1, CBC_192},
    {12, ESP_BOTH, HMAC_SHA_256, CBC_128},
    {14, ESP_BOTH, HMAC_SHA_256, CBC_256},
    {14, ESP_BOTH, GMAC_128, GCM_128},
    {2, ESP_BOTH, GMAC_192, GCM_192},
    {16, ESP_BOTH, GMAC_256, GCM_256},
    {5, IPSEC_TRANSFORM_ESP_AUTH, HMAC_SHA_1, NO_CIPHER},
    {3, IPSEC_TRANSFORM_ESP_AUTH, GMAC_128, NO_CIPHER},
    {3, IPSEC_TRANSFORM_ESP_AUTH_FW, HMAC_SHA_256, NO_CIPHER},
    {1, IPSEC_TRANSFORM_ESP_CIPHER, NO_AUTH, CBC_128},
    {2, IPSEC_TRANSFORM_AH, HMAC_SHA_1, NO_CIPHER},
    /* Deprecated but still in use. */
    {2, ESP_BOTH, HMAC_SHA_1, TRIPLE_DES},
    {1, ESP_BOTH, HMAC_MD5, TRIPLE_DES},
    {1, ESP_BOTH, HMAC_MD5, DES},
};

static const suite *pick_suite(random_source *source)
{
    uint32_t all = 0;
    for (size_t i = 0; i < COUNT_OF(suites); i++) {
        all += suites[i].share;
    }
    uint32_t roll = random_below(source, all);
    const suite *picked = suites;
    while (roll >= picked->share) {
        roll -= picked->share;
        picked++;
    }
    return picked;
}

/* Return a key of this size. Its data must not be read: copy_secret writes a canary instead. */
static FWP_BYTE_BLOB make_secret(UINT32 size)
{
    static UINT8 unread;
    FWP_BYTE_BLOB made = {size, &unread};
    return made;
}

static IPSEC_SA_AUTH_INFORMATION0 make_auth(const suite *chosen)
{
    IPSEC_SA_AUTH_INFORMATION0 made = {{chosen->auth, NULL}, {0, NULL}};
    made.authKey = make_secret(chosen->auth_key);
    return made;
}

static UINT32 random_spi(random_source *source)
{
    /* RFC 4303: 0 to 255 are reserved. */
    return (UINT32)(random_next(source) >> 32) | 0x100u;
}

static const GUID key_modules[] = {
    /* FWPM_KEYING_MODULE_IKE, _AUTHIP, _IKEV2 (fwpmu.h) */
    {0xA9BBF787, 0x82A8, 0x45BB, {0xA4, 0x00, 0x5D, 0x7E, 0x59, 0x52, 0xC7, 0xA9}},
    {0x11E3DAE0, 0xDD26, 0x4590, {0x85, 0x7D, 0xAB, 0x4B, 0x28, 0xD1, 0xA0, 0x95}},
    {0x041792CC, 0x8F07, 0x419D, {0xA3, 0x94, 0x71, 0x69, 0x68, 0xCB, 0x16, 0x47}},
};

void generate_suite(generated_sa *sa, random_source *agreed, random_source *spis, const peer *peer)
{
    IPSEC_SA_BUNDLE1 *bundle = &sa->details.saBundle;
    const suite *chosen;
    do {
        chosen = pick_suite(agreed);
        /* AH cannot cross a NAT. */
    } while (chosen->transform == IPSEC_TRANSFORM_AH && peer->private_v4 != 0);
    int is_also_ah = random_chance(agreed, 8) && peer->private_v4 == 0
                     && chosen->transform == IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER;

    sa->sas[0].spi = random_spi(spis);
    sa->sas[0].saTransformType = chosen->transform;
    sa->esp.saAuthInformation = make_auth(chosen);
    sa->esp.saCipherInformation.cipherTransform.cipherTransformId = chosen->cipher;
    sa->esp.saCipherInformation.cipherKey = make_secret(chosen->cipher_key);
    if (chosen->transform == IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER) {
        sa->sas[0].espAuthAndCipherInformation = &sa->esp;
    } else if (chosen->transform == IPSEC_TRANSFORM_ESP_CIPHER) {
        sa->sas[0].espCipherInformation = &sa->esp.saCipherInformation;
    } else {
        sa->sas[0].espAuthInformation = &sa->esp.saAuthInformation;
    }
    bundle->numSAs = 1;
    bundle->saList = sa->sas;

    /* A bundle of two is ESP first, then AH (IPSEC_SA_BUNDLE1, ipsectypes.h). */
    if (is_also_ah) {
        static const suite ah = {0, IPSEC_TRANSFORM_AH, HMAC_SHA_1, NO_CIPHER};
        sa->sas[1].spi = random_spi(spis);
        sa->sas[1].saTransformType = IPSEC_TRANSFORM_AH;
        sa->ah = make_auth(&ah);
        sa->sas[1].ahInformation = &sa->ah;
        bundle->numSAs = 2;
    }

    sa->state.keyModuleKey = key_modules[peer->keying];
    sa->state.stateBlob = make_secret(64);
    bundle->keyModuleState = &sa->state;
}
