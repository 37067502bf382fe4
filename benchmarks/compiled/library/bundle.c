/* The bundle of SAs of one direction. */

#include "json.h"
#include "names.h"

static void put_auth(writer *to, const IPSEC_AUTH_TRANSFORM0 *transform)
{
    if (transform == NULL) {
        put_null(to);
        return;
    }
    PUT(to, "{");
    put_auth_type(to, transform->authTransformId.authType);
    PUT(to, ",");
    put_auth_config(to, transform->authTransformId.authConfig);
    PUT(to, ",\"cryptoModuleId\":");
    put_guid_or_null(to, transform->cryptoModuleId);
    PUT(to, "}");
}

static void put_cipher(writer *to, const IPSEC_CIPHER_TRANSFORM0 *transform)
{
    if (transform == NULL) {
        put_null(to);
        return;
    }
    PUT(to, "{");
    put_cipher_type(to, transform->cipherTransformId.cipherType);
    PUT(to, ",");
    put_cipher_config(to, transform->cipherTransformId.cipherConfig);
    PUT(to, ",\"cryptoModuleId\":");
    put_guid_or_null(to, transform->cryptoModuleId);
    PUT(to, "}");
}

transforms transforms_of(const IPSEC_SA0 *sa)
{
    transforms made = {0};
    switch (sa->saTransformType) {
    case IPSEC_TRANSFORM_AH: /* one pointer in the union, under three names */
    case IPSEC_TRANSFORM_ESP_AUTH:
    case IPSEC_TRANSFORM_ESP_AUTH_FW:
        made.authenticates = true;
        if (sa->ahInformation != NULL) {
            made.auth = &sa->ahInformation->authTransform;
        }
        break;
    case IPSEC_TRANSFORM_ESP_CIPHER:
        made.encrypts = true;
        if (sa->espCipherInformation != NULL) {
            made.cipher = &sa->espCipherInformation->cipherTransform;
        }
        break;
    case IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER:
        made.authenticates = made.encrypts = true;
        if (sa->espAuthAndCipherInformation != NULL) {
            made.auth = &sa->espAuthAndCipherInformation->saAuthInformation.authTransform;
            made.cipher = &sa->espAuthAndCipherInformation->saCipherInformation.cipherTransform;
        }
        break;
    default:
        break;
    }
    return made;
}

static void put_sa(writer *to, const IPSEC_SA0 *sa)
{
    transforms made = transforms_of(sa);
    PUT(to, "{\"spi\":");
    put_unsigned(to, sa->spi);
    PUT(to, ",\"spiHex\":");
    put_hex32(to, sa->spi);
    PUT(to, ",\"transform\":{");
    put_transform_type(to, sa->saTransformType);
    if (made.authenticates) {
        PUT(to, ",\"authTransform\":");
        put_auth(to, made.auth);
    }
    if (made.encrypts) {
        PUT(to, ",\"cipherTransform\":");
        put_cipher(to, made.cipher);
    }
    PUT(to, "}}");
}

static void put_identity(writer *to, const IPSEC_ID0 *identity)
{
    PUT(to, "{\"mmTargetName\":");
    put_string(to, identity->mmTargetName);
    PUT(to, ",\"emTargetName\":");
    put_string(to, identity->emTargetName);
    PUT(to, ",\"tokens\":[");
    for (UINT32 i = 0; identity->tokens != NULL && i < identity->numTokens; i++) {
        const IPSEC_TOKEN0 *token = &identity->tokens[i];
        if (i != 0) {
            PUT(to, ",");
        }
        PUT(to, "{");
        put_token_type(to, token->type);
        PUT(to, ",");
        put_token_principal(to, token->principal);
        PUT(to, ",");
        put_token_mode(to, token->mode);
        PUT(to, "}");
    }
    PUT(to, "]}");
}

/* Writes only the GUID at the start of the state; the blob behind it is private to the key
 * module. */
static void put_key_module_state(writer *to, const GUID *key)
{
    const named_guid *module = FIND_GUID(keying_modules, key);
    PUT(to, "{\"keyModuleKey\":");
    put_guid(to, key);
    if (module != NULL) {
        PUT(to, ",\"keyModule\":");
        put(to, module->name, module->length);
    }
    PUT(to, "}");
}

static void put_bundle_flags(writer *to, UINT32 flags)
{
    PUT(to, "{\"value\":");
    put_unsigned(to, flags);
    PUT(to, ",\"names\":");
    UINT32 unknown = PUT_FLAGS(to, bundle_flags, flags);
    PUT(to, ",\"tunnelBandwidth\":");
    put_unsigned(to, flags >> BUNDLE_TUNNEL_BANDWIDTH_SHIFT);
    PUT(to, ",\"unknown\":");
    put_unsigned(to, unknown & ((1u << BUNDLE_TUNNEL_BANDWIDTH_SHIFT) - 1));
    PUT(to, "}");
}

void put_bundle(writer *to, const IPSEC_SA_BUNDLE1 *bundle)
{
    PUT(to, "{\"flags\":");
    put_bundle_flags(to, bundle->flags);
    PUT(to, ",\"lifetime\":{\"lifetimeSeconds\":");
    put_unsigned(to, bundle->lifetime.lifetimeSeconds);
    PUT(to, ",\"lifetimeKilobytes\":");
    put_unsigned(to, bundle->lifetime.lifetimeKilobytes);
    PUT(to, ",\"lifetimePackets\":");
    put_unsigned(to, bundle->lifetime.lifetimePackets);
    PUT(to, "},\"idleTimeoutSeconds\":");
    put_unsigned(to, bundle->idleTimeoutSeconds);
    PUT(to, ",\"ndAllowClearTimeoutSeconds\":");
    put_unsigned(to, bundle->ndAllowClearTimeoutSeconds);
    PUT(to, ",\"ipsecId\":");
    if (bundle->ipsecId == NULL) {
        put_null(to);
    } else {
        put_identity(to, bundle->ipsecId);
    }
    PUT(to, ",\"napContext\":");
    put_unsigned(to, bundle->napContext);
    PUT(to, ",\"qmSaId\":");
    put_unsigned(to, bundle->qmSaId);
    PUT(to, ",\"saList\":[");
    for (UINT32 i = 0; bundle->saList != NULL && i < bundle->numSAs; i++) {
        if (i != 0) {
            PUT(to, ",");
        }
        put_sa(to, &bundle->saList[i]);
    }
    PUT(to, "],\"keyModuleState\":");
    if (bundle->keyModuleState == NULL) {
        put_null(to);
    } else {
        put_key_module_state(to, &bundle->keyModuleState->keyModuleKey);
    }
    PUT(to, ",");
    put_ip_version(to, bundle->ipVersion);
    PUT(to, ",\"peerV4PrivateAddress\":");
    if (bundle->ipVersion == FWP_IP_VERSION_V4) {
        PUT(to, "\"");
        put_v4_address(to, bundle->peerV4PrivateAddress);
        PUT(to, "\"");
    } else {
        put_null(to);
    }
    PUT(to, ",\"mmSaId\":");
    if (bundle->mmSaId == 0) {
        put_null(to);
    } else {
        put_unsigned_text(to, bundle->mmSaId);
    }
    PUT(to, ",");
    put_pfs_group(to, bundle->pfsGroup);
    PUT(to, ",\"saLookupContext\":");
    put_guid(to, &bundle->saLookupContext);
    PUT(to, ",\"qmFilterId\":");
    put_unsigned_text(to, bundle->qmFilterId);
    PUT(to, "}");
}
