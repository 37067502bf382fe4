"""Weaknesses are those of the documents, copied here from their words."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.resources.sa_contexts.weaknesses import weaknesses_of
from app.resources.wfp.baselines import BASELINES
from app.schemas.names import Baseline, Weakness
from bindings.enums import (
    AuthConfig,
    AuthType,
    CipherConfig,
    CipherType,
    PfsGroup,
    TransformType,
)
from bindings.records import AuthTransform, CipherTransform, Lifetime, Sa, SaBundle


NIST, RFC = Baseline.NIST_SP_800_77R1, Baseline.RFC_8221
IKE = "a9bbf787-82a8-45bb-a400-5d7e5952c7a9"
IKEV2 = "041792cc-8f07-419d-a394-716968cb1647"
AUTHIP = "11e3dae0-dd26-4590-857d-ab4b28d1a095"
HOUR = 3600

# By the IANA registries of IKEv2: the transform's name there, and this server's word for it.
CIPHERS: Final[dict[tuple[int, int], tuple[str, str | None]]] = {
    (CipherType.DES, CipherConfig.CBC_DES): ("ENCR_DES", "des"),
    (CipherType.TRIPLE_DES, CipherConfig.CBC_3DES): ("ENCR_3DES", "3des"),
    (CipherType.AES_128, CipherConfig.CBC_AES_128): ("ENCR_AES_CBC", None),
    (CipherType.AES_192, CipherConfig.CBC_AES_192): ("ENCR_AES_CBC", None),
    (CipherType.AES_256, CipherConfig.CBC_AES_256): ("ENCR_AES_CBC", None),
    (CipherType.AES_128, CipherConfig.GCM_AES_128): ("ENCR_AES_GCM_16", None),
    (CipherType.AES_192, CipherConfig.GCM_AES_192): ("ENCR_AES_GCM_16", None),
    (CipherType.AES_256, CipherConfig.GCM_AES_256): ("ENCR_AES_GCM_16", None),
}
AUTHS: Final[dict[tuple[int, int], tuple[str, str | None]]] = {
    (AuthType.MD5, AuthConfig.HMAC_MD5_96): ("AUTH_HMAC_MD5_96", "md5"),
    (AuthType.SHA_1, AuthConfig.HMAC_SHA_1_96): ("AUTH_HMAC_SHA1_96", "sha_1"),
    (AuthType.SHA_256, AuthConfig.HMAC_SHA_256_128): ("AUTH_HMAC_SHA2_256_128", None),
    (AuthType.AES_128, AuthConfig.GCM_AES_128): ("AUTH_AES_128_GMAC", None),
    (AuthType.AES_192, AuthConfig.GCM_AES_192): ("AUTH_AES_192_GMAC", None),
    (AuthType.AES_256, AuthConfig.GCM_AES_256): ("AUTH_AES_256_GMAC", None),
}
GROUPS: Final = {
    PfsGroup.GROUP_1: (1, "pfs_group_1"),
    PfsGroup.GROUP_2: (2, "pfs_group_2"),
    PfsGroup.GROUP_14: (14, None),
    PfsGroup.ECP_256: (19, None),
    PfsGroup.ECP_384: (20, None),
    PfsGroup.GROUP_24: (24, "pfs_group_24"),
}

# SP 800-77r1, table 1: what is recommended and approved. All else is not.
NIST_APPROVED: Final = {
    "ENCR_AES_CBC",
    "ENCR_AES_GCM_16",
    "AUTH_HMAC_SHA2_256_128",
    "AUTH_AES_128_GMAC",
    "AUTH_AES_192_GMAC",
    "AUTH_AES_256_GMAC",
    *range(14, 22),
}
# RFC 8221, 5 and 6; RFC 8247, 2.4. Of all else they say nothing.
RFC_LEVELS: Final = {
    "ENCR_DES": "MUST NOT",
    "ENCR_3DES": "SHOULD NOT",
    "ENCR_AES_CBC": "MUST",
    "ENCR_AES_GCM_16": "MUST",
    "AUTH_HMAC_MD5_96": "MUST NOT",
    "AUTH_HMAC_SHA1_96": "MUST-",
    "AUTH_HMAC_SHA2_256_128": "MUST",
    "AUTH_AES_128_GMAC": "MAY",
    "AUTH_AES_256_GMAC": "MAY",
    1: "MUST NOT",
    2: "SHOULD NOT",
    14: "MUST",
    19: "SHOULD",
    24: "SHOULD NOT",
}


def is_spoken_against(name: str | int, baseline: Baseline) -> bool:
    if baseline is NIST:
        return name not in NIST_APPROVED
    return RFC_LEVELS.get(name, "").endswith("NOT")


GMAC = AuthTransform(AuthType.AES_256, AuthConfig.GCM_AES_256, None)
SHA_256 = AuthTransform(AuthType.SHA_256, AuthConfig.HMAC_SHA_256_128, None)
CBC = CipherTransform(CipherType.AES_256, CipherConfig.CBC_AES_256, None)
GCM = CipherTransform(CipherType.AES_256, CipherConfig.GCM_AES_256, None)
CIPHER_TOO_NEW = CipherTransform(99, 99, None)

SOUND = Sa(1, TransformType.ESP_AUTH_AND_CIPHER, GMAC, GCM)
# What each kind of SA does to all packets of a session, of its nature: whether it encrypts, and
# whether it authenticates; None: not known here.
KINDS: Final[dict[str, tuple[Sa, bool | None, bool | None]]] = {
    "ah": (Sa(2, TransformType.AH, SHA_256, None), False, True),
    "esp_auth": (Sa(3, TransformType.ESP_AUTH, SHA_256, None), False, True),
    "esp_cipher_cbc": (Sa(4, TransformType.ESP_CIPHER, None, CBC), True, False),
    "esp_cipher_gcm": (Sa(5, TransformType.ESP_CIPHER, None, GCM), True, True),
    "esp_cipher_too_new": (Sa(6, TransformType.ESP_CIPHER, None, CIPHER_TOO_NEW), True, None),
    "esp_cipher_null": (Sa(7, TransformType.ESP_CIPHER, None, None), True, None),
    "esp_auth_and_cipher": (Sa(8, TransformType.ESP_AUTH_AND_CIPHER, SHA_256, CBC), True, True),
    "esp_auth_fw": (Sa(9, TransformType.ESP_AUTH_FW, SHA_256, None), False, False),
    "too_new": (Sa(10, 99, None, None), None, None),
}


def bundle(
    *sa_list: Sa,
    pfs_group: int = PfsGroup.ECP_384,
    seconds: int = HOUR,
    key_module_key: str | None = IKEV2,
) -> SaBundle:
    return SaBundle(
        flags=0,
        lifetime=Lifetime(seconds, 100_000, 2**31 - 1),
        idle_timeout_seconds=300,
        nd_allow_clear_timeout_seconds=0,
        ipsec_id=None,
        nap_context=0,
        qm_sa_id=1,
        sa_list=sa_list,
        key_module_key=key_module_key,
        ip_version=0,
        peer_v4_private_address=None,
        mm_sa_id=1,
        pfs_group=pfs_group,
        sa_lookup_context=None,
        qm_filter_id=None,
    )


def numbers_of(enumeration: type[TransformType | PfsGroup]) -> st.SearchStrategy[int]:
    return st.sampled_from([member.value for member in enumeration]) | st.integers(0, 2**32 - 1)


def bytes_of(
    enumeration: type[AuthType | AuthConfig | CipherType | CipherConfig],
) -> st.SearchStrategy[int]:
    return st.sampled_from([member.value for member in enumeration]) | st.integers(0, 255)


SAS = st.builds(
    Sa,
    st.integers(0, 2**32 - 1),
    numbers_of(TransformType),
    st.none()
    | st.builds(AuthTransform, bytes_of(AuthType), bytes_of(AuthConfig), st.none() | st.just(IKE)),
    st.none() | st.builds(CipherTransform, bytes_of(CipherType), bytes_of(CipherConfig), st.none()),
)
BUNDLES = st.builds(
    lambda sas, group, seconds, key: bundle(
        *sas, pfs_group=group, seconds=seconds, key_module_key=key
    ),
    st.lists(SAS, max_size=3),
    numbers_of(PfsGroup),
    st.sampled_from([0, 1, HOUR, 8 * HOUR, 8 * HOUR + 1]) | st.integers(0, 2**32 - 1),
    st.none() | st.sampled_from([IKE, IKEV2, AUTHIP]) | st.uuids().map(str),
)
BASELINE = st.sampled_from(Baseline)


@pytest.mark.parametrize("baseline", Baseline)
def test_sound_protection_has_no_weakness(baseline: Baseline) -> None:
    assert weaknesses_of(bundle(SOUND), baseline) == ()


def test_the_baseline_is_nist_s_where_none_is_named() -> None:
    weak = bundle(Sa(1, TransformType.AH, SHA_256, None), key_module_key=IKE)

    assert weaknesses_of(weak) == weaknesses_of(weak, NIST) != weaknesses_of(weak, RFC)


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize("cipher", CIPHERS)
def test_every_cipher(cipher: tuple[int, int], baseline: Baseline) -> None:
    name, word = CIPHERS[cipher]
    expected = (word,) if is_spoken_against(name, baseline) else ()

    type_, config = cipher
    for numbers in ((type_, config), (type_, 99), (99, config)):
        sa = SOUND._replace(cipher_transform=CipherTransform(*numbers, None))
        assert weaknesses_of(bundle(sa), baseline) == expected


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize("auth", AUTHS)
def test_every_authentication(auth: tuple[int, int], baseline: Baseline) -> None:
    name, word = AUTHS[auth]
    expected = (word,) if is_spoken_against(name, baseline) else ()

    type_, config = auth
    for numbers in ((type_, config), (type_, 99), (99, config)):
        sa = SOUND._replace(auth_transform=AuthTransform(*numbers, None))
        assert weaknesses_of(bundle(sa), baseline) == expected


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize("group", GROUPS)
def test_every_group(group: PfsGroup, baseline: Baseline) -> None:
    number, word = GROUPS[group]
    expected = (word,) if is_spoken_against(number, baseline) else ()

    assert weaknesses_of(bundle(SOUND, pfs_group=group), baseline) == expected


def test_the_tables_here_are_complete() -> None:
    assert {config for _, config in CIPHERS} == set(CipherConfig)
    assert {type_ for type_, _ in CIPHERS} == set(CipherType)
    assert {config for _, config in AUTHS} == set(AuthConfig)
    assert {type_ for type_, _ in AUTHS} == set(AuthType)
    assert set(GROUPS) == set(PfsGroup) - {PfsGroup.NONE, PfsGroup.MM}
    assert {sa.sa_transform_type for sa, _, _ in KINDS.values()} > set(TransformType)


@pytest.mark.parametrize("baseline", Baseline)
def test_the_group_of_the_main_mode_is_not_judged(baseline: Baseline) -> None:
    assert weaknesses_of(bundle(SOUND, pfs_group=PfsGroup.MM), baseline) == ()


@pytest.mark.parametrize(("baseline", "expected"), [(NIST, ("no_pfs",)), (RFC, ())])
def test_no_pfs(baseline: Baseline, expected: tuple[str, ...]) -> None:
    assert weaknesses_of(bundle(SOUND, pfs_group=PfsGroup.NONE), baseline) == expected


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize(
    "kinds", [*product(KINDS, repeat=1), *product(KINDS, repeat=2)], ids="+".join
)
def test_every_combination(kinds: tuple[str, ...], baseline: Baseline) -> None:
    sas, encrypts, authenticates = zip(*(KINDS[kind] for kind in kinds), strict=True)
    expected = set()
    if all(does is False for does in authenticates):
        expected.add("no_integrity")
    if "ah" in kinds and "esp_cipher_cbc" in kinds:
        expected.add("integrity_from_ah")
    # RFC 8221 wants ESP without encryption implemented, and speaks of AH without a word against it.
    if baseline is NIST:
        if all(does is False for does in encrypts):
            expected.add("no_encryption")
        if "ah" in kinds:
            expected.add("ah")

    assert set(weaknesses_of(bundle(*sas), baseline)) == expected


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize("cipher", CIPHERS)
def test_gcm_alone_authenticates_what_it_encrypts(
    cipher: tuple[int, int], baseline: Baseline
) -> None:
    name, _ = CIPHERS[cipher]
    sa = Sa(1, TransformType.ESP_CIPHER, None, CipherTransform(*cipher, None))

    weaknesses = weaknesses_of(bundle(sa), baseline)

    assert ("no_integrity" not in weaknesses) == (name == "ENCR_AES_GCM_16")


@pytest.mark.parametrize(
    ("seconds", "weak"),
    [(1, False), (8 * HOUR, False), (8 * HOUR + 1, True), (2**32 - 1, True), (0, True)],
)
def test_lifetimes(seconds: int, weak: bool) -> None:
    judged = bundle(SOUND, seconds=seconds)

    assert weaknesses_of(judged, NIST) == (("long_lifetime",) if weak else ())
    assert weaknesses_of(judged, RFC) == ()


@pytest.mark.parametrize("baseline", Baseline)
@pytest.mark.parametrize(
    ("key", "expected"),
    [(IKE, ("ikev1",)), (IKEV2, ()), (AUTHIP, ()), (None, ()), (IKE.replace("a", "b"), ())],
)
def test_keying_modules(key: str | None, expected: tuple[str, ...], baseline: Baseline) -> None:
    assert weaknesses_of(bundle(SOUND, key_module_key=key), baseline) == expected


@given(judged=BUNDLES, baseline=BASELINE)
def test_weaknesses_stand_once_and_in_order(judged: SaBundle, baseline: Baseline) -> None:
    weaknesses = weaknesses_of(judged, baseline)

    order = [member.value for member in Weakness]
    assert sorted(set(weaknesses), key=order.index) == list(weaknesses)
    assert all(type(word) is str for word in weaknesses)


@given(judged=BUNDLES, baseline=BASELINE, data=st.data())
def test_the_order_and_the_names_of_sas_do_not_matter(
    judged: SaBundle, baseline: Baseline, data: st.DataObject
) -> None:
    others = [
        sa._replace(spi=data.draw(st.integers(0, 2**32 - 1)))
        for sa in data.draw(st.permutations(judged.sa_list))
    ]

    assert weaknesses_of(judged, baseline) == weaknesses_of(
        judged._replace(sa_list=tuple(others), mm_sa_id=2, qm_sa_id=2), baseline
    )


@given(judged=BUNDLES, more=SAS, baseline=BASELINE)
def test_another_sa_hides_no_weakness_but_what_it_makes_good(
    judged: SaBundle, more: Sa, baseline: Baseline
) -> None:
    before = set(weaknesses_of(judged, baseline))
    after = set(weaknesses_of(judged._replace(sa_list=(*judged.sa_list, more)), baseline))

    type_, cipher = more.sa_transform_type, more.cipher_transform
    encrypts_only = (
        type_ == TransformType.ESP_CIPHER
        and cipher is not None
        and CipherConfig.CBC_DES <= cipher.cipher_config <= CipherConfig.CBC_AES_256
    )
    made_good = set()
    if type_ not in (TransformType.AH, TransformType.ESP_AUTH, TransformType.ESP_AUTH_FW):
        made_good.add("no_encryption")
    if type_ != TransformType.ESP_AUTH_FW and not encrypts_only:
        made_good.add("no_integrity")
    assert before - after <= made_good


@given(
    type_=numbers_of(TransformType),
    auth=st.builds(AuthTransform, st.integers(100, 255), st.integers(100, 255), st.none()),
    cipher=st.builds(CipherTransform, st.integers(100, 255), st.integers(100, 255), st.none()),
    group=st.integers(100, 2**32 - 1),
    key=st.none() | st.uuids().map(str),
    baseline=BASELINE,
)
def test_unknown_numbers_are_not_judged(
    type_: int,
    auth: AuthTransform,
    cipher: CipherTransform,
    group: int,
    key: str | None,
    baseline: Baseline,
) -> None:
    judged = bundle(Sa(1, type_, auth, cipher), pfs_group=group, key_module_key=key)

    # What the type of the transform says by itself is known; nothing else is.
    by_type: dict[int, set[str]] = {
        TransformType.AH: {"ah", "no_encryption"},
        TransformType.ESP_AUTH: {"no_encryption"},
        TransformType.ESP_AUTH_FW: {"no_encryption", "no_integrity"},
    }
    assert set(weaknesses_of(judged, baseline)) <= by_type.get(type_, set())


@given(kinds=st.lists(st.sampled_from(list(KINDS)), max_size=2), baseline=BASELINE)
def test_a_transform_of_an_unknown_type_may_be_what_is_missing(
    kinds: list[str], baseline: Baseline
) -> None:
    sas = [KINDS[kind][0] for kind in (*kinds, "too_new")]

    assert not {"no_encryption", "no_integrity"} & set(weaknesses_of(bundle(*sas), baseline))


@pytest.mark.parametrize("baseline", Baseline)
def test_of_a_bundle_without_sas_nothing_is_known(baseline: Baseline) -> None:
    assert weaknesses_of(bundle(), baseline) == ()


@pytest.mark.parametrize("baseline", Baseline)
def test_all_that_a_baseline_speaks_against_is_found(baseline: Baseline) -> None:
    found: set[str] = set()
    auths = [*(AuthTransform(*auth, None) for auth in AUTHS), None]
    ciphers = [*(CipherTransform(*cipher, None) for cipher in CIPHERS), None]
    for type_, auth, cipher, group in product(TransformType, auths, ciphers, PfsGroup):
        sa = Sa(1, type_, auth, cipher)
        found.update(weaknesses_of(bundle(sa, pfs_group=group), baseline))
    found.update(weaknesses_of(bundle(seconds=0, key_module_key=IKE), baseline))
    found.update(weaknesses_of(bundle(*(sa for sa, _, _ in KINDS.values())), baseline))

    assert found == set(BASELINES[baseline].against)


def test_every_weakness_is_some_baseline_s() -> None:
    assert set(BASELINES) == set(Baseline)
    assert {w for advice in BASELINES.values() for w in advice.against} == set(Weakness)


def rows(table: int) -> list[list[str]]:
    """The rows of a table of the page, by its place there, without its head."""
    page = (Path(__file__).parents[2] / "docs" / "weaknesses.md").read_text(encoding="utf-8")
    lines = re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE)[table].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_lists_each_baseline() -> None:
    assert [name for name, _ in rows(0)] == [f"`{baseline.value}`" for baseline in Baseline]
    for (_, document), advice in zip(rows(0), BASELINES.values(), strict=True):
        assert f"]({advice.url})" in document
        assert document.startswith("[" + advice.title.split(",", maxsplit=1)[0] + "](")
    assert [name for name, document in rows(0) if "the default" in document] == [f"`{NIST}`"]


# What each section speaks against, found by reading it.
SECTIONS: Final[dict[Baseline, dict[str, str]]] = {
    NIST: {
        "SP 800-77r1, table 1": "des 3des md5 sha_1 no_integrity ah no_pfs pfs_group_1 pfs_group_2 "
        "pfs_group_24 long_lifetime ikev1",
        "SP 800-77r1, 2.2": "no_encryption no_pfs",
        "SP 800-77r1, 3.9": "3des md5 sha_1 pfs_group_2 ikev1",
        "SP 800-77r1, 3.11": "ikev1",
        "SP 800-77r1, 4.1": "no_integrity",
        "SP 800-77r1, 4.1.4": "3des md5 sha_1",
        "SP 800-77r1, 4.4": "ah integrity_from_ah",
        "SP 800-77r1, 4.5": "ah",
        "SP 800-77r1, 7.2.3": "md5 sha_1",
        "SP 800-77r1, 7.2.4.2": "pfs_group_1 pfs_group_2",
        "SP 800-77r1, 7.2.6": "no_pfs pfs_group_1 pfs_group_2 pfs_group_24 long_lifetime ikev1",
    },
    RFC: {
        "RFC 8221, 4": "no_integrity integrity_from_ah",
        "RFC 8221, 5": "des 3des",
        "RFC 8221, 6": "md5 no_integrity integrity_from_ah",
        "RFC 8247, 2.4": "pfs_group_1 pfs_group_2 pfs_group_24",
        "RFC 9395, 1": "ikev1",
    },
}


@pytest.mark.parametrize("baseline", Baseline)
def test_a_section_is_cited_for_what_it_speaks_against(baseline: Baseline) -> None:
    cited: dict[str, set[str]] = {}
    for weakness, sources in BASELINES[baseline].against.items():
        for source in sources:
            cited.setdefault(str(source), set()).add(weakness.value)

    assert cited == {section: {*words.split()} for section, words in SECTIONS[baseline].items()}


def test_the_page_says_where_each_weakness_is_said() -> None:
    assert [(name, nist, rfc) for name, _, nist, rfc in rows(1)] == [
        (
            f"`{weakness.value}`",
            *("; ".join(map(str, BASELINES[b].against.get(weakness, ()))) for b in (NIST, RFC)),
        )
        for weakness in Weakness
    ]


def test_the_page_says_what_each_weakness_means_and_what_changes_it() -> None:
    assert [name for name, _, _ in rows(2)] == [f"`{weakness.value}`" for weakness in Weakness]
    changes = {name: change for name, _, change in rows(2)}
    for name, meaning, change in rows(2):
        assert meaning
        reference = re.fullmatch(r"as (`\w+`)", change)
        assert re.search(r"-[A-Z]\w+", changes[reference[1]] if reference else change), name
