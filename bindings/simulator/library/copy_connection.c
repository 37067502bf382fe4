/* A connection with the credentials of its peer. */

#include "copy.h"

static IKEEXT_PRESHARED_KEY_AUTHENTICATION1 *
copy_preshared_key(arena *to, const IKEEXT_PRESHARED_KEY_AUTHENTICATION1 *from)
{
    IKEEXT_PRESHARED_KEY_AUTHENTICATION1 *room =
        ARENA_TAKE(to, IKEEXT_PRESHARED_KEY_AUTHENTICATION1);
    FWP_BYTE_BLOB key = copy_secret(to, from->presharedKey);
    if (room != NULL) {
        *room = *from;
        room->presharedKey = key;
    }
    return room;
}

static IKEEXT_CERTIFICATE_CREDENTIAL1 *copy_certificate(arena *to,
                                                        const IKEEXT_CERTIFICATE_CREDENTIAL1 *from)
{
    IKEEXT_CERTIFICATE_CREDENTIAL1 *room = ARENA_TAKE(to, IKEEXT_CERTIFICATE_CREDENTIAL1);
    IKEEXT_CERTIFICATE_CREDENTIAL1 copy = *from;
    copy.subjectName = copy_bytes(to, from->subjectName);
    copy.certHash = copy_bytes(to, from->certHash);
    copy.certificate = copy_bytes(to, from->certificate);
    if (room != NULL) {
        *room = copy;
    }
    return room;
}

static IKEEXT_NAME_CREDENTIAL0 *copy_name(arena *to, const IKEEXT_NAME_CREDENTIAL0 *from)
{
    IKEEXT_NAME_CREDENTIAL0 *room = ARENA_TAKE(to, IKEEXT_NAME_CREDENTIAL0);
    char16_t *name = copy_string(to, from->principalName);
    if (room != NULL) {
        room->principalName = name;
    }
    return room;
}

static IKEEXT_CREDENTIAL2 copy_credential(arena *to, const IKEEXT_CREDENTIAL2 *from)
{
    IKEEXT_CREDENTIAL2 copy = *from;
    if (from->name == NULL) {
        return copy;
    }
    switch (from->authenticationMethodType) {
    case IKEEXT_PRESHARED_KEY:
        copy.presharedKey = copy_preshared_key(to, from->presharedKey);
        break;
    case IKEEXT_CERTIFICATE:
    case IKEEXT_CERTIFICATE_ECDSA_P256:
    case IKEEXT_CERTIFICATE_ECDSA_P384:
    case IKEEXT_SSL:
    case IKEEXT_SSL_ECDSA_P256:
    case IKEEXT_SSL_ECDSA_P384:
    case IKEEXT_IPV6_CGA:
        copy.certificate = copy_certificate(to, from->certificate);
        break;
    case IKEEXT_KERBEROS:
    case IKEEXT_NTLM_V2:
    case IKEEXT_EAP:
    case IKEEXT_RESERVED:
        copy.name = copy_name(to, from->name);
        break;
    default:
        /* Anonymous, or a method of a later Windows: nobody knows what is behind the pointer. */
        break;
    }
    return copy;
}

FWPM_CONNECTION0 *copy_connection(arena *to, const FWPM_CONNECTION0 *from)
{
    FWPM_CONNECTION0 *room = ARENA_TAKE(to, FWPM_CONNECTION0);
    FWPM_CONNECTION0 copy = *from;
    copy.providerKey = copy_guid(to, from->providerKey);
    copy.mmPeer = copy_credential(to, &from->mmPeer);
    copy.emPeer = copy_credential(to, &from->emPeer);
    if (room != NULL) {
        *room = copy;
    }
    return room;
}
