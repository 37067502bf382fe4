"""WFP's enumerations and flags.

The docstring of each class names the C enumeration or the flags, and the header.
A number that no class lists is not an error: newer versions of Windows may return it.
"""

from enum import IntEnum, IntFlag


class IpVersion(IntEnum):
    """FWP_IP_VERSION (fwptypes.h)."""

    V4 = 0
    V6 = 1
    NONE = 2


class Direction(IntEnum):
    """FWP_DIRECTION (fwptypes.h)."""

    OUTBOUND = 0
    INBOUND = 1


class TrafficType(IntEnum):
    """IPSEC_TRAFFIC_TYPE (ipsectypes.h)."""

    TRANSPORT = 0
    TUNNEL = 1


class TransformType(IntEnum):
    """IPSEC_TRANSFORM_TYPE (ipsectypes.h)."""

    AH = 1
    ESP_AUTH = 2
    ESP_CIPHER = 3
    ESP_AUTH_AND_CIPHER = 4
    ESP_AUTH_FW = 5


AUTHENTICATING = frozenset(
    (
        TransformType.AH,
        TransformType.ESP_AUTH,
        TransformType.ESP_AUTH_FW,
        TransformType.ESP_AUTH_AND_CIPHER,
    )
)
"""The transform types with an IPSEC_AUTH_TRANSFORM0."""

ENCRYPTING = frozenset((TransformType.ESP_CIPHER, TransformType.ESP_AUTH_AND_CIPHER))
"""The transform types with an IPSEC_CIPHER_TRANSFORM0."""


class AuthType(IntEnum):
    """IPSEC_AUTH_TYPE (ipsectypes.h). The AES types are GMAC."""

    MD5 = 0
    SHA_1 = 1
    SHA_256 = 2
    AES_128 = 3
    AES_192 = 4
    AES_256 = 5


class AuthConfig(IntEnum):
    """IPSEC_AUTH_CONFIG_* (ipsectypes.h), a byte."""

    HMAC_MD5_96 = 0
    HMAC_SHA_1_96 = 1
    HMAC_SHA_256_128 = 2
    GCM_AES_128 = 3
    GCM_AES_192 = 4
    GCM_AES_256 = 5


class CipherType(IntEnum):
    """IPSEC_CIPHER_TYPE (ipsectypes.h). `CipherConfig` distinguishes CBC and GCM."""

    DES = 1
    TRIPLE_DES = 2
    AES_128 = 3
    AES_192 = 4
    AES_256 = 5


class CipherConfig(IntEnum):
    """IPSEC_CIPHER_CONFIG_* (ipsectypes.h), a byte."""

    CBC_DES = 1
    CBC_3DES = 2
    CBC_AES_128 = 3
    CBC_AES_192 = 4
    CBC_AES_256 = 5
    GCM_AES_128 = 6
    GCM_AES_192 = 7
    GCM_AES_256 = 8


class PfsGroup(IntEnum):
    """IPSEC_PFS_GROUP (ipsectypes.h). MM means the group of main mode."""

    NONE = 0
    GROUP_1 = 1
    GROUP_2 = 2
    GROUP_14 = 3
    ECP_256 = 4
    ECP_384 = 5
    MM = 6
    GROUP_24 = 7


class TokenType(IntEnum):
    """IPSEC_TOKEN_TYPE (ipsectypes.h)."""

    MACHINE = 0
    IMPERSONATION = 1


class TokenPrincipal(IntEnum):
    """IPSEC_TOKEN_PRINCIPAL (ipsectypes.h)."""

    LOCAL = 0
    PEER = 1


class TokenMode(IntEnum):
    """IPSEC_TOKEN_MODE (ipsectypes.h)."""

    MAIN = 0
    EXTENDED = 1


class NetEventType(IntEnum):
    """FWPM_NET_EVENT_TYPE (fwpmtypes.h)."""

    IKEEXT_MM_FAILURE = 0
    IKEEXT_QM_FAILURE = 1
    IKEEXT_EM_FAILURE = 2
    CLASSIFY_DROP = 3
    IPSEC_KERNEL_DROP = 4
    IPSEC_DOSP_DROP = 5
    CLASSIFY_ALLOW = 6
    CAPABILITY_DROP = 7
    CAPABILITY_ALLOW = 8
    CLASSIFY_DROP_MAC = 9
    LPM_PACKET_ARRIVAL = 10


class NetEventFlag(IntFlag):
    """FWPM_NET_EVENT_FLAG_* (fwpmtypes.h): which fields of the header are set."""

    IP_PROTOCOL_SET = 0x00000001
    LOCAL_ADDR_SET = 0x00000002
    REMOTE_ADDR_SET = 0x00000004
    LOCAL_PORT_SET = 0x00000008
    REMOTE_PORT_SET = 0x00000010
    APP_ID_SET = 0x00000020
    USER_ID_SET = 0x00000040
    SCOPE_ID_SET = 0x00000080
    IP_VERSION_SET = 0x00000100
    REAUTH_REASON_SET = 0x00000200
    PACKAGE_ID_SET = 0x00000400
    ENTERPRISE_ID_SET = 0x00000800
    POLICY_FLAGS_SET = 0x00001000
    EFFECTIVE_NAME_SET = 0x00002000


class MainModeFailureFlag(IntFlag):
    """FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_* (fwpmtypes.h)."""

    BENIGN = 0x00000001
    MULTIPLE = 0x00000002


class ExtendedModeFailureFlag(IntFlag):
    """FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_* (fwpmtypes.h).

    The values are swapped in comparison with `MainModeFailureFlag`.
    """

    MULTIPLE = 0x00000001
    BENIGN = 0x00000002


class FailurePoint(IntEnum):
    """IPSEC_FAILURE_POINT (ipsectypes.h): the side that failed."""

    NONE = 0
    ME = 1
    PEER = 2


class MmSaState(IntEnum):
    """IKEEXT_MM_SA_STATE (iketypes.h)."""

    NONE = 0
    SA_SENT = 1
    SSPI_SENT = 2
    FINAL = 3
    FINAL_SENT = 4
    COMPLETE = 5


class QmSaState(IntEnum):
    """IKEEXT_QM_SA_STATE (iketypes.h)."""

    NONE = 0
    INITIAL = 1
    FINAL = 2
    COMPLETE = 3


class EmSaState(IntEnum):
    """IKEEXT_EM_SA_STATE (iketypes.h)."""

    NONE = 0
    SENT_ATTS = 1
    SSPI_SENT = 2
    AUTH_COMPLETE = 3
    FINAL = 4
    COMPLETE = 5


class SaRole(IntEnum):
    """IKEEXT_SA_ROLE (iketypes.h)."""

    INITIATOR = 0
    RESPONDER = 1


class SaContextEvent(IntEnum):
    """IPSEC_SA_CONTEXT_EVENT_TYPE0 (ipsectypes.h)."""

    ADD = 1
    DELETE = 2


class ConnectionEvent(IntEnum):
    """FWPM_CONNECTION_EVENT_TYPE (fwpmtypes.h)."""

    ADD = 0
    DELETE = 1


class DataType(IntEnum):
    """FWP_DATA_TYPE (fwptypes.h)."""

    EMPTY = 0
    UINT8 = 1
    UINT16 = 2
    UINT32 = 3
    UINT64 = 4
    INT8 = 5
    INT16 = 6
    INT32 = 7
    INT64 = 8
    FLOAT = 9
    DOUBLE = 10
    BYTE_ARRAY16 = 11
    BYTE_BLOB = 12
    SID = 13
    SECURITY_DESCRIPTOR = 14
    TOKEN_INFORMATION = 15
    TOKEN_ACCESS_INFORMATION = 16
    UNICODE_STRING = 17
    BYTE_ARRAY6 = 18
    V4_ADDR_MASK = 256
    V6_ADDR_MASK = 257
    RANGE = 258


class MatchType(IntEnum):
    """FWP_MATCH_TYPE (fwptypes.h)."""

    EQUAL = 0
    GREATER = 1
    LESS = 2
    GREATER_OR_EQUAL = 3
    LESS_OR_EQUAL = 4
    RANGE = 5
    FLAGS_ALL_SET = 6
    FLAGS_ANY_SET = 7
    FLAGS_NONE_SET = 8
    EQUAL_CASE_INSENSITIVE = 9
    NOT_EQUAL = 10
    PREFIX = 11
    NOT_PREFIX = 12


class ActionType(IntEnum):
    """FWP_ACTION_* (fwptypes.h)."""

    BLOCK = 0x1001
    PERMIT = 0x1002
    CALLOUT_TERMINATING = 0x5003
    CALLOUT_INSPECTION = 0x6004
    CALLOUT_UNKNOWN = 0x4005
    CONTINUE = 0x2006
    NONE = 0x0007
    NONE_NO_MATCH = 0x0008


class BundleFlag(IntFlag):
    """IPSEC_SA_BUNDLE_FLAG_* (ipsectypes.h), without the four bits of the tunnel bandwidth."""

    ND_SECURE = 0x00000001
    ND_BOUNDARY = 0x00000002
    ND_PEER_NAT_BOUNDARY = 0x00000004
    GUARANTEE_ENCRYPTION = 0x00000008
    NLB = 0x00000010
    NO_MACHINE_LUID_VERIFY = 0x00000020
    NO_IMPERSONATION_LUID_VERIFY = 0x00000040
    NO_EXPLICIT_CRED_MATCH = 0x00000080
    ALLOW_NULL_TARGET_NAME_MATCH = 0x00000200
    CLEAR_DF_ON_TUNNEL = 0x00000400
    ASSUME_UDP_CONTEXT_OUTBOUND = 0x00000800
    ND_PEER_BOUNDARY = 0x00001000
    SUPPRESS_DUPLICATE_DELETION = 0x00002000
    PEER_SUPPORTS_GUARANTEE_ENCRYPTION = 0x00004000
    FORCE_INBOUND_CONNECTIONS = 0x00008000
    FORCE_OUTBOUND_CONNECTIONS = 0x00010000
    FORWARD_PATH_INITIATOR = 0x00020000
    ENABLE_OPTIONAL_ASYMMETRIC_IDLE = 0x00040000
    USING_DICTATED_KEYS = 0x00080000
    LOCALLY_DICTATED_KEYS = 0x00100000
    SA_OFFLOADED = 0x00200000
    IP_IN_IP_PKT = 0x00400000
    LOW_POWER_MODE_SUPPORT = 0x00800000


BUNDLE_TUNNEL_BANDWIDTH_SHIFT = 28
"""The bandwidth class of an IKEv2 tunnel begins at this bit of a bundle's flags."""


class FilterFlag(IntFlag):
    """FWPM_FILTER_FLAG_* (fwpmtypes.h)."""

    PERSISTENT = 0x00000001
    BOOTTIME = 0x00000002
    HAS_PROVIDER_CONTEXT = 0x00000004
    CLEAR_ACTION_RIGHT = 0x00000008
    PERMIT_IF_CALLOUT_UNREGISTERED = 0x00000010
    DISABLED = 0x00000020
    INDEXED = 0x00000040
    HAS_SECURITY_REALM_PROVIDER_CONTEXT = 0x00000080
    SYSTEMOS_ONLY = 0x00000100
    GAMEOS_ONLY = 0x00000200
    SILENT_MODE = 0x00000400
    IPSEC_NO_ACQUIRE_INITIATE = 0x00000800
    RESERVED0 = 0x00001000
    RESERVED1 = 0x00002000
    RESERVED2 = 0x00004000


class KeyModule(IntEnum):
    """IKEEXT_KEY_MODULE_TYPE (iketypes.h)."""

    IKE = 0
    AUTHIP = 1
    IKEV2 = 2


class AuthenticationMethod(IntEnum):
    """IKEEXT_AUTHENTICATION_METHOD_TYPE (iketypes.h)."""

    PRESHARED_KEY = 0
    CERTIFICATE = 1
    KERBEROS = 2
    ANONYMOUS = 3
    SSL = 4
    NTLM_V2 = 5
    IPV6_CGA = 6
    CERTIFICATE_ECDSA_P256 = 7
    CERTIFICATE_ECDSA_P384 = 8
    SSL_ECDSA_P256 = 9
    SSL_ECDSA_P384 = 10
    EAP = 11
    RESERVED = 12


class Impersonation(IntEnum):
    """IKEEXT_AUTHENTICATION_IMPERSONATION_TYPE (iketypes.h)."""

    NONE = 0
    SOCKET_PRINCIPAL = 1


class IkeCipher(IntEnum):
    """IKEEXT_CIPHER_TYPE (iketypes.h)."""

    DES = 0
    TRIPLE_DES = 1
    AES_128 = 2
    AES_192 = 3
    AES_256 = 4
    AES_GCM_128_16ICV = 5
    AES_GCM_256_16ICV = 6


class IkeIntegrity(IntEnum):
    """IKEEXT_INTEGRITY_TYPE (iketypes.h)."""

    MD5 = 0
    SHA1 = 1
    SHA_256 = 2
    SHA_384 = 3


class ProviderContextType(IntEnum):
    """FWPM_PROVIDER_CONTEXT_TYPE (fwpmtypes.h)."""

    IPSEC_KEYING_CONTEXT = 0
    IPSEC_IKE_QM_TRANSPORT_CONTEXT = 1
    IPSEC_IKE_QM_TUNNEL_CONTEXT = 2
    IPSEC_AUTHIP_QM_TRANSPORT_CONTEXT = 3
    IPSEC_AUTHIP_QM_TUNNEL_CONTEXT = 4
    IPSEC_IKE_MM_CONTEXT = 5
    IPSEC_AUTHIP_MM_CONTEXT = 6
    CLASSIFY_OPTIONS_CONTEXT = 7
    GENERAL_CONTEXT = 8
    IPSEC_IKEV2_QM_TUNNEL_CONTEXT = 9
    IPSEC_IKEV2_MM_CONTEXT = 10
    IPSEC_DOSP_CONTEXT = 11
    IPSEC_IKEV2_QM_TRANSPORT_CONTEXT = 12
    NETWORK_CONNECTION_POLICY_CONTEXT = 13


class PolicyFlag(IntFlag):
    """IPSEC_POLICY_FLAG_* (ipsectypes.h), without the four bits of a tunnel's bandwidth."""

    ND_SECURE = 0x00000002
    ND_BOUNDARY = 0x00000004
    CLEAR_DF_ON_TUNNEL = 0x00000008
    NAT_ENCAP_ALLOW_PEER_BEHIND_NAT = 0x00000010
    NAT_ENCAP_ALLOW_GENERAL_NAT_TRAVERSAL = 0x00000020
    DONT_NEGOTIATE_SECOND_LIFETIME = 0x00000040
    DONT_NEGOTIATE_BYTE_LIFETIME = 0x00000080
    ENABLE_V6_IN_V4_TUNNELING = 0x00000100
    ENABLE_SERVER_ADDR_ASSIGNMENT = 0x00000200
    TUNNEL_ALLOW_OUTBOUND_CLEAR_CONNECTION = 0x00000400
    TUNNEL_BYPASS_ALREADY_SECURE_CONNECTION = 0x00000800
    TUNNEL_BYPASS_ICMPV6 = 0x00001000
    KEY_MANAGER_ALLOW_DICTATE_KEY = 0x00002000
    KEY_MANAGER_ALLOW_NOTIFY_KEY = 0x00004000
    RESERVED1 = 0x00008000
    SITE_TO_SITE_TUNNEL = 0x00010000
    POINT_TO_SITE_TUNNEL = 0x00020000


class DhGroup(IntEnum):
    """IKEEXT_DH_GROUP (iketypes.h)."""

    NONE = 0
    GROUP_1 = 1
    GROUP_2 = 2
    GROUP_14 = 3
    ECP_256 = 4
    ECP_384 = 5
    GROUP_24 = 6
