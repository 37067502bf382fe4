"""The schema of filters with the policy that they lead to."""

from pydantic import MISSING, Field

from app.resources.wfp.filter_schema import SingleValue
from app.schemas.base import Guid, IpAddress, Raw, Shape, Uint64
from app.schemas.names import ActionType, IpVersion, ProviderContextType


class TunnelEndpoints(Shape):
    """IPSEC_TUNNEL_ENDPOINTS2: the outer addresses of a tunnel, as its policy names them."""

    ip_version: IpVersion
    ip_version_raw: Raw | MISSING = MISSING
    local_address: IpAddress | None = Field(
        description="The unspecified address, `0.0.0.0` or `::`, stands for any address."
    )
    remote_address: IpAddress | None = Field(description="As for `localAddress`.")
    local_if_luid: Uint64 | MISSING = Field(
        default=MISSING, description="The LUID of the local interface; absent in Windows Vista."
    )
    remote_fqdn: str | MISSING = Field(
        default=MISSING,
        description="The DNS name of the remote endpoint; present if the policy has one.",
        examples=["gateway.branch.example"],
    )
    remote_addresses: list[IpAddress] | MISSING = Field(
        default=MISSING, description="The addresses of `remoteFqdn`; present if it is."
    )


class Policy(Shape):
    """FWPM_PROVIDER_CONTEXT3: the policy that a filter leads to.

    Proposals, authentication methods and keys are never read.
    """

    provider_context_key: Guid
    provider_context_id: Uint64
    name: str | None
    description: str | None
    type: ProviderContextType
    type_raw: Raw | MISSING = MISSING
    provider_key: Guid | None
    provider: str | MISSING = Field(
        default=MISSING,
        description="The provider's name in fwpmu.h without FWPM_PROVIDER_; absent if unknown.",
        examples=["ikeext"],
    )
    tunnel_endpoints: TunnelEndpoints | MISSING = Field(
        default=MISSING, description="Present if `type` is that of a tunnel."
    )


class PolicyAction(Shape):
    """FWPM_ACTION0: what the filter does."""

    type: ActionType
    type_raw: Raw | MISSING = MISSING


class PolicyFilter(Shape):
    """FWPM_FILTER0: a filter and the policy that it leads to, without conditions.

    On Windows, names such as `@FirewallAPI.dll,-80204` are replaced by the text that they refer to,
    if the file is in System32.
    """

    filter_id: Uint64
    filter_key: Guid
    name: str | None = Field(
        description="Usually the name of the rule.", examples=["Database servers"]
    )
    description: str | None
    layer_key: Guid
    layer: str | MISSING = Field(
        default=MISSING,
        description="The layer's name in fwpmu.h without FWPM_LAYER_; absent if unknown.",
        examples=["outbound_transport_v4"],
    )
    sub_layer_key: Guid
    provider_key: Guid | None
    provider: str | MISSING = Field(
        default=MISSING,
        description="The provider's name in fwpmu.h without FWPM_PROVIDER_; absent if unknown.",
        examples=["mpssvc_wf"],
    )
    action: PolicyAction
    effective_weight: SingleValue = Field(
        description="In a sublayer, WFP evaluates filters in descending order of their weight."
    )
    provider_context_key: Guid | None = Field(description="null: the filter leads to no policy.")
    policy: Policy | None = Field(
        description="The provider context with this key; null if there is none (any more), or the "
        "server's account may not read it."
    )
