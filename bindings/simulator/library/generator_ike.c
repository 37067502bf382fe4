/* A main mode SA: the proposal on which two hosts agreed, and how each authenticated. */

#include "generator.h"

#include <string.h>

#include "certificates.h"
#include "generator_parts.h"

static IKEEXT_PROPOSAL0 pick_proposal(random_source *agreed)
{
    static const struct {
        IKEEXT_CIPHER_TYPE cipher;
        IKEEXT_INTEGRITY_TYPE integrity;
        IKEEXT_DH_GROUP group;
    } suites[] = {
        {IKEEXT_CIPHER_AES_128, IKEEXT_INTEGRITY_SHA1, IKEEXT_DH_GROUP_2},
        {IKEEXT_CIPHER_AES_128, IKEEXT_INTEGRITY_SHA1, IKEEXT_DH_GROUP_2},
        {IKEEXT_CIPHER_AES_128, IKEEXT_INTEGRITY_SHA_256, IKEEXT_DH_GROUP_14},
        {IKEEXT_CIPHER_AES_256, IKEEXT_INTEGRITY_SHA_256, IKEEXT_DH_GROUP_14},
        {IKEEXT_CIPHER_AES_128, IKEEXT_INTEGRITY_SHA_256, IKEEXT_DH_ECP_256},
        {IKEEXT_CIPHER_AES_256, IKEEXT_INTEGRITY_SHA_384, IKEEXT_DH_ECP_384},
        {IKEEXT_CIPHER_AES_GCM_128_16ICV, IKEEXT_INTEGRITY_SHA_256, IKEEXT_DH_ECP_256},
        {IKEEXT_CIPHER_AES_GCM_256_16ICV, IKEEXT_INTEGRITY_SHA_384, IKEEXT_DH_ECP_384},
        {IKEEXT_CIPHER_AES_192, IKEEXT_INTEGRITY_SHA_256, IKEEXT_DH_GROUP_24},
        {IKEEXT_CIPHER_3DES, IKEEXT_INTEGRITY_SHA1, IKEEXT_DH_GROUP_2},
        {IKEEXT_CIPHER_DES, IKEEXT_INTEGRITY_MD5, IKEEXT_DH_GROUP_1},
    };
    static const UINT32 lifetimes[] = {28800, 28800, 28800, 3600, 86400};
    uint32_t choice = random_below(agreed, COUNT_OF(suites));
    IKEEXT_PROPOSAL0 made;
    memset(&made, 0, sizeof made);
    made.cipherAlgorithm.algoIdentifier = suites[choice].cipher;
    made.integrityAlgorithm.algoIdentifier = suites[choice].integrity;
    made.dhGroup = suites[choice].group;
    made.maxLifetimeSeconds = lifetimes[random_below(agreed, COUNT_OF(lifetimes))];
    made.quickModeLimit = random_chance(agreed, 10) ? 10 : 0;
    return made;
}

/* ---- credentials ---- */

/* Write a name of the generator, which has no surrogates, as UTF-8. Return its length in bytes. */
static size_t write_utf8(UINT8 *to, const char16_t *from)
{
    size_t length = 0;
    for (; *from != 0; from++) {
        if (*from < 0x80) {
            to[length++] = (UINT8)*from;
        } else if (*from < 0x800) {
            to[length++] = (UINT8)(0xC0 | *from >> 6);
            to[length++] = (UINT8)(0x80 | (*from & 0x3F));
        } else {
            to[length++] = (UINT8)(0xE0 | *from >> 12);
            to[length++] = (UINT8)(0x80 | (*from >> 6 & 0x3F));
            to[length++] = (UINT8)(0x80 | (*from & 0x3F));
        }
    }
    return length;
}

/* Write CN=name as an X.501 Name in DER: a sequence of a set of a sequence of the attribute
 * 2.5.4.3 and a UTF8String (RFC 5280, 4.1.2.4). All lengths are below 128. */
static FWP_BYTE_BLOB write_subject(UINT8 *buffer, const char16_t *name)
{
    static const UINT8 head[] = {0x30, 0, 0x31, 0, 0x30, 0, 0x06, 3, 0x55, 0x04, 0x03, 0x0C, 0};
    size_t length = write_utf8(buffer + sizeof head, name);
    memcpy(buffer, head, sizeof head);
    for (size_t i = 1; i <= 5; i += 2) {
        buffer[i] = (UINT8)(sizeof head - 1 - i + length);
    }
    buffer[sizeof head - 1] = (UINT8)length;
    FWP_BYTE_BLOB made = {(UINT32)(sizeof head + length), buffer};
    return made;
}

/* Return a credential of this method, which points into `buffer`. `name` is the principal name of
 * a machine (host/web01.corp.example) or of a user. */
static IKEEXT_CREDENTIAL2 make_credential(generated_credential *buffer,
                                          IKEEXT_AUTHENTICATION_METHOD_TYPE method,
                                          const char16_t *name)
{
    static UINT8 no_secret[1200]; /* copies contain the canary instead */
    IKEEXT_CREDENTIAL2 made;
    memset(&made, 0, sizeof made);
    made.authenticationMethodType = method;
    if (method == IKEEXT_PRESHARED_KEY) {
        buffer->preshared_key.presharedKey.size = 32;
        buffer->preshared_key.presharedKey.data = no_secret;
        made.presharedKey = &buffer->preshared_key;
    } else if (uses_certificate(method)) {
        random_source hash = random_for(method, 'h');
        const char16_t *slash = name;
        while (*slash != 0 && *slash != u'/') {
            slash++;
        }
        buffer->certificate.subjectName =
            write_subject(buffer->subject, *slash == 0 ? name : slash + 1);
        for (size_t i = 0; i < buffer->certificate.subjectName.size; i++) {
            hash.state = random_mix(hash.state ^ buffer->subject[i]);
        }
        for (size_t i = 0; i < sizeof buffer->hash; i++) {
            buffer->hash[i] = (UINT8)random_next(&hash);
        }
        buffer->certificate.certHash.size = sizeof buffer->hash;
        buffer->certificate.certHash.data = buffer->hash;
        buffer->certificate.certificate.size = sizeof no_secret;
        buffer->certificate.certificate.data = no_secret;
        made.certificate = &buffer->certificate;
    } else if (method != IKEEXT_ANONYMOUS) {
        text principal = text_init(buffer->principal, COUNT_OF(buffer->principal));
        text_append(&principal, name);
        buffer->name.principalName = buffer->principal;
        made.name = &buffer->name;
    }
    return made;
}

/* Return this host's credential of this method. Its certificate is one of the host's store. */
static IKEEXT_CREDENTIAL2 make_local_credential(generated_credential *buffer,
                                                IKEEXT_AUTHENTICATION_METHOD_TYPE method)
{
    IKEEXT_CREDENTIAL2 made = make_credential(buffer, method, u"host/edge.corp.example");
    if (uses_certificate(method)) {
        const machine_certificate *own = machine_certificate_for(method);
        memcpy(buffer->hash, own->thumbprint, sizeof buffer->hash);
        memcpy(buffer->subject, own->subject, own->subject_size);
        buffer->certificate.subjectName.size = own->subject_size;
    }
    return made;
}

IKEEXT_AUTHENTICATION_METHOD_TYPE pick_method(random_source *agreed, keying keying)
{
    uint32_t roll = random_below(agreed, 100);
    switch (keying) {
    case KEYING_AUTHIP:
        return roll < 70   ? IKEEXT_KERBEROS
               : roll < 82 ? IKEEXT_CERTIFICATE
               : roll < 92 ? IKEEXT_NTLM_V2
                           : IKEEXT_SSL;
    case KEYING_IKE:
        return roll < 60 ? IKEEXT_KERBEROS : IKEEXT_CERTIFICATE;
    default:
        return roll < 40   ? IKEEXT_CERTIFICATE
               : roll < 65 ? IKEEXT_CERTIFICATE_ECDSA_P256
               : roll < 80 ? IKEEXT_CERTIFICATE_ECDSA_P384
                           : IKEEXT_EAP;
    }
}

/* Set the credentials of both hosts, for main mode and for AuthIP's extended mode. */
static void set_credentials(generated_ike_sa *sa, random_source *agreed, const peer *peer)
{
    generated_sa identity; /* holds the names, as in the contexts */
    memset(&identity, 0, sizeof identity);
    generate_identity(&identity, peer);

    IKEEXT_AUTHENTICATION_METHOD_TYPE method = pick_method(agreed, peer->keying);
    if (identity.id.mmTargetName == NULL) {
        method = IKEEXT_PRESHARED_KEY;
    }
    /* With EAP, the gateway authenticates with a certificate, the user with EAP. */
    sa->pairs[0].localCredentials = make_local_credential(
        &sa->credentials[0], method == IKEEXT_EAP ? IKEEXT_CERTIFICATE : method);
    sa->pairs[0].peerCredentials = make_credential(
        &sa->credentials[1], method,
        method == IKEEXT_EAP && identity.id.emTargetName != NULL ? identity.id.emTargetName
                                                                 : identity.machine_name);
    sa->details.ikeCredentials.numCredentials = 1;
    sa->details.ikeCredentials.credentials = sa->pairs;

    /* Only AuthIP has an extended mode. */
    if (peer->keying == KEYING_AUTHIP && identity.id.emTargetName != NULL) {
        int is_anonymous = random_chance(agreed, 15);
        sa->pairs[1].localCredentials = make_local_credential(
            &sa->credentials[2], is_anonymous ? IKEEXT_ANONYMOUS : IKEEXT_KERBEROS);
        sa->pairs[1].peerCredentials = make_credential(
            &sa->credentials[3], random_chance(agreed, 80) ? IKEEXT_KERBEROS : IKEEXT_NTLM_V2,
            identity.id.emTargetName);
        sa->pairs[1].peerCredentials.impersonationType = IKEEXT_IMPERSONATION_SOCKET_PRINCIPAL;
        sa->details.ikeCredentials.numCredentials = 2;
    }
}

/* ---- the whole ---- */

void generate_ike_sa(generated_ike_sa *out, const recipe *recipe)
{
    static UINT8 no_secret[32];
    peer peer = generate_peer(recipe);
    memset(out, 0, sizeof *out);
    random_source policy = random_for(peer.seed, 'P');
    random_source agreed = random_for(peer.mm_sa_id, 'M');

    IKEEXT_SA_DETAILS2 *details = &out->details;
    details->saId = peer.mm_sa_id;
    details->keyModuleType = (IKEEXT_KEY_MODULE_TYPE)peer.keying;
    details->ipVersion = peer.local.version;
    details->ikeTraffic.ipVersion = peer.local.version;
    if (peer.local.version == FWP_IP_VERSION_V6) {
        memcpy(details->ikeTraffic.localV6Address, peer.local.v6, sizeof peer.local.v6);
        memcpy(details->ikeTraffic.remoteV6Address, peer.remote.v6, sizeof peer.remote.v6);
    } else {
        details->ikeTraffic.localV4Address = peer.local.v4;
        details->ikeTraffic.remoteV4Address = peer.remote.v4;
    }
    details->ikeTraffic.authIpFilterId = peer.keying == KEYING_AUTHIP ? random_luid(&policy) : 0;
    details->ikeProposal = pick_proposal(&policy);
    details->ikePolicyKey = random_guid(&policy);
    set_credentials(out, &policy, &peer);

    details->cookiePair.initiator = random_next(&agreed) | 1u;
    details->cookiePair.responder = random_next(&agreed) | 1u;
    if (peer.private_v4 != 0) {
        out->udp_encapsulation.localUdpEncapPort = 4500;
        out->udp_encapsulation.remoteUdpEncapPort = (UINT16)(1024 + random_below(&agreed, 64000));
        details->v4UdpEncapsulation = &out->udp_encapsulation;
    }
    if (peer.tunnel == TUNNEL_VIRTUAL_INTERFACE) {
        details->virtualIfTunnelId = random_luid(&agreed);
    }
    details->correlationKey.size = sizeof no_secret;
    details->correlationKey.data = no_secret;
}
