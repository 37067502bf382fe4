"""Net events: what failed of IKE's negotiations, and what IPsec dropped, explained."""

from datetime import datetime
from typing import Annotated

from pydantic import MISSING, Field

from app.resources.net_events.names import (
    Collection,
    EmSaState,
    ErrorKind,
    FailureFlag,
    FailurePoint,
    Listening,
    MmSaState,
    NetEventType,
    QmSaState,
    SaRole,
)
from app.schemas.base import Guid, IpAddress, Raw, Shape, Uint8, Uint16, Uint32, Uint64
from app.schemas.engine import NotReadyReason
from app.schemas.names import (
    AuthenticationMethod,
    Direction,
    EngineKind,
    IpVersion,
    KeyModule,
    TrafficType,
)


CertHash = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{40}$",
        description="The SHA-1 thumbprint of a certificate, in hexadecimal.",
        examples=["5a3f0c6e1b9d47a28c31f0e6d2b4a59788c10fed"],
    ),
]
Name = Annotated[
    str, Field(description="A name that was authenticated by.", examples=["host/db01.corp.example"])
]


class FailureError(Shape):
    """The Windows error, in words. Those of IPsec are explained; others may have a name only."""

    code: Uint32
    kind: ErrorKind
    name: str | None = Field(
        description="Its name in winerror.h or ntstatus.h, where it is known.",
        examples=["ERROR_IPSEC_IKE_NO_CERT"],
    )
    explanation: str | None = Field(description="What happened, in plain words.")
    check: str | None = Field(description="Where its cause may be found.")


class FailureFlags(Shape):
    """Flags of a failure, by name."""

    value: Uint32 = Field(description="All bits.")
    names: list[FailureFlag] = Field(
        description="`benign`: no cause for concern; `multiple`: it stands for several."
    )
    unknown: Uint32 = Field(description="The bits that have no name here.")


class MainModeFailure(Shape):
    """FWPM_NET_EVENT_IKEEXT_MM_FAILURE2: the two sides could not authenticate each other."""

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
    mm_id: Uint64 = Field(description="The main mode SA.")
    mm_filter_id: Uint64 = Field(description="The main mode filter.")
    local_principal_name_for_auth: Name | None
    remote_principal_name_for_auth: Name | None
    provider_context_key: Guid | None = Field(description="Of the main mode policy.")


class QuickModeFailure(Shape):
    """FWPM_NET_EVENT_IKEEXT_QM_FAILURE1: the two sides could not agree on SAs for the traffic."""

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
        description="The traffic's local addresses, if the engine tells them. Always null except "
        "in tunnel mode: other failures do not have them."
    )
    remote_sub_net: str | None = Field(
        description="The peer's addresses, as for `localSubNet`.", examples=["10.20.0.0/16"]
    )
    qm_filter_id: Uint64 = Field(description="The quick mode filter.")
    mm_sa_luid: Uint64 | None = Field(description="The main mode SA; null before Windows 10 1803.")
    mm_provider_context_key: Guid | None = Field(description="null before Windows 10 1803.")


class ExtendedModeFailure(Shape):
    """FWPM_NET_EVENT_IKEEXT_EM_FAILURE1: AuthIP's second authentication failed, of the user."""

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
    mm_id: Uint64 = Field(description="The main mode SA.")
    qm_filter_id: Uint64 = Field(description="The quick mode filter.")
    local_principal_name_for_auth: Name | None
    remote_principal_name_for_auth: Name | None
    sa_traffic_type: TrafficType | None = Field(description="null before Windows 7.")
    sa_traffic_type_raw: Raw | MISSING = MISSING


class KernelDrop(Shape):
    """FWPM_NET_EVENT_IPSEC_KERNEL_DROP0: a packet that IPsec dropped."""

    direction: Direction
    direction_raw: Raw | MISSING = MISSING
    spi: Uint32
    filter_id: Uint64 = Field(description="The filter, by its id in the kernel.")
    layer_id: Uint16 = Field(description="The layer, by its id in the kernel.")


class DospDrop(Shape):
    """FWPM_NET_EVENT_IPSEC_DOSP_DROP0: a packet that IPsec DoS protection dropped."""

    ip_version: IpVersion
    ip_version_raw: Raw | MISSING = MISSING
    public_host_address: IpAddress | None
    internal_host_address: IpAddress | None
    direction: Direction
    direction_raw: Raw | MISSING = MISSING


class NetEvent(Shape):
    """FWPM_NET_EVENT: something of IKE or IPsec that failed.

    One of the last members is present, by the type; with `unknown` none is. The
    addresses and ports are null where the engine did not tell them.
    """

    id: str = Field(
        pattern=r"^[0-9a-f]{12}-[0-9]+$",
        description="The event in this run of the server; a later one has a higher number.",
        examples=["b893933fedc9-17"],
    )
    time: datetime | None = Field(description="When it happened, as the engine tells it.")
    type: NetEventType
    type_raw: Raw | MISSING = MISSING
    error: FailureError | None = Field(description="null where the type is not known.")
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


class NetEventPlace(Shape):
    """The data of `bookmark` and `reset`, which say it all by their id: where the stream is now."""


class NetEventPage(Shape):
    """Some of the last events, the newest first."""

    items: list[NetEvent]
    next_before: str | MISSING = Field(
        default=MISSING,
        description="The parameter `before` of the next page; present exactly when there are more.",
    )
    missed: bool = Field(
        description="Whether events after `since` may have been let go already, or were before "
        "this run of the server; or that `before` is of another run."
    )
    collection: Collection
    how_to_enable: str | MISSING = Field(
        default=MISSING, description="How to have them collected; present where they are not."
    )
    listening: Listening = Field(
        description="`active`: the engine tells this server what happens. `inactive`: it does not "
        "now, and what happens meanwhile may be missed. `not_supported`: this Windows cannot; "
        "what it held when the server began is all there is."
    )
    reasons: list[NotReadyReason] = Field(description="Why not `active`; empty where it is.")
    host: str
    engine: EngineKind
