"""Main mode SAs as a listed resource: how they are read, indexed and encoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from app.repository.query.filters import Key
from app.repository.resource import ResourceKind
from app.resources.ike_sas.encoding import encode_ike_sa
from app.resources.wfp.endpoints import (
    EndpointEncoder,
    EndpointSelection,
    key_of_ends,
    protection_of,
)
from bindings.engine import Engine
from bindings.ike_decode import decode_ike_sa
from bindings.ike_records import IkeSa


@dataclass(frozen=True)
class IkeSaSelection(EndpointSelection):
    """Filters on main mode SAs. A main mode SA matches if it meets all of them."""

    LIST: ClassVar[str] = "ike-sas"


class IkeSaKind(ResourceKind):
    """Main mode SAs."""

    selection = IkeSaSelection
    with_source = staticmethod(Engine.with_ike_sas)

    def encoder(self) -> EndpointEncoder[IkeSa]:
        """Create an encoder for one refresh."""
        return EndpointEncoder(decode_ike_sa, index_key, encode_ike_sa)


def index_key(sa: IkeSa) -> Key:
    """Return the index key of a main mode SA."""
    traffic = sa.ike_traffic
    protection = protection_of(
        traffic.ip_version,
        sa.key_module_type,
        sa.ike_proposal,
        [side.authentication_method_type for pair in sa.ike_credentials for side in pair],
    )
    return key_of_ends(protection, traffic.local_address, traffic.remote_address)
