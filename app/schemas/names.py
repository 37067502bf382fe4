"""Public names of the values of enumerations and flags, WFP's and this server's own.

Members are named as in `bindings.enums`; their values appear in the API. Enumerations may gain
members. WFP's enumerations have `unknown` for numbers without a name; flags have no such member.
"""

from enum import StrEnum


class IpVersion(StrEnum):
    """FWP_IP_VERSION."""

    V4 = "v4"
    V6 = "v6"
    NONE = "none"
    UNKNOWN = "unknown"


class Direction(StrEnum):
    """FWP_DIRECTION."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"
    UNKNOWN = "unknown"


class TrafficType(StrEnum):
    """IPSEC_TRAFFIC_TYPE."""

    TRANSPORT = "transport"
    TUNNEL = "tunnel"
    UNKNOWN = "unknown"


class TransformType(StrEnum):
    """IPSEC_TRANSFORM_TYPE."""

    AH = "ah"
    ESP_AUTH = "esp_auth"
    ESP_CIPHER = "esp_cipher"
    ESP_AUTH_AND_CIPHER = "esp_auth_and_cipher"
    ESP_AUTH_FW = "esp_auth_fw"
    UNKNOWN = "unknown"


class AuthType(StrEnum):
    """IPSEC_AUTH_TYPE. The AES types are GMAC, alone or as part of GCM."""

    MD5 = "md5"
    SHA_1 = "sha_1"
    SHA_256 = "sha_256"
    AES_128 = "aes_128"
    AES_192 = "aes_192"
    AES_256 = "aes_256"
    UNKNOWN = "unknown"


class AuthConfig(StrEnum):
    """IPSEC_AUTH_CONFIG."""

    HMAC_MD5_96 = "hmac_md5_96"
    HMAC_SHA_1_96 = "hmac_sha_1_96"
    HMAC_SHA_256_128 = "hmac_sha_256_128"
    GCM_AES_128 = "gcm_aes_128"
    GCM_AES_192 = "gcm_aes_192"
    GCM_AES_256 = "gcm_aes_256"
    UNKNOWN = "unknown"


class CipherType(StrEnum):
    """IPSEC_CIPHER_TYPE. The cipher configuration determines the mode: CBC or GCM."""

    DES = "des"
    TRIPLE_DES = "3des"
    AES_128 = "aes_128"
    AES_192 = "aes_192"
    AES_256 = "aes_256"
    UNKNOWN = "unknown"


class CipherConfig(StrEnum):
    """IPSEC_CIPHER_CONFIG."""

    CBC_DES = "cbc_des"
    CBC_3DES = "cbc_3des"
    CBC_AES_128 = "cbc_aes_128"
    CBC_AES_192 = "cbc_aes_192"
    CBC_AES_256 = "cbc_aes_256"
    GCM_AES_128 = "gcm_aes_128"
    GCM_AES_192 = "gcm_aes_192"
    GCM_AES_256 = "gcm_aes_256"
    UNKNOWN = "unknown"


class Cipher(StrEnum):
    """IPSEC_CIPHER_CONFIG in filters and counts. `none`: no encryption."""

    NONE = "none"
    CBC_DES = "cbc_des"
    CBC_3DES = "cbc_3des"
    CBC_AES_128 = "cbc_aes_128"
    CBC_AES_192 = "cbc_aes_192"
    CBC_AES_256 = "cbc_aes_256"
    GCM_AES_128 = "gcm_aes_128"
    GCM_AES_192 = "gcm_aes_192"
    GCM_AES_256 = "gcm_aes_256"
    UNKNOWN = "unknown"


class Integrity(StrEnum):
    """IPSEC_AUTH_CONFIG in filters and counts. `none`: no integrity protection."""

    NONE = "none"
    HMAC_MD5_96 = "hmac_md5_96"
    HMAC_SHA_1_96 = "hmac_sha_1_96"
    HMAC_SHA_256_128 = "hmac_sha_256_128"
    GCM_AES_128 = "gcm_aes_128"
    GCM_AES_192 = "gcm_aes_192"
    GCM_AES_256 = "gcm_aes_256"
    UNKNOWN = "unknown"


class View(StrEnum):
    """How much of each SA context a response shows."""

    SUMMARY = "summary"
    BASIC = "basic"
    FULL = "full"


class SaContextState(StrEnum):
    """Which SAs a context has. It lacks one or both while it is being built or is expiring."""

    COMPLETE = "complete"
    INBOUND_ONLY = "inbound_only"
    OUTBOUND_ONLY = "outbound_only"
    NO_SA = "no_sa"


class PfsGroup(StrEnum):
    """IPSEC_PFS_GROUP. `mm`: the group of the main mode SA."""

    NONE = "none"
    GROUP_1 = "group_1"
    GROUP_2 = "group_2"
    GROUP_14 = "group_14"
    ECP_256 = "ecp_256"
    ECP_384 = "ecp_384"
    MM = "mm"
    GROUP_24 = "group_24"
    UNKNOWN = "unknown"


class TokenType(StrEnum):
    """IPSEC_TOKEN_TYPE."""

    MACHINE = "machine"
    IMPERSONATION = "impersonation"
    UNKNOWN = "unknown"


class TokenPrincipal(StrEnum):
    """IPSEC_TOKEN_PRINCIPAL."""

    LOCAL = "local"
    PEER = "peer"
    UNKNOWN = "unknown"


class TokenMode(StrEnum):
    """IPSEC_TOKEN_MODE."""

    MAIN = "main"
    EXTENDED = "extended"
    UNKNOWN = "unknown"


class DataType(StrEnum):
    """FWP_DATA_TYPE."""

    EMPTY = "empty"
    UINT8 = "uint8"
    UINT16 = "uint16"
    UINT32 = "uint32"
    UINT64 = "uint64"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT = "float"
    DOUBLE = "double"
    BYTE_ARRAY16 = "byte_array16"
    BYTE_BLOB = "byte_blob"
    SID = "sid"
    SECURITY_DESCRIPTOR = "security_descriptor"
    TOKEN_INFORMATION = "token_information"  # noqa: S105  # not a password
    TOKEN_ACCESS_INFORMATION = "token_access_information"  # noqa: S105  # not a password
    UNICODE_STRING = "unicode_string"
    BYTE_ARRAY6 = "byte_array6"
    V4_ADDR_MASK = "v4_addr_mask"
    V6_ADDR_MASK = "v6_addr_mask"
    RANGE = "range"
    UNKNOWN = "unknown"


class MatchType(StrEnum):
    """FWP_MATCH_TYPE."""

    EQUAL = "equal"
    GREATER = "greater"
    LESS = "less"
    GREATER_OR_EQUAL = "greater_or_equal"
    LESS_OR_EQUAL = "less_or_equal"
    RANGE = "range"
    FLAGS_ALL_SET = "flags_all_set"
    FLAGS_ANY_SET = "flags_any_set"
    FLAGS_NONE_SET = "flags_none_set"
    EQUAL_CASE_INSENSITIVE = "equal_case_insensitive"
    NOT_EQUAL = "not_equal"
    PREFIX = "prefix"
    NOT_PREFIX = "not_prefix"
    UNKNOWN = "unknown"


class ActionType(StrEnum):
    """FWP_ACTION_TYPE."""

    BLOCK = "block"
    PERMIT = "permit"
    CALLOUT_TERMINATING = "callout_terminating"
    CALLOUT_INSPECTION = "callout_inspection"
    CALLOUT_UNKNOWN = "callout_unknown"
    CONTINUE = "continue"
    NONE = "none"
    NONE_NO_MATCH = "none_no_match"
    UNKNOWN = "unknown"


class BundleFlag(StrEnum):
    """IPSEC_SA_BUNDLE_FLAG_*."""

    ND_SECURE = "nd_secure"
    ND_BOUNDARY = "nd_boundary"
    ND_PEER_NAT_BOUNDARY = "nd_peer_nat_boundary"
    GUARANTEE_ENCRYPTION = "guarantee_encryption"
    NLB = "nlb"
    NO_MACHINE_LUID_VERIFY = "no_machine_luid_verify"
    NO_IMPERSONATION_LUID_VERIFY = "no_impersonation_luid_verify"
    NO_EXPLICIT_CRED_MATCH = "no_explicit_cred_match"
    ALLOW_NULL_TARGET_NAME_MATCH = "allow_null_target_name_match"
    CLEAR_DF_ON_TUNNEL = "clear_df_on_tunnel"
    ASSUME_UDP_CONTEXT_OUTBOUND = "assume_udp_context_outbound"
    ND_PEER_BOUNDARY = "nd_peer_boundary"
    SUPPRESS_DUPLICATE_DELETION = "suppress_duplicate_deletion"
    PEER_SUPPORTS_GUARANTEE_ENCRYPTION = "peer_supports_guarantee_encryption"
    FORCE_INBOUND_CONNECTIONS = "force_inbound_connections"
    FORCE_OUTBOUND_CONNECTIONS = "force_outbound_connections"
    FORWARD_PATH_INITIATOR = "forward_path_initiator"
    ENABLE_OPTIONAL_ASYMMETRIC_IDLE = "enable_optional_asymmetric_idle"
    USING_DICTATED_KEYS = "using_dictated_keys"
    LOCALLY_DICTATED_KEYS = "locally_dictated_keys"
    SA_OFFLOADED = "sa_offloaded"
    IP_IN_IP_PKT = "ip_in_ip_pkt"
    LOW_POWER_MODE_SUPPORT = "low_power_mode_support"


class FilterFlag(StrEnum):
    """FWPM_FILTER_FLAG_*."""

    PERSISTENT = "persistent"
    BOOTTIME = "boottime"
    HAS_PROVIDER_CONTEXT = "has_provider_context"
    CLEAR_ACTION_RIGHT = "clear_action_right"
    PERMIT_IF_CALLOUT_UNREGISTERED = "permit_if_callout_unregistered"
    DISABLED = "disabled"
    INDEXED = "indexed"
    HAS_SECURITY_REALM_PROVIDER_CONTEXT = "has_security_realm_provider_context"
    SYSTEMOS_ONLY = "systemos_only"
    GAMEOS_ONLY = "gameos_only"
    SILENT_MODE = "silent_mode"
    IPSEC_NO_ACQUIRE_INITIATE = "ipsec_no_acquire_initiate"
    RESERVED0 = "reserved0"
    RESERVED1 = "reserved1"
    RESERVED2 = "reserved2"


class KeyModule(StrEnum):
    """IKEEXT_KEY_MODULE_TYPE."""

    IKE = "ike"
    AUTHIP = "authip"
    IKEV2 = "ikev2"
    UNKNOWN = "unknown"


class IkeCipher(StrEnum):
    """IKEEXT_CIPHER_TYPE."""

    DES = "des"
    TRIPLE_DES = "3des"
    AES_128 = "aes_128"
    AES_192 = "aes_192"
    AES_256 = "aes_256"
    AES_GCM_128_16ICV = "aes_gcm_128_16icv"
    AES_GCM_256_16ICV = "aes_gcm_256_16icv"
    UNKNOWN = "unknown"


class IkeIntegrity(StrEnum):
    """IKEEXT_INTEGRITY_TYPE."""

    MD5 = "md5"
    SHA1 = "sha_1"  # named like IPSEC_AUTH_SHA_1, though WFP has IKEEXT_INTEGRITY_SHA1
    SHA_256 = "sha_256"
    SHA_384 = "sha_384"
    UNKNOWN = "unknown"


class ProviderContextType(StrEnum):
    """FWPM_PROVIDER_CONTEXT_TYPE. `qm` means quick mode, `mm` main mode."""

    IPSEC_KEYING_CONTEXT = "ipsec_keying"
    IPSEC_IKE_QM_TRANSPORT_CONTEXT = "ipsec_ike_qm_transport"
    IPSEC_IKE_QM_TUNNEL_CONTEXT = "ipsec_ike_qm_tunnel"
    IPSEC_AUTHIP_QM_TRANSPORT_CONTEXT = "ipsec_authip_qm_transport"
    IPSEC_AUTHIP_QM_TUNNEL_CONTEXT = "ipsec_authip_qm_tunnel"
    IPSEC_IKE_MM_CONTEXT = "ipsec_ike_mm"
    IPSEC_AUTHIP_MM_CONTEXT = "ipsec_authip_mm"
    CLASSIFY_OPTIONS_CONTEXT = "classify_options"
    GENERAL_CONTEXT = "general"
    IPSEC_IKEV2_QM_TUNNEL_CONTEXT = "ipsec_ikev2_qm_tunnel"
    IPSEC_IKEV2_MM_CONTEXT = "ipsec_ikev2_mm"
    IPSEC_DOSP_CONTEXT = "ipsec_dosp"
    IPSEC_IKEV2_QM_TRANSPORT_CONTEXT = "ipsec_ikev2_qm_transport"
    NETWORK_CONNECTION_POLICY_CONTEXT = "network_connection_policy"
    UNKNOWN = "unknown"


class DhGroup(StrEnum):
    """IKEEXT_DH_GROUP."""

    NONE = "none"
    GROUP_1 = "group_1"
    GROUP_2 = "group_2"
    GROUP_14 = "group_14"
    ECP_256 = "ecp_256"
    ECP_384 = "ecp_384"
    GROUP_24 = "group_24"
    UNKNOWN = "unknown"


class AuthenticationMethod(StrEnum):
    """IKEEXT_AUTHENTICATION_METHOD_TYPE."""

    PRESHARED_KEY = "preshared_key"
    CERTIFICATE = "certificate"
    KERBEROS = "kerberos"
    ANONYMOUS = "anonymous"
    SSL = "ssl"
    NTLM_V2 = "ntlm_v2"
    IPV6_CGA = "ipv6_cga"
    CERTIFICATE_ECDSA_P256 = "certificate_ecdsa_p256"
    CERTIFICATE_ECDSA_P384 = "certificate_ecdsa_p384"
    SSL_ECDSA_P256 = "ssl_ecdsa_p256"
    SSL_ECDSA_P384 = "ssl_ecdsa_p384"
    EAP = "eap"
    RESERVED = "reserved"
    UNKNOWN = "unknown"


class Impersonation(StrEnum):
    """IKEEXT_AUTHENTICATION_IMPERSONATION_TYPE."""

    NONE = "none"
    SOCKET_PRINCIPAL = "socket_principal"
    UNKNOWN = "unknown"


class Monitoring(StrEnum):
    """Whether the engine tracks the listed objects. `unknown`: the engine does not report this."""

    ON = "on"
    OFF = "off"
    UNKNOWN = "unknown"


class EngineKind(StrEnum):
    """The kind of engine behind the API: Windows, the simulator, or another library."""

    WINDOWS = "windows"
    SIMULATOR = "simulator"
    OTHER = "other"


class Ipv6OrderReason(StrEnum):
    """Why the server uses a byte order of IPv6 addresses: a setting, or evidence in SA contexts."""

    SETTING = "setting"
    EVIDENCE = "evidence"
    TOO_LITTLE_EVIDENCE = "too_little_evidence"
    CONTRADICTORY_EVIDENCE = "contradictory_evidence"


class EndReason(StrEnum):
    """Why an SA context probably ended; Windows does not report it.

    The first that holds: `rekeyed`: another context replaced it. `main_mode_gone`: IKEv2 only, its
    main mode SA had ended, too, and there was no other with the peer. `idle_timeout`: the bytes of
    its connection had stood still for its idle timeout. `lifetime_expired`: the server saw its
    creation, and it reached its lifetime. `deleted_here`: this server deleted it, which no version
    does yet. `engine_restarted`: the Base Filtering Engine restarted. `unknown`: none of them.
    """

    REKEYED = "rekeyed"
    MAIN_MODE_GONE = "main_mode_gone"
    IDLE_TIMEOUT = "idle_timeout"
    LIFETIME_EXPIRED = "lifetime_expired"
    DELETED_HERE = "deleted_here"
    ENGINE_RESTARTED = "engine_restarted"
    UNKNOWN = "unknown"


class Weakness(StrEnum):
    """A weakness of the SA bundle of one direction, according to a baseline.

    The names are this server's own, modelled on WFP's. There is no `unknown`: a value that the
    server does not know is not reported as a weakness. Lists of weaknesses are in this order.
    """

    DES = "des"
    TRIPLE_DES = "3des"
    MD5 = "md5"
    SHA_1 = "sha_1"
    NO_ENCRYPTION = "no_encryption"
    NO_INTEGRITY = "no_integrity"
    AH = "ah"
    INTEGRITY_FROM_AH = "integrity_from_ah"
    NO_PFS = "no_pfs"
    PFS_GROUP_1 = "pfs_group_1"
    PFS_GROUP_2 = "pfs_group_2"
    PFS_GROUP_24 = "pfs_group_24"
    LONG_LIFETIME = "long_lifetime"
    IKEV1 = "ikev1"


class WeaknessFilter(StrEnum):
    """A weakness in filters. `any`: at least one, whichever it is."""

    ANY = "any"
    DES = "des"
    TRIPLE_DES = "3des"
    MD5 = "md5"
    SHA_1 = "sha_1"
    NO_ENCRYPTION = "no_encryption"
    NO_INTEGRITY = "no_integrity"
    AH = "ah"
    INTEGRITY_FROM_AH = "integrity_from_ah"
    NO_PFS = "no_pfs"
    PFS_GROUP_1 = "pfs_group_1"
    PFS_GROUP_2 = "pfs_group_2"
    PFS_GROUP_24 = "pfs_group_24"
    LONG_LIFETIME = "long_lifetime"
    IKEV1 = "ikev1"


class IkeWeakness(StrEnum):
    """A weakness of a main mode SA, according to a baseline. As `Weakness`, but of IKE itself."""

    DES = "des"
    TRIPLE_DES = "3des"
    MD5 = "md5"
    SHA_1 = "sha_1"
    NO_DH_GROUP = "no_dh_group"
    DH_GROUP_1 = "dh_group_1"
    DH_GROUP_2 = "dh_group_2"
    DH_GROUP_24 = "dh_group_24"
    PRESHARED_KEY = "preshared_key"
    LONG_LIFETIME = "long_lifetime"
    IKEV1 = "ikev1"


class IkeWeaknessFilter(StrEnum):
    """A weakness of a main mode SA in filters. `any`: at least one, whichever it is."""

    ANY = "any"
    DES = "des"
    TRIPLE_DES = "3des"
    MD5 = "md5"
    SHA_1 = "sha_1"
    NO_DH_GROUP = "no_dh_group"
    DH_GROUP_1 = "dh_group_1"
    DH_GROUP_2 = "dh_group_2"
    DH_GROUP_24 = "dh_group_24"
    PRESHARED_KEY = "preshared_key"
    LONG_LIFETIME = "long_lifetime"
    IKEV1 = "ikev1"


class Baseline(StrEnum):
    """The published guidance by which the server finds weaknesses.

    `nist_sp_800_77r1`: NIST SP 800-77 Rev. 1, Guide to IPsec VPNs. `rfc_8221`: RFC 8221 with
    RFC 8247 and RFC 9395.
    """

    NIST_SP_800_77R1 = "nist_sp_800_77r1"
    RFC_8221 = "rfc_8221"


class PeerState(StrEnum):
    """The state of a peer: the first that holds."""

    PROTECTED = "protected"
    """It has an SA context with both SAs."""
    PARTIAL = "partial"
    """It has SA contexts, but none with both SAs."""
    NEGOTIATING = "negotiating"
    """It has main mode SAs only."""
    FAILING = "failing"
    """It has no SA, and a negotiation failed in the last hour."""
    DOWN = "down"
    """It is expected, but has no SA."""


class TunnelState(StrEnum):
    """The state of a configured tunnel: the first that holds."""

    UP = "up"
    """An SA context in tunnel mode between its endpoints has both SAs."""
    TEMPLATE = "template"
    """An endpoint is any address or a name; the remote one is not expected or has no address."""
    FAILING = "failing"
    """A negotiation between its endpoints failed in the last hour, and it was not up after that."""
    DOWN = "down"
    """It is expected."""
    IDLE = "idle"
    """None of these: without traffic, it has no SA."""


class PeerSort(StrEnum):
    """The order of a list of peers. The minus sign means: the highest value first."""

    BYTES = "-bytes"
    SA_CONTEXTS = "-saContexts"
    FAILURES = "-failures"
    LAST_CHANGE = "-lastChange"
