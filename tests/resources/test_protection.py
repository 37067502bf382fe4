"""The words for the protection of a context, for every type of transform."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from pydantic import TypeAdapter
from sa_contexts_simulator import Simulator

from app.resources.sa_contexts.encoding import render_sa_context
from app.resources.sa_contexts.protection import protection_of
from app.resources.sa_contexts.transform_schema import SaTransform
from app.schemas.names import AuthConfig, CipherConfig, TransformType
from bindings.engine import Engine
from bindings.library import Library


SCHEMA: TypeAdapter[Any] = TypeAdapter(SaTransform)
AUTH_TYPES = {
    "hmac_md5_96": "md5",
    "hmac_sha_1_96": "sha_1",
    "hmac_sha_256_128": "sha_256",
    "gcm_aes_128": "aes_128",
    "gcm_aes_192": "aes_192",
    "gcm_aes_256": "aes_256",
}


def auth(config: str, **raw: int) -> dict[str, Any]:
    type_ = AUTH_TYPES.get(config, "sha_1")
    return {"authType": type_, "authConfig": config, **raw, "cryptoModuleId": None}


def cipher(config: str, **raw: int) -> dict[str, Any]:
    type_ = config.split("_", 1)[-1] if config in {*CipherConfig} - {"unknown"} else "aes_128"
    return {"cipherType": type_, "cipherConfig": config, **raw, "cryptoModuleId": None}


def sa(type_: str, **members: Any) -> dict[str, Any]:
    transform = {"transformType": type_, **members}
    SCHEMA.validate_python(transform)
    return {"spi": 1, "transform": transform}


def esp(cipher_config: str, auth_config: str) -> dict[str, Any]:
    return sa(
        "esp_auth_and_cipher",
        authTransform=auth(auth_config),
        cipherTransform=cipher(cipher_config),
    )


AH = sa("ah", authTransform=auth("hmac_sha_256_128"))


@pytest.mark.parametrize(
    ("sa_list", "words"),
    [
        ([esp("gcm_aes_256", "gcm_aes_256")], "ESP gcm_aes_256"),
        ([esp("cbc_aes_128", "hmac_sha_1_96")], "ESP cbc_aes_128 + hmac_sha_1_96"),
        ([esp("cbc_3des", "hmac_md5_96")], "ESP cbc_3des + hmac_md5_96"),
        ([esp("cbc_aes_128", "gcm_aes_128")], "ESP cbc_aes_128 + gcm_aes_128"),
        ([esp("gcm_aes_256", "gcm_aes_128")], "ESP gcm_aes_256 + gcm_aes_128"),
        ([sa("esp_auth", authTransform=auth("gcm_aes_128"))], "ESP gcm_aes_128, integrity only"),
        (
            [sa("esp_auth", authTransform=auth("hmac_sha_1_96"))],
            "ESP hmac_sha_1_96, integrity only",
        ),
        (
            [sa("esp_auth_fw", authTransform=auth("gcm_aes_128"))],
            "ESP gcm_aes_128, first packet only",
        ),
        (
            [sa("esp_cipher", cipherTransform=cipher("cbc_aes_128"))],
            "ESP cbc_aes_128, encryption only",
        ),
        ([sa("esp_cipher", cipherTransform=cipher("gcm_aes_128"))], "ESP gcm_aes_128"),
        ([AH], "AH hmac_sha_256_128"),
        ([sa("ah", authTransform=auth("gcm_aes_128"))], "AH gcm_aes_128"),
        ([esp("cbc_des", "hmac_md5_96"), AH], "ESP cbc_des + hmac_md5_96; AH hmac_sha_256_128"),
        ([], ""),
        ([sa("unknown", transformTypeRaw=9)], "unknown (9)"),
        ([sa("ah", authTransform=None)], "AH unknown"),
        ([sa("ah", authTransform=auth("unknown", authConfigRaw=7))], "AH unknown (7)"),
        ([sa("esp_cipher", cipherTransform=None)], "ESP unknown"),
        (
            [sa("esp_auth_and_cipher", authTransform=None, cipherTransform=None)],
            "ESP unknown + unknown",
        ),
        (
            [
                sa(
                    "esp_auth_and_cipher",
                    authTransform=auth("unknown", authConfigRaw=7),
                    cipherTransform=cipher("unknown", cipherConfigRaw=7),
                )
            ],
            "ESP unknown (7) + unknown (7)",
        ),
    ],
)
def test_protection_is_told_in_words(sa_list: list[dict[str, Any]], words: str) -> None:
    assert protection_of(sa_list) == words


def every_sa() -> Iterator[dict[str, Any]]:
    auths = [auth(config) for config in AuthConfig if config != "unknown"]
    ciphers = [cipher(config) for config in CipherConfig if config != "unknown"]
    for type_ in ("ah", "esp_auth", "esp_auth_fw"):
        yield from (sa(type_, authTransform=each) for each in auths)
    yield from (sa("esp_cipher", cipherTransform=each) for each in ciphers)
    for one, other in product(auths, ciphers):
        yield sa("esp_auth_and_cipher", authTransform=one, cipherTransform=other)
    yield sa("unknown", transformTypeRaw=9)


def test_no_two_protections_read_alike_but_those_of_gcm() -> None:
    """GCM as a cipher authenticates, whatever the type of the transform."""
    words = [(protection_of([each]), each["transform"]) for each in every_sa()]

    assert {transform["transformType"] for _, transform in words} == set(TransformType)
    repeated = {text for text, _ in words if sum(other == text for other, _ in words) > 1}
    assert repeated == {"ESP gcm_aes_128", "ESP gcm_aes_192", "ESP gcm_aes_256"}


def test_only_what_encrypts_reads_like_encryption(library: Library, simulator: Simulator) -> None:
    simulator.populate(1000)
    with Engine(library) as engine:
        contexts = [render_sa_context(each) for page in engine.pages() for each in page]
    sas = [
        each
        for context in contexts
        for details in (context["inboundSa"], context["outboundSa"])
        if details
        for each in details["saBundle"]["saList"]
    ]

    for each in sas:
        words = protection_of([each])
        is_encrypted = "cipherTransform" in each["transform"]
        is_qualified = words.startswith("AH") or words.endswith(("integrity only", "packet only"))
        assert is_encrypted is not is_qualified, words
    assert {each["transform"]["transformType"] for each in sas} >= {"esp_auth", "esp_auth_fw", "ah"}
