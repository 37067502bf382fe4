"""Any main mode SAs there may be, as records: strategies for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from bindings import enums as wfp
from bindings.ike_records import (
    Certificate,
    CookiePair,
    Credential,
    CredentialPair,
    IkeProposal,
    IkeSa,
    IkeTraffic,
)
from bindings.records import UdpEncapsulation
from tests.resources.contexts import GUIDS, PACKED, TEXTS, U16, U32, U64, numbers_of


IKE_PROPOSALS = st.builds(
    IkeProposal,
    numbers_of(wfp.IkeCipher),
    U32,
    U32,
    numbers_of(wfp.IkeIntegrity),
    U32,
    numbers_of(wfp.DhGroup),
    U32,
)
CREDENTIALS = st.builds(
    Credential,
    numbers_of(wfp.AuthenticationMethod),
    numbers_of(wfp.Impersonation),
    st.none() | st.builds(Certificate, st.binary(max_size=40), st.binary(max_size=20), U32),
    TEXTS,
)
IKE_SAS = st.builds(
    IkeSa,
    U64,
    numbers_of(wfp.KeyModule),
    numbers_of(wfp.IpVersion),
    st.none() | st.builds(UdpEncapsulation, U16, U16),
    st.builds(IkeTraffic, numbers_of(wfp.IpVersion), PACKED, PACKED, U64),
    IKE_PROPOSALS,
    st.builds(CookiePair, U64, U64),
    st.lists(st.builds(CredentialPair, CREDENTIALS, CREDENTIALS), max_size=3).map(tuple),
    GUIDS,
    U64,
)
