"""Hand-made states of the engine, as the parts of the store read them."""

from __future__ import annotations

from datetime import UTC, datetime
from ipaddress import ip_address

from hypothesis import strategies as st

from app.repository.snapshot.builder import SnapshotBuilder
from app.repository.snapshot.model import Item, Snapshot
from app.repository.snapshot.state import CurrentState, SnapshotBuild
from app.resources.sa_contexts.counts import SaContextCounts
from app.resources.sa_contexts.index import index_key
from app.schemas.names import Baseline
from bindings import enums as wfp
from bindings.fingerprints import fingerprint
from bindings.records import (
    AuthTransform,
    CipherTransform,
    Lifetime,
    Sa,
    SaBundle,
    SaContext,
    SaDetails,
    Traffic,
)


AT = datetime(2026, 11, 23, tzinfo=UTC)
LOCAL = "10.0.0.1"

State = dict[int, Item]


def sa_details(
    remote: str = "10.0.1.1", *, local: str = LOCAL, spis: tuple[int, ...] = (1,)
) -> SaDetails:
    """Return one direction, from `local` to `remote`."""
    version = wfp.IpVersion.V6 if ":" in remote else wfp.IpVersion.V4
    gcm = AuthTransform(wfp.AuthType.AES_256, wfp.AuthConfig.GCM_AES_256, None)
    encrypted = CipherTransform(wfp.CipherType.AES_256, wfp.CipherConfig.GCM_AES_256, None)
    sa_list = tuple(Sa(spi, wfp.TransformType.ESP_AUTH_AND_CIPHER, gcm, encrypted) for spi in spis)
    traffic = Traffic(
        version,
        ip_address(local).packed,
        ip_address(remote).packed,
        wfp.TrafficType.TRANSPORT,
        *(0,) * 6,
    )
    bundle = SaBundle(
        0,
        Lifetime(3600, 0, 0),
        0,
        0,
        None,
        0,
        7,
        sa_list,
        None,
        version,
        None,
        77,
        wfp.PfsGroup.ECP_256,
        None,
        None,
    )
    return SaDetails(version, wfp.Direction.OUTBOUND, traffic, bundle, None, None, None)


def entry(body: bytes, remote: str | None = "10.0.1.1") -> Item:
    """Return the item of a context with a remote address or none, and any text."""
    details = None if remote is None else sa_details(remote)
    return Item(index_key(SaContext(1, None, details), Baseline.NIST_SP_800_77R1), body)


def mark(entry: Item) -> bytes:
    """Return the fingerprint of a context with this item."""
    return fingerprint((*entry,))


BODIES = st.sampled_from([b"{}", b'{"a":1}', b'{"bb":22}'])
STATES = st.dictionaries(
    st.integers(0, 30) | st.integers(2**63, 2**64 - 1),
    st.builds(entry, BODIES, st.none() | st.integers(0, 5).map(lambda last: f"10.0.1.{last}")),
    max_size=25,
)


def edition_of(
    state: State,
    *,
    epoch: str = "e",
    previous: SnapshotBuild | None = None,
    began: float = 0.0,
    order: list[int] | None = None,
    decoded: list[int] | None = None,
) -> SnapshotBuild:
    """Build a snapshot of a state, whose contexts come in any order.

    If a list for the ids of decoded contexts is given, fingerprints are compared.
    """
    assembly = SnapshotBuilder(
        epoch, AT, began, counts=SaContextCounts(), previous=previous and CurrentState(previous)
    )
    for sa_context_id in order or state:
        entry = state[sa_context_id]
        if decoded is not None:
            if assembly.reuse(sa_context_id, mark(entry)):
                continue
            decoded.append(sa_context_id)
        assembly.add(sa_context_id, mark(entry), entry)
    return assembly.build()


def state_of(version: Snapshot) -> State:
    """Return the contents of a snapshot."""
    return {
        sa_context_id: Item(version.index_keys[at], version.blocks[at])
        for at, sa_context_id in enumerate(version.ids)
    }
