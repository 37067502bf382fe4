"""The base class and the scalar types of the public shapes."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """The base class of public shapes. Field names are in camelCase.

    A shape rejects undeclared fields, but its JSON schema allows them: later versions may add
    fields, and code generated from the schema must accept them.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        json_schema_extra=lambda schema: schema.pop("additionalProperties", None),
    )


Uint64 = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{1,20}$",
        description="A 64-bit number as decimal text: JSON numbers lose precision above 2^53.",
        examples=["9007199254740993"],
    ),
]
Uint32 = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
Uint16 = Annotated[int, Field(ge=0, le=0xFFFF)]
Uint8 = Annotated[int, Field(ge=0, le=0xFF)]
Guid = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$",
        description="A GUID in lower case.",
        examples=["c38d57d1-05a7-4c33-904f-7fbceee60e82"],
    ),
]
IpAddress = Annotated[
    str,
    Field(description="An IPv4 or IPv6 address.", examples=["10.0.0.1", "2001:db8::1"]),
]
Raw = Annotated[
    Uint32,
    Field(description="The engine's number for the value; present if the value is `unknown`."),
]
