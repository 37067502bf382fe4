"""The schema of transport filters and their conditions."""

from typing import Annotated, Literal

from pydantic import MISSING, Field
from typing_extensions import TypeAliasType

from app.schemas.base import Guid, Raw, Shape, Uint32, Uint64
from app.schemas.names import ActionType, DataType, FilterFlag, MatchType


class NumberValue(Shape):
    """An integer of at most 32 bits, or a floating-point number."""

    type: Literal[
        DataType.UINT8,
        DataType.UINT16,
        DataType.UINT32,
        DataType.INT8,
        DataType.INT16,
        DataType.INT32,
        DataType.FLOAT,
        DataType.DOUBLE,
    ]
    value: float | int | None = Field(
        description="null for a NULL pointer, and for NaN and infinity, which JSON lacks."
    )


class TextValue(Shape):
    """A value represented as text.

    64-bit numbers are in decimal, and byte arrays, blobs and security descriptors in
    hexadecimal. SIDs have the form `S-1-…`. Subnets have the form `address/prefix`, or
    `address/mask` if an IPv4 mask is not contiguous.
    """

    type: Literal[
        DataType.UINT64,
        DataType.INT64,
        DataType.BYTE_ARRAY16,
        DataType.BYTE_BLOB,
        DataType.SID,
        DataType.SECURITY_DESCRIPTOR,
        DataType.UNICODE_STRING,
        DataType.BYTE_ARRAY6,
        DataType.V4_ADDR_MASK,
        DataType.V6_ADDR_MASK,
    ]
    value: str | None = Field(description="null for a NULL pointer.")


class SidAndAttributes(Shape):
    """SID_AND_ATTRIBUTES."""

    sid: str | None
    attributes: Uint32


class TokenInformationValue(Shape):
    """FWP_TOKEN_INFORMATION: the SIDs of a token."""

    type: Literal[DataType.TOKEN_INFORMATION]
    sids: list[SidAndAttributes]
    restricted_sids: list[SidAndAttributes]


class OpaqueValue(Shape):
    """A value without content, or one whose content is not shown."""

    type: Literal[DataType.EMPTY, DataType.TOKEN_ACCESS_INFORMATION, DataType.UNKNOWN]
    type_raw: Raw | MISSING = MISSING


SingleValue = TypeAliasType(
    "SingleValue",
    Annotated[
        NumberValue | TextValue | TokenInformationValue | OpaqueValue, Field(discriminator="type")
    ],
)
"""FWP_VALUE0."""


class RangeValue(Shape):
    """FWP_RANGE0: an inclusive range. Both ends are null if the engine returned a NULL pointer."""

    type: Literal[DataType.RANGE]
    low: SingleValue | None
    high: SingleValue | None


ConditionValue = TypeAliasType(
    "ConditionValue",
    Annotated[
        NumberValue | TextValue | TokenInformationValue | OpaqueValue | RangeValue,
        Field(discriminator="type"),
    ],
)
"""FWP_CONDITION_VALUE0."""


class FilterCondition(Shape):
    """FWPM_FILTER_CONDITION0."""

    field_key: Guid
    field: str | MISSING = Field(
        default=MISSING,
        description="The field's name in fwpmu.h without FWPM_CONDITION_; absent if unknown.",
        examples=["ip_remote_address"],
    )
    match_type: MatchType
    match_type_raw: Raw | MISSING = MISSING
    condition_value: ConditionValue
    address: str | MISSING = Field(
        default=MISSING,
        description="The value as an address, subnet or range; present if the field is an address.",
        examples=["10.0.0.0/8"],
    )


class FilterFlags(Shape):
    """FWPM_FILTER_FLAG_*, by name."""

    value: Uint32 = Field(description="All bits.")
    names: list[FilterFlag]
    unknown: Uint32 = Field(description="The bits without a name.")


class FilterAction(Shape):
    """FWPM_ACTION0."""

    type: ActionType
    type_raw: Raw | MISSING = MISSING
    filter_type: Guid = Field(
        description="The callout's GUID if the action is a callout; otherwise arbitrary."
    )


class Filter(Shape):
    """FWPM_FILTER0: the filter that matches the traffic that the SA protects.

    `name` is usually the name of the connection security rule. `providerData`, `rawContext` and
    `providerContextKey` are omitted.
    """

    filter_key: Guid
    name: str | None
    description: str | None
    flags: FilterFlags
    provider_key: Guid | None
    layer_key: Guid
    layer: str | MISSING = Field(
        default=MISSING,
        description="The layer's name in fwpmu.h without FWPM_LAYER_; absent if unknown.",
        examples=["outbound_transport_v4"],
    )
    sub_layer_key: Guid
    weight: SingleValue
    filter_condition: list[FilterCondition] | MISSING = Field(
        default=MISSING, description="Absent with `view=basic`."
    )
    action: FilterAction
    filter_id: Uint64
    effective_weight: SingleValue
