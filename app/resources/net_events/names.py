"""The public names of what net events say."""

from enum import StrEnum


class NetEventType(StrEnum):
    """FWPM_NET_EVENT_TYPE, as far as it is about IPsec."""

    IKE_MAIN_MODE_FAILURE = "ike_main_mode_failure"
    IKE_QUICK_MODE_FAILURE = "ike_quick_mode_failure"
    IKE_EXTENDED_MODE_FAILURE = "ike_extended_mode_failure"
    IPSEC_KERNEL_DROP = "ipsec_kernel_drop"
    IPSEC_DOSP_DROP = "ipsec_dosp_drop"
    UNKNOWN = "unknown"


class ErrorKind(StrEnum):
    """Which of Windows' numberings a code is of: winerror.h's or ntstatus.h's."""

    WIN32 = "win32"
    NTSTATUS = "ntstatus"


class FailurePoint(StrEnum):
    """IPSEC_FAILURE_POINT: who gave up."""

    NONE = "none"
    ME = "me"
    PEER = "peer"
    UNKNOWN = "unknown"


class FailureFlag(StrEnum):
    """FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG and …_EM_FAILURE_FLAG, whose bits differ."""

    BENIGN = "benign"
    MULTIPLE = "multiple"


class MmSaState(StrEnum):
    """IKEEXT_MM_SA_STATE: how far main mode came."""

    NONE = "none"
    SA_SENT = "sa_sent"
    SSPI_SENT = "sspi_sent"
    FINAL = "final"
    FINAL_SENT = "final_sent"
    COMPLETE = "complete"
    UNKNOWN = "unknown"


class QmSaState(StrEnum):
    """IKEEXT_QM_SA_STATE: how far quick mode came."""

    NONE = "none"
    INITIAL = "initial"
    FINAL = "final"
    COMPLETE = "complete"
    UNKNOWN = "unknown"


class EmSaState(StrEnum):
    """IKEEXT_EM_SA_STATE: how far extended mode came."""

    NONE = "none"
    SENT_ATTS = "sent_atts"
    SSPI_SENT = "sspi_sent"
    AUTH_COMPLETE = "auth_complete"
    FINAL = "final"
    COMPLETE = "complete"
    UNKNOWN = "unknown"


class SaRole(StrEnum):
    """IKEEXT_SA_ROLE: which side this host was."""

    INITIATOR = "initiator"
    RESPONDER = "responder"
    UNKNOWN = "unknown"


class Collection(StrEnum):
    """FWPM_ENGINE_COLLECT_NET_EVENTS, as the engine last told it."""

    ENABLED = "enabled"
    DISABLED = "disabled"


class Listening(StrEnum):
    """Whether the engine tells this server what happens."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    NOT_SUPPORTED = "not_supported"
