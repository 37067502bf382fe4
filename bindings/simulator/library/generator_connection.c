/* A connection: its main mode proposal, its peer's credentials and its byte counts. */

#include "generator_connection.h"

#include <string.h>

/* FWPM_PROVIDER_MPSSVC_WF (fwpmu.h), the provider of most policies. */
static const GUID provider = {
    0xDECC16CA, 0x3F33, 0x4346, {0xBE, 0x1E, 0x8F, 0xB4, 0xAE, 0x0F, 0x3D, 0x62}};

static IKEEXT_PROPOSAL0 pick_proposal(random_source *agreed)
{
    static const IKEEXT_PROPOSAL0 proposals[] = {
        {{IKEEXT_CIPHER_AES_128, 0, 0}, {IKEEXT_INTEGRITY_SHA1}, 28800, IKEEXT_DH_GROUP_2, 0},
        {{IKEEXT_CIPHER_AES_128, 0, 0}, {IKEEXT_INTEGRITY_SHA_256}, 28800, IKEEXT_DH_GROUP_14, 0},
        {{IKEEXT_CIPHER_AES_256, 0, 0}, {IKEEXT_INTEGRITY_SHA_256}, 28800, IKEEXT_DH_GROUP_14, 0},
        {{IKEEXT_CIPHER_AES_256, 0, 0}, {IKEEXT_INTEGRITY_SHA_384}, 28800, IKEEXT_DH_ECP_384, 0},
        {{IKEEXT_CIPHER_AES_192, 0, 0}, {IKEEXT_INTEGRITY_SHA_256}, 3600, IKEEXT_DH_GROUP_24, 50},
        {{IKEEXT_CIPHER_AES_GCM_128_16ICV, 0, 0},
         {IKEEXT_INTEGRITY_SHA_256},
         28800,
         IKEEXT_DH_ECP_256,
         0},
        {{IKEEXT_CIPHER_AES_GCM_256_16ICV, 0, 0},
         {IKEEXT_INTEGRITY_SHA_384},
         28800,
         IKEEXT_DH_ECP_384,
         0},
        {{IKEEXT_CIPHER_3DES, 0, 0}, {IKEEXT_INTEGRITY_SHA1}, 28800, IKEEXT_DH_GROUP_2, 0},
        {{IKEEXT_CIPHER_DES, 0, 0}, {IKEEXT_INTEGRITY_MD5}, 86400, IKEEXT_DH_GROUP_1, 1},
    };
    return proposals[random_below(agreed, COUNT_OF(proposals))];
}

/* ---- credentials ---- */

/* Encode a name as a distinguished name in DER (X.690) with one common name in UTF-8, cut off at
 * `capacity` bytes or at 127, so that each length fits into one byte. Return its size. */
static UINT32 encode_subject(UINT8 *buffer, UINT32 capacity, const char16_t *name)
{
    enum { HEADERS = 13 };
    static const UINT8 common_name[] = {0x06, 0x03, 0x55, 0x04, 0x03}; /* 2.5.4.3 */
    UINT32 used = HEADERS;
    for (; *name != 0 && used + 3 <= capacity && used + 3 < 0x80; name++) {
        char16_t unit = *name; /* the generator's names have no surrogates */
        if (unit < 0x80) {
            buffer[used++] = (UINT8)unit;
        } else if (unit < 0x800) {
            buffer[used++] = (UINT8)(0xC0 | unit >> 6);
            buffer[used++] = (UINT8)(0x80 | (unit & 0x3F));
        } else {
            buffer[used++] = (UINT8)(0xE0 | unit >> 12);
            buffer[used++] = (UINT8)(0x80 | (unit >> 6 & 0x3F));
            buffer[used++] = (UINT8)(0x80 | (unit & 0x3F));
        }
    }
    buffer[0] = buffer[4] = 0x30; /* SEQUENCE, of one SET of one SEQUENCE */
    buffer[1] = (UINT8)(used - 2);
    buffer[2] = 0x31;
    buffer[3] = (UINT8)(used - 4);
    buffer[5] = (UINT8)(used - 6);
    memcpy(buffer + 6, common_name, sizeof common_name);
    buffer[11] = 0x0C; /* UTF8String */
    buffer[12] = (UINT8)(used - HEADERS);
    return used;
}

static void set_preshared_key(IKEEXT_CREDENTIAL2 *credential, generated_peer_credential *buffer)
{
    static UINT8 unread; /* copy_secret writes a canary instead */
    buffer->preshared_key.presharedKey.size = 24;
    buffer->preshared_key.presharedKey.data = &unread;
    credential->authenticationMethodType = IKEEXT_PRESHARED_KEY;
    credential->presharedKey = &buffer->preshared_key;
}

static void set_certificate(IKEEXT_CREDENTIAL2 *credential, generated_peer_credential *buffer,
                            IKEEXT_AUTHENTICATION_METHOD_TYPE method, const char16_t *name,
                            random_source *source)
{
    for (size_t i = 0; i < sizeof buffer->hash; i++) {
        buffer->hash[i] = (UINT8)random_next(source);
    }
    buffer->certificate.subjectName.size =
        encode_subject(buffer->subject, sizeof buffer->subject, name);
    buffer->certificate.subjectName.data = buffer->subject;
    buffer->certificate.certHash.size = sizeof buffer->hash;
    buffer->certificate.certHash.data = buffer->hash;
    credential->authenticationMethodType = method;
    credential->certificate = &buffer->certificate;
}

static void set_name(IKEEXT_CREDENTIAL2 *credential, generated_peer_credential *buffer,
                     IKEEXT_AUTHENTICATION_METHOD_TYPE method, char16_t *name)
{
    buffer->name.principalName = name;
    credential->authenticationMethodType = method;
    credential->name = &buffer->name;
}

/* Set the peer's credentials: the machine's for main mode, the user's for extended mode. */
static void set_peers(generated_connection *out, const connection *connection)
{
    static const IKEEXT_AUTHENTICATION_METHOD_TYPE certificates[] = {
        IKEEXT_CERTIFICATE, IKEEXT_CERTIFICATE, IKEEXT_CERTIFICATE_ECDSA_P256,
        IKEEXT_CERTIFICATE_ECDSA_P384};
    random_source source = random_for(connection->peer.seed, 'P');
    IKEEXT_CREDENTIAL2 *machine = &out->connection.mmPeer;
    IKEEXT_CREDENTIAL2 *user = &out->connection.emPeer;
    user->authenticationMethodType = IKEEXT_ANONYMOUS;
    generate_identity(&out->names, &connection->peer);
    char16_t *machine_name = out->names.id.mmTargetName;
    char16_t *user_name = out->names.id.emTargetName;
    if (machine_name == NULL) {
        set_preshared_key(machine, &out->mm_peer);
    } else if (connection->peer.keying == KEYING_AUTHIP) {
        set_name(machine, &out->mm_peer, IKEEXT_KERBEROS, machine_name);
    } else {
        set_certificate(machine, &out->mm_peer,
                        certificates[random_below(&source, COUNT_OF(certificates))],
                        machine_name + 5 /* past "host/" */, &source);
    }
    if (user_name != NULL && connection->peer.keying != KEYING_IKE) {
        /* The second authentication of AuthIP, or the user authentication of an IKEv2 client. */
        set_name(user, &out->em_peer,
                 connection->peer.keying == KEYING_IKEV2 ? IKEEXT_EAP
                 : random_chance(&source, 80)            ? IKEEXT_KERBEROS
                                                         : IKEEXT_NTLM_V2,
                 user_name);
        user->impersonationType = IKEEXT_IMPERSONATION_SOCKET_PRINCIPAL;
    }
}

/* ---- the whole ---- */

static void set_addresses(FWPM_CONNECTION0 *made, const peer *peer)
{
    made->ipVersion = peer->local.version;
    if (peer->local.version == FWP_IP_VERSION_V6) {
        memcpy(made->localV6Address, peer->local.v6, sizeof made->localV6Address);
        memcpy(made->remoteV6Address, peer->remote.v6, sizeof made->remoteV6Address);
    } else {
        made->localV4Address = peer->local.v4;
        made->remoteV4Address = peer->remote.v4;
    }
    made->ipsecTrafficModeType =
        peer->tunnel == TUNNEL_NONE ? IPSEC_TRAFFIC_TYPE_TRANSPORT : IPSEC_TRAFFIC_TYPE_TUNNEL;
}

void generate_connection(generated_connection *out, const connection *connection)
{
    static const IKEEXT_KEY_MODULE_TYPE modules[] = {
        IKEEXT_KEY_MODULE_IKE, IKEEXT_KEY_MODULE_AUTHIP, IKEEXT_KEY_MODULE_IKEV2};
    random_source agreed = random_for(connection->peer.seed, 'G');
    memset(out, 0, sizeof *out);
    FWPM_CONNECTION0 *made = &out->connection;
    if (connection->tree != NULL) {
        *made = *(const FWPM_CONNECTION0 *)connection->tree->root;
        return;
    }
    made->connectionId = connection->id;
    set_addresses(made, &connection->peer);
    if (random_chance(&agreed, 90)) {
        out->provider = provider;
        made->providerKey = &out->provider;
    }
    made->keyModuleType = modules[connection->peer.keying];
    made->mmCrypto = pick_proposal(&agreed);
    set_peers(out, connection);
    made->bytesTransferredIn = connection->in.reported;
    made->bytesTransferredOut = connection->out.reported;
    made->bytesTransferredTotal = connection->in.reported + connection->out.reported;
    made->startSysTime.dwLowDateTime = (DWORD)connection->started;
    made->startSysTime.dwHighDateTime = (DWORD)(connection->started >> 32);
}
