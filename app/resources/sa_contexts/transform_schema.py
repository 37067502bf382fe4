"""The schema of an SA's transform: a union discriminated by `transformType`.

The discriminating field has its JSON name in Python, too. If the field had an alias, pydantic
2.14 would omit the discriminator from the schema of a model that uses the union twice.
"""

from typing import Annotated, Literal

from pydantic import MISSING, Field
from typing_extensions import TypeAliasType

from app.schemas.base import Guid, Raw, Shape
from app.schemas.names import AuthConfig, AuthType, CipherConfig, CipherType, TransformType


class AuthTransform(Shape):
    """IPSEC_AUTH_TRANSFORM0: how packets are authenticated."""

    auth_type: AuthType
    auth_type_raw: Raw | MISSING = MISSING
    auth_config: AuthConfig
    auth_config_raw: Raw | MISSING = MISSING
    crypto_module_id: Guid | None = Field(description="null: the cryptography built into Windows.")


class CipherTransform(Shape):
    """IPSEC_CIPHER_TRANSFORM0: how packets are encrypted."""

    cipher_type: CipherType
    cipher_type_raw: Raw | MISSING = MISSING
    cipher_config: CipherConfig
    cipher_config_raw: Raw | MISSING = MISSING
    crypto_module_id: Guid | None = Field(description="null: the cryptography built into Windows.")


class AuthenticatingTransform(Shape):
    """A transform that authenticates but does not encrypt: AH, or ESP without encryption."""

    transformType: Literal[  # noqa: N815  # see above
        TransformType.AH, TransformType.ESP_AUTH, TransformType.ESP_AUTH_FW
    ]
    auth_transform: AuthTransform | None


class EncryptingTransform(Shape):
    """ESP with a cipher and no separate authentication. AES-GCM authenticates by itself."""

    transformType: Literal[TransformType.ESP_CIPHER]  # noqa: N815  # see above
    cipher_transform: CipherTransform | None


class AuthenticatingAndEncryptingTransform(Shape):
    """ESP that authenticates and encrypts. AES-GCM appears in both transforms."""

    transformType: Literal[TransformType.ESP_AUTH_AND_CIPHER]  # noqa: N815  # see above
    auth_transform: AuthTransform | None
    cipher_transform: CipherTransform | None


class UnknownTransform(Shape):
    """A transform of an unknown type."""

    transformType: Literal[TransformType.UNKNOWN]  # noqa: N815  # see above
    transform_type_raw: Raw


SaTransform = TypeAliasType(
    "SaTransform",
    Annotated[
        AuthenticatingTransform
        | EncryptingTransform
        | AuthenticatingAndEncryptingTransform
        | UnknownTransform,
        Field(discriminator="transformType"),
    ],
)
"""The transform of one SA."""
