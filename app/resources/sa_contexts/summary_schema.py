"""How many SA contexts there are of each kind."""

from pydantic import Field

from app.schemas.base import IpAddress, Shape
from app.schemas.names import Baseline
from app.schemas.pages import Snapshot


class ValueCount(Shape):
    """How many contexts a list shows that is filtered by a value."""

    value: str = Field(
        description="A value of the filter that has the name of the member.",
        examples=["gcm_aes_256"],
    )
    contexts: int = Field(ge=0)


class PeerCount(Shape):
    """How many contexts there are with a peer."""

    remote_address: IpAddress
    contexts: int = Field(ge=0)


class SaContextSummary(Shape):
    """Counts of one snapshot.

    A context counts once for each value that one of its two SAs has, so the
    counts of one kind may add up to more than there are contexts. Values that
    no context has are left out.
    """

    contexts: int = Field(ge=0, description="How many contexts there are.")
    without_sa: int = Field(
        ge=0, description="How many of them have no SA: half-built or expired ones."
    )
    with_weakness: int = Field(
        ge=0, description="How many of them have an SA with at least one weakness."
    )
    baseline: Baseline = Field(description="What weaknesses are judged against.")
    ip_version: list[ValueCount]
    traffic_type: list[ValueCount]
    transform_type: list[ValueCount]
    cipher: list[ValueCount]
    integrity: list[ValueCount]
    pfs_group: list[ValueCount]
    weakness: list[ValueCount]
    peer_count: int = Field(ge=0, description="How many remote addresses there are.")
    peers: list[PeerCount] = Field(description="Those with the most contexts, in descending order.")
    snapshot: Snapshot
