/* The weaknesses of one direction's bundle according to a baseline, as in
 * app/resources/sa_contexts/weaknesses.py. */

#include "json.h"
#include "names.h"

/* Returns the weaknesses of single algorithms, regardless of their combination. */
static UINT32 of_algorithms(const transforms *made)
{
    UINT32 seen = 0;
    if (made->cipher != NULL) {
        IPSEC_CIPHER_TRANSFORM_ID0 id = made->cipher->cipherTransformId;
        if (id.cipherType == IPSEC_CIPHER_TYPE_DES
            || id.cipherConfig == IPSEC_CIPHER_CONFIG_CBC_DES) {
            seen |= WEAKNESS_DES;
        }
        if (id.cipherType == IPSEC_CIPHER_TYPE_3DES
            || id.cipherConfig == IPSEC_CIPHER_CONFIG_CBC_3DES) {
            seen |= WEAKNESS_TRIPLE_DES;
        }
    }
    if (made->auth != NULL) {
        IPSEC_AUTH_TRANSFORM_ID0 id = made->auth->authTransformId;
        if (id.authType == IPSEC_AUTH_MD5 || id.authConfig == IPSEC_AUTH_CONFIG_HMAC_MD5_96) {
            seen |= WEAKNESS_MD5;
        }
        if (id.authType == IPSEC_AUTH_SHA_1 || id.authConfig == IPSEC_AUTH_CONFIG_HMAC_SHA_1_96) {
            seen |= WEAKNESS_SHA_1;
        }
    }
    return seen;
}

/* Returns whether an SA is known to encrypt its packets without authenticating them; GCM does
 * both. */
static bool only_encrypts(const IPSEC_SA0 *sa, const transforms *made)
{
    return sa->saTransformType == IPSEC_TRANSFORM_ESP_CIPHER && made->cipher != NULL
           && made->cipher->cipherTransformId.cipherConfig >= IPSEC_CIPHER_CONFIG_CBC_DES
           && made->cipher->cipherTransformId.cipherConfig <= IPSEC_CIPHER_CONFIG_CBC_AES_256;
}

/* Returns the weaknesses of all SAs of a bundle together: one SA may authenticate what another
 * encrypts. Returns none for an empty bundle, because nothing is known about its SAs. */
static UINT32 of_sas(const IPSEC_SA0 *sas, UINT32 count)
{
    UINT32 seen = 0;
    bool any_encrypts = false, any_authenticates = false, any_only_encrypts = false;
    if (sas == NULL || count == 0) {
        return 0;
    }
    for (UINT32 i = 0; i < count; i++) {
        transforms made = transforms_of(&sas[i]);
        IPSEC_TRANSFORM_TYPE type = sas[i].saTransformType;
        bool is_clear_text = type == IPSEC_TRANSFORM_ESP_AUTH_FW; /* from its second packet on */
        bool only = only_encrypts(&sas[i], &made);
        seen |= of_algorithms(&made);
        if (type == IPSEC_TRANSFORM_AH) {
            seen |= WEAKNESS_AH;
        }
        any_encrypts |=
            !is_clear_text && type != IPSEC_TRANSFORM_AH && type != IPSEC_TRANSFORM_ESP_AUTH;
        any_authenticates |= !is_clear_text && !only;
        any_only_encrypts |= only;
    }
    if (!any_encrypts) {
        seen |= WEAKNESS_NO_ENCRYPTION;
    }
    if (!any_authenticates) {
        seen |= WEAKNESS_NO_INTEGRITY;
    }
    if ((seen & WEAKNESS_AH) != 0 && any_only_encrypts) {
        seen |= WEAKNESS_INTEGRITY_FROM_AH;
    }
    return seen;
}

static UINT32 of_pfs_group(IPSEC_PFS_GROUP group)
{
    switch (group) {
    case IPSEC_PFS_NONE:
        return WEAKNESS_NO_PFS;
    case IPSEC_PFS_1:
        return WEAKNESS_PFS_GROUP_1;
    case IPSEC_PFS_2:
        return WEAKNESS_PFS_GROUP_2;
    case IPSEC_PFS_24:
        return WEAKNESS_PFS_GROUP_24;
    default:
        return 0;
    }
}

void put_weaknesses(writer *to, const IPSEC_SA_BUNDLE1 *bundle, const baseline *judged_by)
{
    UINT32 seen = of_sas(bundle->saList, bundle->numSAs) | of_pfs_group(bundle->pfsGroup);
    UINT32 seconds = bundle->lifetime.lifetimeSeconds,
           longest = judged_by->longest_lifetime_seconds;
    if (longest != 0 && (seconds == 0 || seconds > longest)) { /* 0 means unlimited */
        seen |= WEAKNESS_LONG_LIFETIME;
    }
    if (bundle->keyModuleState != NULL
        && memcmp(&bundle->keyModuleState->keyModuleKey, &ike, sizeof ike) == 0) {
        seen |= WEAKNESS_IKEV1;
    }
    PUT_FLAGS(to, weaknesses, seen & judged_by->against);
}
