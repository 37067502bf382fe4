"""Numbers in hexadecimal. Responses also give them in decimal, because tools use either form.

The form is `0x` and lower-case digits with leading zeros, so equal numbers have equal texts.
"""

from typing import Annotated

from pydantic import Field


Hex32 = Annotated[
    str,
    Field(
        pattern=r"^0x[0-9a-f]{8}$",
        description="The number in hexadecimal, as other tools and logs show it.",
        examples=["0xc9250ce6"],
    ),
]
Hex64 = Annotated[
    str,
    Field(
        pattern=r"^0x[0-9a-f]{16}$",
        description="The number in hexadecimal, as other tools and logs show it.",
        examples=["0x864330ac30e6564d"],
    ),
]


def hex32(number: int) -> str:
    """Return an unsigned 32-bit number as `Hex32`. This is faster than a format string."""
    return "0x" + number.to_bytes(4, "big").hex()


def hex64(number: int) -> str:
    """Return an unsigned 64-bit number as `Hex64`. This is faster than a format string."""
    return "0x" + number.to_bytes(8, "big").hex()
