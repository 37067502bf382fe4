"""Public names of the enumerations in net events."""

from enum import StrEnum


class NetEventType(StrEnum):
    """FWPM_NET_EVENT_TYPE, limited to the types that concern IPsec."""

    IKE_MAIN_MODE_FAILURE = "ike_main_mode_failure"
    IKE_QUICK_MODE_FAILURE = "ike_quick_mode_failure"
    IKE_EXTENDED_MODE_FAILURE = "ike_extended_mode_failure"
    IPSEC_KERNEL_DROP = "ipsec_kernel_drop"
    IPSEC_DOSP_DROP = "ipsec_dosp_drop"
    UNKNOWN = "unknown"


class ErrorKind(StrEnum):
    """The namespace of an error code: Win32 (winerror.h) or NTSTATUS (ntstatus.h)."""

    WIN32 = "win32"
    NTSTATUS = "ntstatus"


class FailurePoint(StrEnum):
    """IPSEC_FAILURE_POINT: the side on which the negotiation failed."""

    NONE = "none"
    ME = "me"
    PEER = "peer"
    UNKNOWN = "unknown"


class FailureFlag(StrEnum):
    """FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_* and …_EM_FAILURE_FLAG_*. Their bits differ."""

    BENIGN = "benign"
    MULTIPLE = "multiple"


class MmSaState(StrEnum):
    """IKEEXT_MM_SA_STATE: how far main mode progressed."""

    NONE = "none"
    SA_SENT = "sa_sent"
    SSPI_SENT = "sspi_sent"
    FINAL = "final"
    FINAL_SENT = "final_sent"
    COMPLETE = "complete"
    UNKNOWN = "unknown"


class QmSaState(StrEnum):
    """IKEEXT_QM_SA_STATE: how far quick mode progressed."""

    NONE = "none"
    INITIAL = "initial"
    FINAL = "final"
    COMPLETE = "complete"
    UNKNOWN = "unknown"


class EmSaState(StrEnum):
    """IKEEXT_EM_SA_STATE: how far extended mode progressed."""

    NONE = "none"
    SENT_ATTS = "sent_atts"
    SSPI_SENT = "sspi_sent"
    AUTH_COMPLETE = "auth_complete"
    FINAL = "final"
    COMPLETE = "complete"
    UNKNOWN = "unknown"


class SaRole(StrEnum):
    """IKEEXT_SA_ROLE: the role of this host."""

    INITIATOR = "initiator"
    RESPONDER = "responder"
    UNKNOWN = "unknown"


class Collection(StrEnum):
    """FWPM_ENGINE_COLLECT_NET_EVENTS, as last read from the engine; `enabled` if unknown."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class SubscriptionState(StrEnum):
    """Whether this server has a live subscription to net events."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    NOT_SUPPORTED = "not_supported"
