"""Weaknesses of a main mode SA, judged against a baseline (`app.resources.wfp.baselines`).

They are those of the negotiation, not of the traffic. An unknown value is never a weakness.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from app.resources.wfp.baselines import BASELINES
from app.schemas.names import Baseline, IkeWeakness
from bindings.enums import AuthenticationMethod, DhGroup, IkeCipher, IkeIntegrity, KeyModule
from bindings.ike_records import IkeProposal, IkeSa


_CIPHER: Final[dict[int, IkeWeakness]] = {
    IkeCipher.DES: IkeWeakness.DES,
    IkeCipher.TRIPLE_DES: IkeWeakness.TRIPLE_DES,
}
_INTEGRITY: Final[dict[int, IkeWeakness]] = {
    IkeIntegrity.MD5: IkeWeakness.MD5,
    IkeIntegrity.SHA1: IkeWeakness.SHA_1,
}
_DH_GROUP: Final[dict[int, IkeWeakness]] = {
    DhGroup.NONE: IkeWeakness.NO_DH_GROUP,
    DhGroup.GROUP_1: IkeWeakness.DH_GROUP_1,
    DhGroup.GROUP_2: IkeWeakness.DH_GROUP_2,
    DhGroup.GROUP_24: IkeWeakness.DH_GROUP_24,
}


def weaknesses_of(sa: IkeSa, baseline: Baseline = Baseline.NIST_SP_800_77R1) -> tuple[str, ...]:
    """Return the weaknesses of an SA, as values of `IkeWeakness` in the order of its members."""
    methods = {side.authentication_method_type for pair in sa.ike_credentials for side in pair}
    has_preshared_key = AuthenticationMethod.PRESHARED_KEY in methods
    return _judged(baseline, sa.key_module_type, sa.ike_proposal, has_preshared_key)


@lru_cache(maxsize=4096)
def _judged(
    baseline: Baseline, key_module: int, proposal: IkeProposal, has_preshared_key: bool
) -> tuple[str, ...]:
    """Judge these fields of an SA. Cached, because a host has few combinations of them."""
    advice = BASELINES[baseline]
    found = {
        _CIPHER.get(proposal.cipher),
        _INTEGRITY.get(proposal.integrity),
        _DH_GROUP.get(proposal.dh_group),
    }
    if has_preshared_key:
        found.add(IkeWeakness.PRESHARED_KEY)
    if key_module == KeyModule.IKE:
        found.add(IkeWeakness.IKEV1)
    longest = advice.longest_ike_lifetime_seconds
    # Unlike in an SA bundle, no meaning of 0 is documented (IKEEXT_PROPOSAL0, iketypes.h).
    if longest is not None and proposal.max_lifetime_seconds > longest:
        found.add(IkeWeakness.LONG_LIFETIME)
    return tuple(w.value for w in IkeWeakness if w in found and w in advice.against_ike)
