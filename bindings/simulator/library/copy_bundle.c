/* The parts of an SA bundle, including the parts with secrets. */

#include "copy.h"

#include "sa_simulator.h"

IPSEC_ID0 *copy_id(arena *arena, const IPSEC_ID0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_ID0 *target = ARENA_TAKE(arena, IPSEC_ID0);
    IPSEC_ID0 copy = *from;
    copy.mmTargetName = copy_string(arena, from->mmTargetName);
    copy.emTargetName = copy_string(arena, from->emTargetName);
    copy.explicitCredentials = SA_SIMULATOR_CANARY_NUMBER;
    if (from->tokens != NULL) {
        copy.tokens = ARENA_TAKE_ARRAY(arena, IPSEC_TOKEN0, from->numTokens);
        for (UINT32 i = 0; copy.tokens != NULL && i < from->numTokens; i++) {
            copy.tokens[i] = from->tokens[i];
            copy.tokens[i].token = SA_SIMULATOR_CANARY_NUMBER;
        }
    }
    if (target != NULL) {
        *target = copy;
    }
    return target;
}

static IPSEC_SA_AUTH_INFORMATION0 copy_auth(arena *arena, const IPSEC_SA_AUTH_INFORMATION0 *from)
{
    IPSEC_SA_AUTH_INFORMATION0 copy = *from;
    copy.authTransform.cryptoModuleId = copy_guid(arena, from->authTransform.cryptoModuleId);
    copy.authKey = copy_secret(arena, from->authKey);
    return copy;
}

static IPSEC_SA_CIPHER_INFORMATION0 copy_cipher(arena *arena,
                                                const IPSEC_SA_CIPHER_INFORMATION0 *from)
{
    IPSEC_SA_CIPHER_INFORMATION0 copy = *from;
    copy.cipherTransform.cryptoModuleId = copy_guid(arena, from->cipherTransform.cryptoModuleId);
    copy.cipherKey = copy_secret(arena, from->cipherKey);
    return copy;
}

static IPSEC_SA_AUTH_INFORMATION0 *copy_auth_information(arena *arena,
                                                         const IPSEC_SA_AUTH_INFORMATION0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA_AUTH_INFORMATION0 *target = ARENA_TAKE(arena, IPSEC_SA_AUTH_INFORMATION0);
    IPSEC_SA_AUTH_INFORMATION0 copy = copy_auth(arena, from);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}

static IPSEC_SA_CIPHER_INFORMATION0 *
copy_cipher_information(arena *arena, const IPSEC_SA_CIPHER_INFORMATION0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA_CIPHER_INFORMATION0 *target = ARENA_TAKE(arena, IPSEC_SA_CIPHER_INFORMATION0);
    IPSEC_SA_CIPHER_INFORMATION0 copy = copy_cipher(arena, from);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}

static IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 *
copy_auth_and_cipher_information(arena *arena, const IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 *target =
        ARENA_TAKE(arena, IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0);
    IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 copy;
    copy.saCipherInformation = copy_cipher(arena, &from->saCipherInformation);
    copy.saAuthInformation = copy_auth(arena, &from->saAuthInformation);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}

static IPSEC_SA0 copy_sa(arena *arena, const IPSEC_SA0 *from)
{
    IPSEC_SA0 copy = *from;
    switch (from->saTransformType) {
    case IPSEC_TRANSFORM_AH:
    case IPSEC_TRANSFORM_ESP_AUTH:
    case IPSEC_TRANSFORM_ESP_AUTH_FW:
        copy.ahInformation = copy_auth_information(arena, from->ahInformation);
        break;
    case IPSEC_TRANSFORM_ESP_CIPHER:
        copy.espCipherInformation = copy_cipher_information(arena, from->espCipherInformation);
        break;
    case IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER:
        copy.espAuthAndCipherInformation =
            copy_auth_and_cipher_information(arena, from->espAuthAndCipherInformation);
        break;
    default:
        /* A transform of a later Windows: the pointer's target is unknown. */
        break;
    }
    return copy;
}

IPSEC_SA0 *copy_sa_list(arena *arena, const IPSEC_SA0 *from, UINT32 count)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA0 *copy = ARENA_TAKE_ARRAY(arena, IPSEC_SA0, count);
    for (UINT32 i = 0; i < count; i++) {
        IPSEC_SA0 sa = copy_sa(arena, &from[i]);
        if (copy != NULL) {
            copy[i] = sa;
        }
    }
    return copy;
}

IPSEC_KEYMODULE_STATE0 *copy_keymodule_state(arena *arena, const IPSEC_KEYMODULE_STATE0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_KEYMODULE_STATE0 *target = ARENA_TAKE(arena, IPSEC_KEYMODULE_STATE0);
    FWP_BYTE_BLOB state = copy_secret(arena, from->stateBlob);
    if (target != NULL) {
        *target = *from;
        target->stateBlob = state;
    }
    return target;
}
