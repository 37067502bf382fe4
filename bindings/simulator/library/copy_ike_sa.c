/* A main mode SA and its credentials, in each generation. */

#include "copy.h"

#include <string.h>

static IPSEC_V4_UDP_ENCAPSULATION0 *copy_ports(arena *arena, const IKEEXT_SA_DETAILS2 *from)
{
    /* Unless the SA is IPv4, the pointer is meaningless, and is returned unread. */
    if (from->ipVersion != FWP_IP_VERSION_V4 || from->v4UdpEncapsulation == NULL) {
        return from->v4UdpEncapsulation;
    }
    IPSEC_V4_UDP_ENCAPSULATION0 *copy = ARENA_TAKE(arena, IPSEC_V4_UDP_ENCAPSULATION0);
    if (copy != NULL) {
        *copy = *from->v4UdpEncapsulation;
    }
    return copy;
}

/* ---- credentials: the structures of generation 0 are the beginning of the later ones ---- */

static void *copy_preshared_key(arena *arena, const IKEEXT_PRESHARED_KEY_AUTHENTICATION1 *from,
                                size_t size)
{
    if (from == NULL) {
        return NULL;
    }
    void *target = arena_take(arena, size, _Alignof(IKEEXT_PRESHARED_KEY_AUTHENTICATION1));
    IKEEXT_PRESHARED_KEY_AUTHENTICATION1 copy = *from;
    copy.presharedKey = copy_secret(arena, from->presharedKey);
    if (target != NULL) {
        memcpy(target, &copy, size);
    }
    return target;
}

static void *copy_certificate(arena *arena, const IKEEXT_CERTIFICATE_CREDENTIAL1 *from, size_t size)
{
    if (from == NULL) {
        return NULL;
    }
    void *target = arena_take(arena, size, _Alignof(IKEEXT_CERTIFICATE_CREDENTIAL1));
    IKEEXT_CERTIFICATE_CREDENTIAL1 copy = *from;
    copy.subjectName = copy_bytes(arena, from->subjectName);
    copy.certHash = copy_bytes(arena, from->certHash);
    /* A certificate is not secret, but readers must expose only its name and hash. */
    copy.certificate = copy_secret(arena, from->certificate);
    if (target != NULL) {
        memcpy(target, &copy, size);
    }
    return target;
}

static IKEEXT_NAME_CREDENTIAL0 *copy_name(arena *arena, const IKEEXT_NAME_CREDENTIAL0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    IKEEXT_NAME_CREDENTIAL0 *copy = ARENA_TAKE(arena, IKEEXT_NAME_CREDENTIAL0);
    char16_t *name = copy_string(arena, from->principalName);
    if (copy != NULL) {
        copy->principalName = name;
    }
    return copy;
}

static IKEEXT_CREDENTIAL2 copy_credential(arena *arena, const IKEEXT_CREDENTIAL2 *from,
                                          int is_newer)
{
    IKEEXT_CREDENTIAL2 copy = *from;
    switch (from->authenticationMethodType) {
    case IKEEXT_PRESHARED_KEY:
        copy.presharedKey =
            copy_preshared_key(arena, from->presharedKey,
                               is_newer ? sizeof(IKEEXT_PRESHARED_KEY_AUTHENTICATION1)
                                        : sizeof(IKEEXT_PRESHARED_KEY_AUTHENTICATION0));
        break;
    case IKEEXT_CERTIFICATE:
    case IKEEXT_CERTIFICATE_ECDSA_P256:
    case IKEEXT_CERTIFICATE_ECDSA_P384:
    case IKEEXT_SSL:
    case IKEEXT_SSL_ECDSA_P256:
    case IKEEXT_SSL_ECDSA_P384:
    case IKEEXT_IPV6_CGA:
        copy.certificate = copy_certificate(arena, from->certificate,
                                            is_newer ? sizeof(IKEEXT_CERTIFICATE_CREDENTIAL1)
                                                     : sizeof(IKEEXT_CERTIFICATE_CREDENTIAL0));
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

static IKEEXT_CREDENTIALS2 copy_credentials(arena *arena, IKEEXT_CREDENTIALS2 from, int is_newer)
{
    IKEEXT_CREDENTIALS2 copy = from;
    if (from.credentials == NULL) {
        return copy;
    }
    copy.credentials = ARENA_TAKE_ARRAY(arena, IKEEXT_CREDENTIAL_PAIR2, from.numCredentials);
    for (UINT32 i = 0; i < from.numCredentials; i++) {
        const IKEEXT_CREDENTIAL_PAIR2 *each = &from.credentials[i];
        IKEEXT_CREDENTIAL2 local = copy_credential(arena, &each->localCredentials, is_newer);
        IKEEXT_CREDENTIAL2 peer = copy_credential(arena, &each->peerCredentials, is_newer);
        if (copy.credentials != NULL) {
            copy.credentials[i].localCredentials = local;
            copy.credentials[i].peerCredentials = peer;
        }
    }
    return copy;
}

/* ---- the SA ---- */

IKEEXT_SA_DETAILS2 *copy_ike_sa2(arena *arena, const IKEEXT_SA_DETAILS2 *from)
{
    IKEEXT_SA_DETAILS2 *target = ARENA_TAKE(arena, IKEEXT_SA_DETAILS2);
    IKEEXT_SA_DETAILS2 copy = *from;
    copy.v4UdpEncapsulation = copy_ports(arena, from);
    copy.ikeCredentials = copy_credentials(arena, from->ikeCredentials, 1);
    copy.correlationKey = copy_secret(arena, from->correlationKey);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}

IKEEXT_SA_DETAILS1 *copy_ike_sa1(arena *arena, const IKEEXT_SA_DETAILS2 *from)
{
    _Static_assert(sizeof(IKEEXT_SA_DETAILS1) == sizeof(IKEEXT_SA_DETAILS2),
                   "equal except for names");
    return (IKEEXT_SA_DETAILS1 *)(void *)copy_ike_sa2(arena, from);
}

IKEEXT_SA_DETAILS0 *copy_ike_sa0(arena *arena, const IKEEXT_SA_DETAILS2 *from)
{
    _Static_assert(sizeof(IKEEXT_SA_DETAILS0) == offsetof(IKEEXT_SA_DETAILS2, correlationKey),
                   "the beginning of the later ones");
    IKEEXT_SA_DETAILS0 *target = ARENA_TAKE(arena, IKEEXT_SA_DETAILS0);
    IKEEXT_SA_DETAILS2 copy = *from;
    copy.v4UdpEncapsulation = copy_ports(arena, from);
    copy.ikeCredentials = copy_credentials(arena, from->ikeCredentials, 0);
    if (target != NULL) {
        memcpy(target, &copy, sizeof *target);
    }
    return target;
}
