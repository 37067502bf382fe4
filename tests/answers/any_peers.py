"""Any SA contexts, main mode SAs and failures of a few peers: strategies for hypothesis."""

from __future__ import annotations

from ipaddress import ip_address

from hypothesis import strategies as st

from bindings import enums as wfp
from bindings.ike_records import (
    CookiePair,
    Credential,
    CredentialPair,
    IkeProposal,
    IkeSa,
    IkeTraffic,
)
from bindings.records import (
    AuthTransform,
    CipherTransform,
    Identity,
    Lifetime,
    Sa,
    SaBundle,
    SaContext,
    SaDetails,
    Traffic,
    UdpEncapsulation,
)
from bindings.well_known import KEYING_MODULES


ADDRESSES = ("192.0.2.1", "198.51.100.7", "2001:db8::1")
NAMES = ("host/a.example", "CORP\\zoë")
GUID = "00000000-0000-0000-0000-000000000000"

packed = st.sampled_from(ADDRESSES).map(lambda text: ip_address(text).packed)
versions = {4: int(wfp.IpVersion.V4), 16: int(wfp.IpVersion.V6)}

GCM = (
    AuthTransform(wfp.AuthType.AES_256, wfp.AuthConfig.GCM_AES_256, None),
    CipherTransform(wfp.CipherType.AES_256, wfp.CipherConfig.GCM_AES_256, None),
)
SHA_1 = AuthTransform(wfp.AuthType.SHA_1, wfp.AuthConfig.HMAC_SHA_1_96, None)
TRANSFORMS = (
    (int(wfp.TransformType.ESP_AUTH_AND_CIPHER), *GCM),
    (int(wfp.TransformType.ESP_AUTH), SHA_1, None),
    (int(wfp.TransformType.AH), SHA_1, None),
)

SA_LISTS = st.lists(
    st.builds(
        lambda spi, transform: Sa(spi, *transform), st.integers(1, 9), st.sampled_from(TRANSFORMS)
    ),
    max_size=2,
).map(tuple)
IDENTITIES = st.none() | st.builds(
    Identity, st.none() | st.sampled_from(NAMES), st.none() | st.sampled_from(NAMES), st.just(())
)


@st.composite
def sa_details(draw: st.DrawFn, remote: bytes | None) -> SaDetails:
    version = versions[len(remote or bytes(4))]
    bundle = SaBundle(
        0,
        Lifetime(draw(st.sampled_from([3600, 10**6])), 0, 0),
        0,
        0,
        draw(IDENTITIES),
        0,
        7,
        draw(SA_LISTS),
        draw(st.none() | st.sampled_from(sorted(KEYING_MODULES)) | st.just(GUID)),
        version,
        None,
        draw(st.integers(0, 1)),
        draw(st.sampled_from([int(wfp.PfsGroup.NONE), int(wfp.PfsGroup.ECP_256)])),
        None,
        None,
    )
    local = None if remote is None else bytes(len(remote))
    traffic = Traffic(version, local, remote, wfp.TrafficType.TRANSPORT, *(0,) * 6)
    ports = st.sampled_from([0, 4500])
    udp = draw(st.none() | st.builds(UdpEncapsulation, st.just(4500), ports))
    return SaDetails(version, wfp.Direction.OUTBOUND, traffic, bundle, udp, None, None)


@st.composite
def sa_contexts(draw: st.DrawFn, object_id: int) -> SaContext:
    """Both SAs nearly always have the same peer, but nothing says that they must."""
    remote = draw(packed | st.none())
    other = draw(packed) if draw(st.integers(0, 9)) == 9 else remote
    inbound = draw(st.none() | sa_details(remote))
    outbound = draw(st.none() | sa_details(other))
    return SaContext(object_id, inbound, outbound)


@st.composite
def ike_sas(draw: st.DrawFn, object_id: int) -> IkeSa:
    remote = draw(packed | st.none())
    version = versions[len(remote or bytes(4))]
    credentials = st.builds(
        Credential,
        st.just(int(wfp.AuthenticationMethod.KERBEROS)),
        st.just(0),
        st.none(),
        st.none() | st.sampled_from(NAMES),
    )
    pairs = draw(st.lists(st.builds(CredentialPair, credentials, credentials), max_size=2))
    return IkeSa(
        object_id,
        draw(st.sampled_from([int(module) for module in wfp.KeyModule])),
        version,
        None,
        IkeTraffic(version, remote, remote, 0),
        IkeProposal(0, 0, 0, 0, 3600, 0, 0),
        CookiePair(1, 2),
        tuple(pairs),
        GUID,
        0,
    )
