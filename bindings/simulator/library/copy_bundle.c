/* The parts of an SA bundle, the ones that hold secrets among them. */

#include "copy.h"

#include "sa_simulator.h"

IPSEC_ID0 *copy_id(arena *to, const IPSEC_ID0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_ID0 *room = ARENA_TAKE(to, IPSEC_ID0);
    IPSEC_ID0 copy = *from;
    copy.mmTargetName = copy_string(to, from->mmTargetName);
    copy.emTargetName = copy_string(to, from->emTargetName);
    copy.explicitCredentials = SA_SIMULATOR_CANARY_NUMBER;
    if (from->tokens != NULL) {
        copy.tokens = ARENA_TAKE_ARRAY(to, IPSEC_TOKEN0, from->numTokens);
        for (UINT32 i = 0; copy.tokens != NULL && i < from->numTokens; i++) {
            copy.tokens[i] = from->tokens[i];
            copy.tokens[i].token = SA_SIMULATOR_CANARY_NUMBER;
        }
    }
    if (room != NULL) {
        *room = copy;
    }
    return room;
}

static IPSEC_SA_AUTH_INFORMATION0 copy_auth(arena *to, const IPSEC_SA_AUTH_INFORMATION0 *from)
{
    IPSEC_SA_AUTH_INFORMATION0 copy = *from;
    copy.authTransform.cryptoModuleId = copy_guid(to, from->authTransform.cryptoModuleId);
    copy.authKey = copy_secret(to, from->authKey);
    return copy;
}

static IPSEC_SA_CIPHER_INFORMATION0 copy_cipher(arena *to, const IPSEC_SA_CIPHER_INFORMATION0 *from)
{
    IPSEC_SA_CIPHER_INFORMATION0 copy = *from;
    copy.cipherTransform.cryptoModuleId = copy_guid(to, from->cipherTransform.cryptoModuleId);
    copy.cipherKey = copy_secret(to, from->cipherKey);
    return copy;
}

static IPSEC_SA_AUTH_INFORMATION0 *copy_auth_information(arena *to,
                                                         const IPSEC_SA_AUTH_INFORMATION0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA_AUTH_INFORMATION0 *room = ARENA_TAKE(to, IPSEC_SA_AUTH_INFORMATION0);
    IPSEC_SA_AUTH_INFORMATION0 copy = copy_auth(to, from);
    if (room != NULL) {
        *room = copy;
    }
    return room;
}

static IPSEC_SA_CIPHER_INFORMATION0 *
copy_cipher_information(arena *to, const IPSEC_SA_CIPHER_INFORMATION0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA_CIPHER_INFORMATION0 *room = ARENA_TAKE(to, IPSEC_SA_CIPHER_INFORMATION0);
    IPSEC_SA_CIPHER_INFORMATION0 copy = copy_cipher(to, from);
    if (room != NULL) {
        *room = copy;
    }
    return room;
}

static IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 *
copy_auth_and_cipher_information(arena *to, const IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 *room =
        ARENA_TAKE(to, IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0);
    IPSEC_SA_AUTH_AND_CIPHER_INFORMATION0 copy;
    copy.saCipherInformation = copy_cipher(to, &from->saCipherInformation);
    copy.saAuthInformation = copy_auth(to, &from->saAuthInformation);
    if (room != NULL) {
        *room = copy;
    }
    return room;
}

static IPSEC_SA0 copy_sa(arena *to, const IPSEC_SA0 *from)
{
    IPSEC_SA0 copy = *from;
    switch (from->saTransformType) {
    case IPSEC_TRANSFORM_AH:
    case IPSEC_TRANSFORM_ESP_AUTH:
    case IPSEC_TRANSFORM_ESP_AUTH_FW:
        copy.ahInformation = copy_auth_information(to, from->ahInformation);
        break;
    case IPSEC_TRANSFORM_ESP_CIPHER:
        copy.espCipherInformation = copy_cipher_information(to, from->espCipherInformation);
        break;
    case IPSEC_TRANSFORM_ESP_AUTH_AND_CIPHER:
        copy.espAuthAndCipherInformation =
            copy_auth_and_cipher_information(to, from->espAuthAndCipherInformation);
        break;
    default:
        /* A transform of a later Windows: nobody knows what the pointer points to. */
        break;
    }
    return copy;
}

IPSEC_SA0 *copy_sa_list(arena *to, const IPSEC_SA0 *from, UINT32 count)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_SA0 *copy = ARENA_TAKE_ARRAY(to, IPSEC_SA0, count);
    for (UINT32 i = 0; i < count; i++) {
        IPSEC_SA0 sa = copy_sa(to, &from[i]);
        if (copy != NULL) {
            copy[i] = sa;
        }
    }
    return copy;
}

IPSEC_KEYMODULE_STATE0 *copy_keymodule_state(arena *to, const IPSEC_KEYMODULE_STATE0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IPSEC_KEYMODULE_STATE0 *room = ARENA_TAKE(to, IPSEC_KEYMODULE_STATE0);
    FWP_BYTE_BLOB state = copy_secret(to, from->stateBlob);
    if (room != NULL) {
        *room = *from;
        room->stateBlob = state;
    }
    return room;
}
