/* A main mode SA: what two hosts agreed on to agree further, and how each proved who it is. */

#include "generator.h"

#include <string.h>

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
    uint32_t which = random_below(agreed, COUNT_OF(suites));
    IKEEXT_PROPOSAL0 made;
    memset(&made, 0, sizeof made);
    made.cipherAlgorithm.algoIdentifier = suites[which].cipher;
    made.integrityAlgorithm.algoIdentifier = suites[which].integrity;
    made.dhGroup = suites[which].group;
    made.maxLifetimeSeconds = lifetimes[random_below(agreed, COUNT_OF(lifetimes))];
    made.quickModeLimit = random_chance(agreed, 10) ? 10 : 0;
    return made;
}

/* ---- credentials ---- */

/* UTF-8 of what this generator writes: UTF-16 without surrogates. Tells its length. */
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

/* CN=name as an X.501 Name in DER: a sequence of a set of a sequence of the
 * attribute 2.5.4.3 and an UTF8String (RFC 5280, 4.1.2.4). All lengths are below 128. */
static FWP_BYTE_BLOB write_subject(UINT8 *room, const char16_t *name)
{
    static const UINT8 head[] = {0x30, 0, 0x31, 0, 0x30, 0, 0x06, 3, 0x55, 0x04, 0x03, 0x0C, 0};
    size_t length = write_utf8(room + sizeof head, name);
    memcpy(room, head, sizeof head);
    for (size_t i = 1; i <= 5; i += 2) {
        room[i] = (UINT8)(sizeof head - 1 - i + length);
    }
    room[sizeof head - 1] = (UINT8)length;
    FWP_BYTE_BLOB made = {(UINT32)(sizeof head + length), room};
    return made;
}

static int is_by_certificate(IKEEXT_AUTHENTICATION_METHOD_TYPE method)
{
    return method == IKEEXT_CERTIFICATE || method == IKEEXT_CERTIFICATE_ECDSA_P256
           || method == IKEEXT_CERTIFICATE_ECDSA_P384 || method == IKEEXT_SSL;
}

/* `name` is a machine's with its service, host/web01.corp.example, or a user's. */
static IKEEXT_CREDENTIAL2 prove(generated_credential *room,
                                IKEEXT_AUTHENTICATION_METHOD_TYPE method, const char16_t *name)
{
    static UINT8 no_secret[1200]; /* copies fill the canary */
    IKEEXT_CREDENTIAL2 made;
    memset(&made, 0, sizeof made);
    made.authenticationMethodType = method;
    if (method == IKEEXT_PRESHARED_KEY) {
        room->preshared_key.presharedKey.size = 32;
        room->preshared_key.presharedKey.data = no_secret;
        made.presharedKey = &room->preshared_key;
    } else if (is_by_certificate(method)) {
        random_source hash = random_for(method, 'h');
        const char16_t *slash = name;
        while (*slash != 0 && *slash != u'/') {
            slash++;
        }
        room->certificate.subjectName =
            write_subject(room->subject, *slash == 0 ? name : slash + 1);
        for (size_t i = 0; i < room->certificate.subjectName.size; i++) {
            hash.state = random_mix(hash.state ^ room->subject[i]);
        }
        for (size_t i = 0; i < sizeof room->hash; i++) {
            room->hash[i] = (UINT8)random_next(&hash);
        }
        room->certificate.certHash.size = sizeof room->hash;
        room->certificate.certHash.data = room->hash;
        room->certificate.certificate.size = sizeof no_secret;
        room->certificate.certificate.data = no_secret;
        made.certificate = &room->certificate;
    } else if (method != IKEEXT_ANONYMOUS) {
        text principal = text_into(room->principal, COUNT_OF(room->principal));
        text_add(&principal, name);
        room->name.principalName = room->principal;
        made.name = &room->name;
    }
    return made;
}

IKEEXT_AUTHENTICATION_METHOD_TYPE pick_method(random_source *agreed, keying keying)
{
    uint32_t dice = random_below(agreed, 100);
    switch (keying) {
    case KEYING_AUTHIP:
        return dice < 70   ? IKEEXT_KERBEROS
               : dice < 82 ? IKEEXT_CERTIFICATE
               : dice < 92 ? IKEEXT_NTLM_V2
                           : IKEEXT_SSL;
    case KEYING_IKE:
        return dice < 60 ? IKEEXT_KERBEROS : IKEEXT_CERTIFICATE;
    default:
        return dice < 40   ? IKEEXT_CERTIFICATE
               : dice < 65 ? IKEEXT_CERTIFICATE_ECDSA_P256
               : dice < 80 ? IKEEXT_CERTIFICATE_ECDSA_P384
                           : IKEEXT_EAP;
    }
}

static void set_credentials(generated_ike_sa *sa, random_source *agreed, const peer *with)
{
    static const char16_t here[] = u"host/edge.corp.example";
    generated_sa known; /* for the names that the contexts have, too */
    memset(&known, 0, sizeof known);
    generate_identity(&known, with);

    IKEEXT_AUTHENTICATION_METHOD_TYPE method = pick_method(agreed, with->keying);
    if (known.id.mmTargetName == NULL) {
        method = IKEEXT_PRESHARED_KEY;
    }
    /* With EAP a gateway proves itself by a certificate, the user by the method. */
    sa->pairs[0].localCredentials =
        prove(&sa->credentials[0], method == IKEEXT_EAP ? IKEEXT_CERTIFICATE : method, here);
    sa->pairs[0].peerCredentials =
        prove(&sa->credentials[1], method,
              method == IKEEXT_EAP && known.id.emTargetName != NULL ? known.id.emTargetName
                                                                    : known.machine_name);
    sa->details.ikeCredentials.numCredentials = 1;
    sa->details.ikeCredentials.credentials = sa->pairs;

    /* Only AuthIP has an extended mode. */
    if (with->keying == KEYING_AUTHIP && known.id.emTargetName != NULL) {
        int is_anonymous = random_chance(agreed, 15);
        sa->pairs[1].localCredentials =
            prove(&sa->credentials[2], is_anonymous ? IKEEXT_ANONYMOUS : IKEEXT_KERBEROS, here);
        sa->pairs[1].peerCredentials =
            prove(&sa->credentials[3], random_chance(agreed, 80) ? IKEEXT_KERBEROS : IKEEXT_NTLM_V2,
                  known.id.emTargetName);
        sa->pairs[1].peerCredentials.impersonationType = IKEEXT_IMPERSONATION_SOCKET_PRINCIPAL;
        sa->details.ikeCredentials.numCredentials = 2;
    }
}

/* ---- the whole ---- */

void generate_ike_sa(generated_ike_sa *into, const recipe *of)
{
    static UINT8 no_secret[32];
    peer with = generate_peer(of);
    memset(into, 0, sizeof *into);
    random_source policy = random_for(with.seed, 'P');
    random_source agreed = random_for(with.mm_sa_id, 'M');

    IKEEXT_SA_DETAILS2 *details = &into->details;
    details->saId = with.mm_sa_id;
    details->keyModuleType = (IKEEXT_KEY_MODULE_TYPE)with.keying;
    details->ipVersion = with.local.version;
    details->ikeTraffic.ipVersion = with.local.version;
    if (with.local.version == FWP_IP_VERSION_V6) {
        memcpy(details->ikeTraffic.localV6Address, with.local.v6, sizeof with.local.v6);
        memcpy(details->ikeTraffic.remoteV6Address, with.remote.v6, sizeof with.remote.v6);
    } else {
        details->ikeTraffic.localV4Address = with.local.v4;
        details->ikeTraffic.remoteV4Address = with.remote.v4;
    }
    details->ikeTraffic.authIpFilterId = with.keying == KEYING_AUTHIP ? random_luid(&policy) : 0;
    details->ikeProposal = pick_proposal(&policy);
    details->ikePolicyKey = random_guid(&policy);
    set_credentials(into, &policy, &with);

    details->cookiePair.initiator = random_next(&agreed) | 1u;
    details->cookiePair.responder = random_next(&agreed) | 1u;
    if (with.private_v4 != 0) {
        into->udp_encapsulation.localUdpEncapPort = 4500;
        into->udp_encapsulation.remoteUdpEncapPort = (UINT16)(1024 + random_below(&agreed, 64000));
        details->v4UdpEncapsulation = &into->udp_encapsulation;
    }
    if (with.tunnel == TUNNEL_VIRTUAL_INTERFACE) {
        details->virtualIfTunnelId = random_luid(&agreed);
    }
    details->correlationKey.size = sizeof no_secret;
    details->correlationKey.data = no_secret;
}
