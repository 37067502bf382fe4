"""Any connections there may be, as records: strategies for hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from bindings import enums as wfp
from bindings.connections import Connection
from bindings.ike_records import Certificate, Credential, IkeProposal

from .contexts import GUIDS, PACKED, TEXTS, U32, U64, numbers_of


PROPOSALS = st.builds(
    IkeProposal,
    numbers_of(wfp.IkeCipher),
    U32,
    U32,
    numbers_of(wfp.IkeIntegrity),
    U32,
    numbers_of(wfp.DhGroup),
    U32,
)
CERTIFICATES = st.builds(Certificate, st.binary(max_size=40), st.binary(max_size=20), U32)
CREDENTIALS = st.builds(
    Credential,
    numbers_of(wfp.AuthenticationMethod),
    numbers_of(wfp.Impersonation),
    st.none() | CERTIFICATES,
    TEXTS,
)
CONNECTIONS = st.builds(
    Connection,
    U64,
    numbers_of(wfp.IpVersion),
    PACKED,
    PACKED,
    st.none() | GUIDS,
    numbers_of(wfp.TrafficType),
    numbers_of(wfp.KeyModule),
    PROPOSALS,
    CREDENTIALS,
    CREDENTIALS,
    U64,
    U64,
    U64,
    U64,
)
