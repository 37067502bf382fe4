"""Weaknesses of main mode SAs are those of the documents, copied here from their tables."""

from __future__ import annotations

from itertools import product
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resources.ike_sas.weaknesses import weaknesses_of
from app.resources.wfp.baselines import BASELINES
from app.schemas.names import Baseline, IkeWeakness
from bindings.enums import AuthenticationMethod, DhGroup, IkeCipher, IkeIntegrity, KeyModule
from bindings.ike_records import (
    CookiePair,
    Credential,
    CredentialPair,
    IkeProposal,
    IkeSa,
    IkeTraffic,
)
from tests.resources.ike_sas import IKE_SAS
from tests.resources.test_weaknesses import rows


NIST, RFC = Baseline.NIST_SP_800_77R1, Baseline.RFC_8221
DAY = 24 * 3600

# By the IANA registries of IKEv2: the transforms' names there, and this server's word for them.
CIPHERS: Final = {
    IkeCipher.DES: (["ENCR_DES"], "des"),
    IkeCipher.TRIPLE_DES: (["ENCR_3DES"], "3des"),
    IkeCipher.AES_128: (["ENCR_AES_CBC"], None),
    IkeCipher.AES_192: (["ENCR_AES_CBC"], None),
    IkeCipher.AES_256: (["ENCR_AES_CBC"], None),
    IkeCipher.AES_GCM_128_16ICV: (["ENCR_AES_GCM_16"], None),
    IkeCipher.AES_GCM_256_16ICV: (["ENCR_AES_GCM_16"], None),
}
INTEGRITIES: Final = {
    IkeIntegrity.MD5: (["PRF_HMAC_MD5", "AUTH_HMAC_MD5_96"], "md5"),
    IkeIntegrity.SHA1: (["PRF_HMAC_SHA1", "AUTH_HMAC_SHA1_96"], "sha_1"),
    IkeIntegrity.SHA_256: (["PRF_HMAC_SHA2_256", "AUTH_HMAC_SHA2_256_128"], None),
    IkeIntegrity.SHA_384: (["PRF_HMAC_SHA2_384", "AUTH_HMAC_SHA2_384_192"], None),
}
GROUPS: Final = {
    DhGroup.NONE: (["no group"], "no_dh_group"),
    DhGroup.GROUP_1: (["group 1"], "dh_group_1"),
    DhGroup.GROUP_2: (["group 2"], "dh_group_2"),
    DhGroup.GROUP_14: (["group 14"], None),
    DhGroup.ECP_256: (["group 19"], None),
    DhGroup.ECP_384: (["group 20"], None),
    DhGroup.GROUP_24: (["group 24"], "dh_group_24"),
}

# SP 800-77r1, table 1: what is recommended for IKE. All else is not.
NIST_RECOMMENDED: Final = {
    "ENCR_AES_CBC",
    "ENCR_AES_GCM_16",
    *(f"PRF_HMAC_SHA2_{bits}" for bits in (256, 384, 512)),
    "AUTH_HMAC_SHA2_256_128",
    "AUTH_HMAC_SHA2_384_192",
    "AUTH_HMAC_SHA2_512_256",
    *(f"group {number}" for number in range(14, 22)),
}
# RFC 8247, 2.1 to 2.4. Of all else it says nothing.
RFC_LEVELS: Final = {
    "ENCR_AES_CBC": "MUST",
    "ENCR_AES_GCM_16": "SHOULD",
    "ENCR_3DES": "MAY",
    "ENCR_DES": "MUST NOT",
    "PRF_HMAC_SHA2_256": "MUST",
    "PRF_HMAC_SHA1": "MUST-",
    "PRF_HMAC_MD5": "MUST NOT",
    "AUTH_HMAC_SHA2_256_128": "MUST",
    "AUTH_HMAC_SHA1_96": "MUST-",
    "AUTH_HMAC_MD5_96": "MUST NOT",
    "group 14": "MUST",
    "group 19": "SHOULD",
    "group 2": "SHOULD NOT",
    "group 1": "MUST NOT",
    "group 24": "SHOULD NOT",
}


def expected(judged: tuple[list[str], str | None], baseline: Baseline) -> tuple[str, ...]:
    names, word = judged
    if baseline is NIST:
        is_weak = any(name not in NIST_RECOMMENDED for name in names)
    else:
        is_weak = any(RFC_LEVELS.get(name, "").endswith("NOT") for name in names)
    return (word,) if is_weak and word else ()


def credential(method: int) -> Credential:
    return Credential(method, 0, None, None)


def ike_sa(
    *methods: tuple[int, int],
    cipher: int = IkeCipher.AES_256,
    integrity: int = IkeIntegrity.SHA_256,
    group: int = DhGroup.ECP_384,
    seconds: int = 8 * 3600,
    key_module: int = KeyModule.IKEV2,
) -> IkeSa:
    return IkeSa(
        1,
        key_module,
        0,
        None,
        IkeTraffic(0, None, None, 0),
        IkeProposal(cipher, 0, 0, integrity, seconds, group, 0),
        CookiePair(1, 2),
        tuple(
            CredentialPair(credential(local), credential(peer))
            for local, peer in methods or [(AuthenticationMethod.CERTIFICATE,) * 2]
        ),
        "00000000-0000-0000-0000-000000000000",
        0,
    )


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize("cipher", IkeCipher)
def test_every_cipher(cipher: IkeCipher, baseline: Baseline) -> None:
    assert weaknesses_of(ike_sa(cipher=cipher), baseline) == expected(CIPHERS[cipher], baseline)


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize("integrity", IkeIntegrity)
def test_every_integrity_algorithm(integrity: IkeIntegrity, baseline: Baseline) -> None:
    found = weaknesses_of(ike_sa(integrity=integrity), baseline)

    assert found == expected(INTEGRITIES[integrity], baseline)


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize("group", DhGroup)
def test_every_group(group: DhGroup, baseline: Baseline) -> None:
    assert weaknesses_of(ike_sa(group=group), baseline) == expected(GROUPS[group], baseline)


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize("module", KeyModule)
def test_every_keying_module(module: KeyModule, baseline: Baseline) -> None:
    weak = ("ikev1",) if module is KeyModule.IKE else ()

    assert weaknesses_of(ike_sa(key_module=module), baseline) == weak


@pytest.mark.parametrize("method", AuthenticationMethod)
def test_every_authentication_method_on_either_side_in_either_mode(
    method: AuthenticationMethod,
) -> None:
    weak = ("preshared_key",) if method is AuthenticationMethod.PRESHARED_KEY else ()
    signed = AuthenticationMethod.CERTIFICATE
    for pairs in product([(signed, signed), (method, signed), (signed, method)], repeat=2):
        found = weaknesses_of(ike_sa(*pairs), NIST)
        assert found == (weak if any(method in pair for pair in pairs) else ())
        # RFC 8247, 3.1: Shared Key Message Integrity Code is a MUST.
        assert weaknesses_of(ike_sa(*pairs), RFC) == ()


@pytest.mark.parametrize(
    ("seconds", "is_weak"), [(0, False), (DAY, False), (DAY + 1, True), (2**32 - 1, True)]
)
def test_lifetimes(seconds: int, is_weak: bool) -> None:
    judged = ike_sa(seconds=seconds)

    assert weaknesses_of(judged, NIST) == (("long_lifetime",) if is_weak else ())
    assert weaknesses_of(judged, RFC) == ()


def test_the_default_baseline_is_nist_s() -> None:
    assert weaknesses_of(ike_sa(cipher=IkeCipher.TRIPLE_DES)) == ("3des",)


@given(judged=IKE_SAS, baseline=st.sampled_from(Baseline))
def test_weaknesses_are_the_sum_of_what_each_field_adds(judged: IkeSa, baseline: Baseline) -> None:
    proposal = judged.ike_proposal
    methods = [(p[0][0], p[1][0]) for p in judged.ike_credentials]
    alone = [
        ike_sa(cipher=proposal.cipher),
        ike_sa(integrity=proposal.integrity),
        ike_sa(group=proposal.dh_group),
        *(ike_sa(pair) for pair in methods),
        ike_sa(seconds=proposal.max_lifetime_seconds),
        ike_sa(key_module=judged.key_module_type),
    ]
    found = {word for each in alone for word in weaknesses_of(each, baseline)}

    order = [each.value for each in IkeWeakness]
    assert list(weaknesses_of(judged, baseline)) == sorted(found, key=order.index)


@given(number=st.integers(100, 2**32 - 1), baseline=st.sampled_from(Baseline))
def test_unknown_numbers_are_not_judged(number: int, baseline: Baseline) -> None:
    judged = ike_sa(
        (number, number), cipher=number, integrity=number, group=number, key_module=number
    )

    assert weaknesses_of(judged, baseline) == ()


@pytest.mark.parametrize("baseline", Baseline)
def test_all_that_a_baseline_advises_against_is_found(baseline: Baseline) -> None:
    psk = (AuthenticationMethod.PRESHARED_KEY,) * 2
    found = {
        word
        for cipher, integrity, group in product(IkeCipher, IkeIntegrity, DhGroup)
        for word in weaknesses_of(
            ike_sa(
                psk,
                cipher=cipher,
                integrity=integrity,
                group=group,
                seconds=DAY + 1,
                key_module=KeyModule.IKE,
            ),
            baseline,
        )
    }

    assert found == set(BASELINES[baseline].against_ike)


def test_every_weakness_is_some_baseline_s() -> None:
    assert {w for advice in BASELINES.values() for w in advice.against_ike} == set(IkeWeakness)


# What each section speaks against, found by reading it.
SECTIONS: Final[dict[Baseline, dict[str, str]]] = {
    NIST: {
        "SP 800-77r1, table 1": " ".join(IkeWeakness),
        "SP 800-77r1, 2.3.4": "preshared_key",
        "SP 800-77r1, 3.9": "3des md5 sha_1 dh_group_2 ikev1",
        "SP 800-77r1, 3.11": "ikev1",
        "SP 800-77r1, 7.2.2": "preshared_key",
        "SP 800-77r1, 7.2.2.1": "preshared_key",
        "SP 800-77r1, 7.2.3": "md5 sha_1",
        "SP 800-77r1, 7.2.4.2": "dh_group_1 dh_group_2",
        "SP 800-77r1, 7.2.6": "dh_group_1 dh_group_2 dh_group_24 long_lifetime ikev1",
    },
    RFC: {
        "RFC 8247, 2.1": "des",
        "RFC 8247, 2.2": "md5",
        "RFC 8247, 2.3": "md5",
        "RFC 8247, 2.4": "dh_group_1 dh_group_2 dh_group_24",
        "RFC 9395, 1": "ikev1",
    },
}


@pytest.mark.parametrize("baseline", Baseline)
def test_a_section_is_cited_for_what_it_speaks_against(baseline: Baseline) -> None:
    cited: dict[str, set[str]] = {}
    for weakness, sources in BASELINES[baseline].against_ike.items():
        for source in sources:
            cited.setdefault(str(source), set()).add(weakness.value)

    assert cited == {section: {*words.split()} for section, words in SECTIONS[baseline].items()}


def test_the_page_gives_the_source_of_each_weakness() -> None:
    assert [(name, nist, rfc) for name, _, nist, rfc in rows(3)] == [
        (
            f"`{weakness.value}`",
            *("; ".join(map(str, BASELINES[b].against_ike.get(weakness, ()))) for b in (NIST, RFC)),
        )
        for weakness in IkeWeakness
    ]


def test_the_page_says_what_each_weakness_means_and_how_to_remedy_it() -> None:
    assert [name for name, _, _ in rows(4)] == [f"`{weakness.value}`" for weakness in IkeWeakness]
    assert all(meaning and remedy for _, meaning, remedy in rows(4))
