/* A connection with the credentials of its peer. */

#include "copy.h"
#include "options.h"

static IKEEXT_PRESHARED_KEY_AUTHENTICATION1 *
copy_preshared_key(arena *arena, const IKEEXT_PRESHARED_KEY_AUTHENTICATION1 *from)
{
    IKEEXT_PRESHARED_KEY_AUTHENTICATION1 *target =
        ARENA_TAKE(arena, IKEEXT_PRESHARED_KEY_AUTHENTICATION1);
    FWP_BYTE_BLOB key = copy_secret(arena, from->presharedKey);
    if (target != NULL) {
        *target = *from;
        target->presharedKey = key;
    }
    return target;
}

static IKEEXT_CERTIFICATE_CREDENTIAL1 *copy_certificate(arena *arena,
                                                        const IKEEXT_CERTIFICATE_CREDENTIAL1 *from)
{
    IKEEXT_CERTIFICATE_CREDENTIAL1 *target = ARENA_TAKE(arena, IKEEXT_CERTIFICATE_CREDENTIAL1);
    IKEEXT_CERTIFICATE_CREDENTIAL1 copy = *from;
    copy.subjectName = copy_bytes(arena, from->subjectName);
    copy.certHash = copy_bytes(arena, from->certHash);
    copy.certificate = copy_bytes(arena, from->certificate);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}

static IKEEXT_NAME_CREDENTIAL0 *copy_name(arena *arena, const IKEEXT_NAME_CREDENTIAL0 *from)
{
    IKEEXT_NAME_CREDENTIAL0 *target = ARENA_TAKE(arena, IKEEXT_NAME_CREDENTIAL0);
    char16_t *name = copy_string(arena, from->principalName);
    if (target != NULL) {
        target->principalName = name;
    }
    return target;
}

static IKEEXT_CREDENTIAL2 copy_credential(arena *arena, const IKEEXT_CREDENTIAL2 *from)
{
    IKEEXT_CREDENTIAL2 copy = *from;
    if (from->name == NULL) {
        return copy;
    }
    switch (from->authenticationMethodType) {
    case IKEEXT_PRESHARED_KEY:
        copy.presharedKey = copy_preshared_key(arena, from->presharedKey);
        break;
    case IKEEXT_CERTIFICATE:
    case IKEEXT_CERTIFICATE_ECDSA_P256:
    case IKEEXT_CERTIFICATE_ECDSA_P384:
    case IKEEXT_SSL:
    case IKEEXT_SSL_ECDSA_P256:
    case IKEEXT_SSL_ECDSA_P384:
    case IKEEXT_IPV6_CGA:
        copy.certificate = copy_certificate(arena, from->certificate);
        break;
    case IKEEXT_KERBEROS:
    case IKEEXT_NTLM_V2:
    case IKEEXT_EAP:
    case IKEEXT_RESERVED:
        copy.name = copy_name(arena, from->name);
        break;
    default:
        /* Anonymous, or a method of a later Windows: the pointer's target is unknown. */
        break;
    }
    return copy;
}

FWPM_CONNECTION0 *copy_connection(arena *arena, const FWPM_CONNECTION0 *from)
{
    FWPM_CONNECTION0 *target = ARENA_TAKE(arena, FWPM_CONNECTION0);
    FWPM_CONNECTION0 copy = *from;
    option_order_v6(copy.ipVersion, copy.localV6Address);
    option_order_v6(copy.ipVersion, copy.remoteV6Address);
    copy.providerKey = copy_guid(arena, from->providerKey);
    copy.mmPeer = copy_credential(arena, &from->mmPeer);
    copy.emPeer = copy_credential(arena, &from->emPeer);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}
