"""Filters and their policies as JSON (`app.resources.filters.schema`)."""

from __future__ import annotations

from typing import Any, Final

import orjson

from app.resources.wfp.addresses import address_text
from app.resources.wfp.filter_encoding import render_value
from app.resources.wfp.names import ACTION_TYPE, IP_VERSION, Named
from app.schemas import names as public
from bindings import enums as wfp
from bindings.indirect_strings import display_name
from bindings.policy import PolicyFilter, ProviderContext, TunnelEndpoints
from bindings.well_known import LAYERS, PROVIDERS


_TYPE: Final = Named("type", wfp.ProviderContextType, public.ProviderContextType)


def encode_filter(found: PolicyFilter, policy: ProviderContext | None) -> bytes:
    """Encode a filter and its policy as JSON."""
    layer = LAYERS.get(found.layer_key)
    return orjson.dumps(
        {
            "filterId": str(found.filter_id),
            "filterKey": found.filter_key,
            "name": display_name(found.name),
            "description": display_name(found.description),
            "layerKey": found.layer_key,
            **({"layer": layer} if layer else {}),
            "subLayerKey": found.sub_layer_key,
            **_provider(found.provider_key),
            "action": ACTION_TYPE[found.action_type],
            "effectiveWeight": render_value(found.effective_weight, is_single=True),
            "providerContextKey": found.provider_context_key,
            "policy": None if policy is None else _policy(policy),
        }
    )


def _policy(policy: ProviderContext) -> dict[str, Any]:
    tunnel = policy.tunnel_policy
    return {
        "providerContextKey": policy.provider_context_key,
        "providerContextId": str(policy.provider_context_id),
        "name": display_name(policy.name),
        "description": display_name(policy.description),
        **_TYPE[policy.type],
        **_provider(policy.provider_key),
        **({} if tunnel is None else {"tunnelEndpoints": encode_endpoints(tunnel.endpoints)}),
    }


def _provider(key: str | None) -> dict[str, Any]:
    name = None if key is None else PROVIDERS.get(key)
    return {"providerKey": key, **({"provider": name} if name else {})}


def encode_endpoints(endpoints: TunnelEndpoints) -> dict[str, Any]:
    """Return the endpoints of a tunnel as a `TunnelEndpoints` object."""
    rendered = {
        **IP_VERSION[endpoints.ip_version],
        "localAddress": address_text(endpoints.local_address),
        "remoteAddress": address_text(endpoints.remote_address),
    }
    if endpoints.local_if_luid is not None:
        rendered["localIfLuid"] = str(endpoints.local_if_luid)
    if endpoints.remote_fqdn is not None:
        rendered["remoteFqdn"] = endpoints.remote_fqdn
        rendered["remoteAddresses"] = [*map(address_text, endpoints.remote_addresses)]
    return rendered
