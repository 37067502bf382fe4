"""Main mode SAs as a listed resource: how they are read, indexed and encoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar, Final

from app.repository.query.filters import Key, filter_field
from app.repository.resource import ResourceKind
from app.resources.ike_sas.encoding import encode_ike_sa
from app.resources.ike_sas.weaknesses import weaknesses_of
from app.resources.wfp.endpoints import (
    EndpointEncoder,
    EndpointSelection,
    key_of_ends,
    protection_of,
)
from app.schemas.names import Baseline, IkeWeaknessFilter
from bindings.engine import Engine
from bindings.ike_decode import decode_ike_sa
from bindings.ike_records import IkeSa


@dataclass(frozen=True)
class IkeSaSelection(EndpointSelection):
    """Filters on main mode SAs. A main mode SA matches if it meets all of them."""

    LIST: ClassVar[str] = "ike-sas"

    weakness: tuple[IkeWeaknessFilter, ...] = filter_field(IkeWeaknessFilter)

    def matcher(self) -> Callable[[Key], bool]:
        """Return a function that returns whether an index key matches the selection."""
        if IkeWeaknessFilter.ANY not in self.weakness:
            return super().matcher()
        each = [weakness for weakness in IkeWeaknessFilter if weakness is not IkeWeaknessFilter.ANY]
        return replace(self, weakness=tuple(each)).matcher()


class IkeSaKind(ResourceKind):
    """Main mode SAs, whose weaknesses are judged against a baseline."""

    selection = IkeSaSelection
    with_source = staticmethod(Engine.with_ike_sas)

    def __init__(self, baseline: Baseline = Baseline.NIST_SP_800_77R1) -> None:
        """Judge weaknesses against a baseline."""
        self._baseline: Final = baseline

    def encoder(self) -> EndpointEncoder[IkeSa]:
        """Create an encoder for one refresh."""
        return EndpointEncoder(
            decode_ike_sa,
            partial(index_key, baseline=self._baseline),
            partial(encode_ike_sa, baseline=self._baseline),
        )


def index_key(sa: IkeSa, baseline: Baseline = Baseline.NIST_SP_800_77R1) -> Key:
    """Return the index key of a main mode SA, with its weaknesses judged against a baseline."""
    traffic = sa.ike_traffic
    protection = protection_of(
        traffic.ip_version,
        sa.key_module_type,
        sa.ike_proposal,
        [side.authentication_method_type for pair in sa.ike_credentials for side in pair],
        weakness=weaknesses_of(sa, baseline),
    )
    peer_credentials = [pair.peer_credentials for pair in sa.ike_credentials]
    return key_of_ends(protection, traffic.local_address, traffic.remote_address, peer_credentials)
