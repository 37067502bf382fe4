"""The schema of the summary of SA contexts."""

from pydantic import Field

from app.schemas.base import IpAddress, Shape
from app.schemas.names import Baseline
from app.schemas.pages import Snapshot


class ValueCount(Shape):
    """The number of contexts that match one value of a filter."""

    value: str = Field(
        description="A value of the filter that is named like the member.",
        examples=["gcm_aes_256"],
    )
    contexts: int = Field(ge=0)


class PeerCount(Shape):
    """The number of contexts that have an SA with one remote address."""

    remote_address: IpAddress
    contexts: int = Field(ge=0)


class SaContextSummary(Shape):
    """The counts of one snapshot.

    A context counts once for each value that either of its SAs has. The counts of one member
    may therefore add up to more than the number of contexts. Values that no context has are
    omitted.
    """

    contexts: int = Field(ge=0, description="The number of contexts.")
    without_sa: int = Field(
        ge=0, description="The number of contexts without an SA: half-built or expired."
    )
    with_weakness: int = Field(
        ge=0, description="The number of contexts that have an SA with at least one weakness."
    )
    baseline: Baseline = Field(description="The baseline that weaknesses are judged against.")
    ip_version: list[ValueCount]
    traffic_type: list[ValueCount]
    transform_type: list[ValueCount]
    cipher: list[ValueCount]
    integrity: list[ValueCount]
    pfs_group: list[ValueCount]
    key_module: list[ValueCount]
    weakness: list[ValueCount]
    peer_count: int = Field(ge=0, description="The number of different remote addresses.")
    peers: list[PeerCount] = Field(
        description="The peers with the most contexts, in descending order of their counts."
    )
    snapshot: Snapshot
