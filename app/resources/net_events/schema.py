"""The schema of net events and of their lists."""

from datetime import datetime
from typing import Annotated

from pydantic import MISSING, Field

from app.resources.net_events.names import (
    Collection,
    EmSaState,
    ErrorKind,
    FailureFlag,
    FailurePoint,
    MmSaState,
    NetEventType,
    QmSaState,
    SaRole,
    SubscriptionState,
)
from app.schemas.base import Guid, IpAddress, Raw, Shape, Uint8, Uint16, Uint32, Uint64
from app.schemas.engine import NotReadyReason
from app.schemas.hexadecimal import Hex32
from app.schemas.names import (
    AuthenticationMethod,
    Direction,
    EngineKind,
    IpVersion,
    KeyModule,
    TrafficType,
)
from app.schemas.pages import NEXT_CURSOR


CertHash = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{40}$",
        description="The thumbprint of a certificate: its SHA-1 hash in hexadecimal.",
        examples=["5a3f0c6e1b9d47a28c31f0e6d2b4a59788c10fed"],
    ),
]
Name = Annotated[
    str,
    Field(description="The principal used to authenticate.", examples=["host/db01.corp.example"]),
]


RuleName = Annotated[
    str,
    Field(
        description="The name of the rule that the filter belongs to; null if it is not known, for "
        "example because IKE has removed the filter.",
        examples=["Database servers - require encryption (out)"],
    ),
]
PolicyName = Annotated[
    str,
    Field(
        description="The name of the policy that the filter leads to; of a main mode failure, that "
        "of `providerContextKey` if it is set. null if it is not known.",
        examples=["Tunnel policy 007"],
    ),
]


class FailureError(Shape):
    """A Windows error.

    The errors of IPsec are explained, and so are the errors of certificates, keys and security
    packages that can occur in a negotiation. Other errors may have only a name.
    """

    code: Uint32
    code_hex: Hex32
    kind: ErrorKind
    name: str | None = Field(
        description="The error's name in winerror.h or ntstatus.h; null if unknown.",
        examples=["ERROR_IPSEC_IKE_NO_CERT"],
    )
    explanation: str | None = Field(
        description="What happened, in plain words. It depends on `failurePoint`: it says which "
        "side failed if that is known."
    )
    check: str | None = Field(description="What to check to find the cause.")


class FailureFlags(Shape):
    """Flags of a failure, by name."""

    value: Uint32 = Field(description="All bits.")
    names: list[FailureFlag] = Field(
        description="`benign`: no cause for concern; `multiple`: represents several failures."
    )
    unknown: Uint32 = Field(description="The bits without a name.")


class MainModeFailure(Shape):
    """FWPM_NET_EVENT_IKEEXT_MM_FAILURE2: a main mode negotiation failed."""

    failure_point: FailurePoint
    failure_point_raw: Raw | MISSING = MISSING
    flags: FailureFlags
    keying_module_type: KeyModule
    keying_module_type_raw: Raw | MISSING = MISSING
    mm_state: MmSaState
    mm_state_raw: Raw | MISSING = MISSING
    sa_role: SaRole
    sa_role_raw: Raw | MISSING = MISSING
    mm_auth_method: AuthenticationMethod
    mm_auth_method_raw: Raw | MISSING = MISSING
    end_cert_hash: CertHash | None
    mm_id: Uint64 | None = Field(description="The main mode SA; null if there was none yet.")
    mm_filter_id: Uint64 = Field(description="The main mode filter.")
    rule_name: RuleName | None
    policy_name: PolicyName | None
    local_principal_name_for_auth: Name | None
    remote_principal_name_for_auth: Name | None
    provider_context_key: Guid | None = Field(
        description="The provider context of the main mode policy."
    )


class QuickModeFailure(Shape):
    """FWPM_NET_EVENT_IKEEXT_QM_FAILURE1: a quick mode negotiation failed."""

    failure_point: FailurePoint
    failure_point_raw: Raw | MISSING = MISSING
    keying_module_type: KeyModule
    keying_module_type_raw: Raw | MISSING = MISSING
    qm_state: QmSaState
    qm_state_raw: Raw | MISSING = MISSING
    sa_role: SaRole
    sa_role_raw: Raw | MISSING = MISSING
    sa_traffic_type: TrafficType
    sa_traffic_type_raw: Raw | MISSING = MISSING
    local_sub_net: str | None = Field(
        description="The local addresses of the traffic. Null if the engine does not report them, "
        "and always outside tunnel mode."
    )
    remote_sub_net: str | None = Field(
        description="The remote addresses of the traffic; null as for `localSubNet`.",
        examples=["10.20.0.0/16"],
    )
    qm_filter_id: Uint64 = Field(description="The quick mode filter.")
    rule_name: RuleName | None
    policy_name: PolicyName | None
    mm_sa_luid: Uint64 | None = Field(
        description="The main mode SA; null if there was none yet, and before Windows 10 1803."
    )
    mm_provider_context_key: Guid | None = Field(description="null before Windows 10 1803.")


class ExtendedModeFailure(Shape):
    """FWPM_NET_EVENT_IKEEXT_EM_FAILURE1: an extended mode negotiation failed.

    Extended mode is AuthIP's second authentication, usually of the user.
    """

    failure_point: FailurePoint
    failure_point_raw: Raw | MISSING = MISSING
    flags: FailureFlags
    em_state: EmSaState
    em_state_raw: Raw | MISSING = MISSING
    sa_role: SaRole
    sa_role_raw: Raw | MISSING = MISSING
    em_auth_method: AuthenticationMethod
    em_auth_method_raw: Raw | MISSING = MISSING
    end_cert_hash: CertHash | None
    mm_id: Uint64 | None = Field(description="The main mode SA; null if there was none yet.")
    qm_filter_id: Uint64 = Field(description="The quick mode filter.")
    rule_name: RuleName | None
    policy_name: PolicyName | None
    local_principal_name_for_auth: Name | None
    remote_principal_name_for_auth: Name | None
    sa_traffic_type: TrafficType | None = Field(description="null before Windows 7.")
    sa_traffic_type_raw: Raw | MISSING = MISSING


class KernelDrop(Shape):
    """FWPM_NET_EVENT_IPSEC_KERNEL_DROP0: a packet that IPsec dropped."""

    direction: Direction
    direction_raw: Raw | MISSING = MISSING
    spi: Uint32
    spi_hex: Hex32
    filter_id: Uint64 = Field(description="The run-time id of the filter.")
    rule_name: RuleName | None
    policy_name: PolicyName | None
    layer_id: Uint16 = Field(description="The run-time id of the layer.")


class DospDrop(Shape):
    """FWPM_NET_EVENT_IPSEC_DOSP_DROP0: a packet that IPsec DoS protection dropped."""

    ip_version: IpVersion
    ip_version_raw: Raw | MISSING = MISSING
    public_host_address: IpAddress | None
    internal_host_address: IpAddress | None
    direction: Direction
    direction_raw: Raw | MISSING = MISSING


class NetEvent(Shape):
    """FWPM_NET_EVENT: a failure of IKE or IPsec.

    One of the `…Failure` and `…Drop` members is present, depending on the type. None is present
    if the type is `unknown` or the engine returned a NULL pointer. Addresses and ports are null
    if the engine did not report them.
    """

    id: str = Field(
        pattern=r"^[0-9a-f]{12}-[0-9]+$",
        description="The id of the event, valid within its epoch; later events have "
        "higher numbers.",
        examples=["b893933fedc9-17"],
    )
    time: datetime | None = Field(
        description="The time of the event; null if the engine does not report it."
    )
    type: NetEventType
    type_raw: Raw | MISSING = MISSING
    error: FailureError | None = Field(description="null if the type is unknown.")
    ip_version: IpVersion | None
    ip_version_raw: Raw | MISSING = MISSING
    ip_protocol: Uint8 | None
    local_address: IpAddress | None
    remote_address: IpAddress | None
    local_port: Uint16 | None
    remote_port: Uint16 | None
    scope_id: Uint32 | None = Field(description="The zone of link-local IPv6 addresses.")
    ike_mm_failure: MainModeFailure | MISSING = MISSING
    ike_qm_failure: QuickModeFailure | MISSING = MISSING
    ike_em_failure: ExtendedModeFailure | MISSING = MISSING
    ipsec_drop: KernelDrop | MISSING = MISSING
    idp_drop: DospDrop | MISSING = MISSING


class NetEventPosition(Shape):
    """The data of `bookmark` and `reset`. The position of the stream is the event's id."""

    time: datetime = Field(description="When the server created the event, in UTC.")


class NetEventPage(Shape):
    """A page of recent events, newest first."""

    items: list[NetEvent]
    next_cursor: str | MISSING = NEXT_CURSOR
    missed: bool = Field(
        description="Whether events after `since` may be missing because they were evicted or "
        "precede this epoch, or `cursor` belongs to another one."
    )
    collection: Collection
    how_to_enable: str | MISSING = Field(
        default=MISSING,
        description="How to enable the collection of events; present if it is disabled.",
    )
    subscription: SubscriptionState = Field(
        description="`active`: the server is subscribed to events. `inactive`: it currently is "
        "not, and may miss events. `not_supported`: this version of Windows has no subscriptions; "
        "only events that the engine had stored when the server connected to it are available."
    )
    reasons: list[NotReadyReason] = Field(
        description="Why `subscription` is not `active`; empty if it is."
    )
    host: str
    engine: EngineKind
