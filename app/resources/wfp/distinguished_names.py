"""Distinguished names as text: from DER (X.690) to what RFC 4514 says.

They come out of the certificates of peers. A general decoder of ASN.1 follows
whatever structure it is given; a name has three levels, and what has others is
none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from types import MappingProxyType
from typing import Final


_SEQUENCE: Final = 0x30
_SET: Final = 0x31
_OBJECT_IDENTIFIER: Final = 0x06
_LONG_FORM: Final = 0x80
_MORE: Final = 0x80

_CODECS: Final = MappingProxyType(
    {
        0x0C: "utf-8",  # UTF8String
        0x13: "ascii",  # PrintableString
        0x14: "latin-1",  # TeletexString, as everybody writes it
        0x16: "ascii",  # IA5String
        0x1C: "utf-32-be",  # UniversalString
        0x1E: "utf-16-be",  # BMPString
    }
)
_KEYWORDS: Final = MappingProxyType(
    {
        "2.5.4.3": "CN",
        "2.5.4.6": "C",
        "2.5.4.7": "L",
        "2.5.4.8": "ST",
        "2.5.4.9": "STREET",
        "2.5.4.10": "O",
        "2.5.4.11": "OU",
        "0.9.2342.19200300.100.1.1": "UID",
        "0.9.2342.19200300.100.1.25": "DC",
    }
)
"""The attributes that RFC 4514 (3) has short names for."""


@lru_cache(maxsize=4096)
def distinguished_name(der: bytes) -> str | None:
    """The text of a name, its most specific part first; None where the bytes are no name."""
    try:
        (name,) = _contents(der, _SEQUENCE)
        parts = [
            "+".join(map(_attribute, _contents(part, _SEQUENCE))) for part in _contents(name, _SET)
        ]
    except (ValueError, IndexError):
        return None
    return ",".join(reversed(parts))


def _contents(der: bytes, tag: int) -> Iterator[bytes]:
    """The contents of elements that follow each other, all of which have the tag."""
    for found, content, _ in _elements(der):
        if found != tag:
            raise ValueError("not the tag of this level")
        yield content


def _elements(der: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The elements that follow each other: the tag of each, its content, and all of it."""
    at = 0
    while at < len(der):
        begin, tag, length = at, der[at], der[at + 1]
        at += 2
        if length >= _LONG_FORM:
            count = length - _LONG_FORM
            length = int.from_bytes(der[at : at + count], "big")
            at += count
        end = at + length
        if end > len(der):
            raise ValueError("an element is cut off")
        yield tag, der[at:end], der[begin:end]
        at = end


def _attribute(der: bytes) -> str:
    """`CN=…`, or `1.2.3=#…` with the hexadecimal DER where the type has no short name."""
    (tag, type_, _), (value_tag, content, value) = _elements(der)
    if tag != _OBJECT_IDENTIFIER:
        raise ValueError("an attribute without a type")
    identifier = _identifier(type_)
    keyword, codec = _KEYWORDS.get(identifier), _CODECS.get(value_tag)
    if keyword is None or codec is None:
        return f"{keyword or identifier}=#{value.hex()}"
    return f"{keyword}={_escaped(content.decode(codec))}"


def _identifier(content: bytes) -> str:
    """An object identifier, in dotted decimal."""
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & ~_MORE
        if not byte & _MORE:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _escaped(text: str) -> str:
    """The text of a value, with what has a meaning in names escaped (RFC 4514, 2.4)."""
    escaped = "".join(
        f"\\{character}"
        if character in '"+,;<>\\'
        else character
        if character.isprintable()
        else "".join(f"\\{byte:02x}" for byte in character.encode("utf-8", "surrogatepass"))
        for character in text
    )
    if escaped[:1] in {" ", "#"}:
        escaped = "\\" + escaped
    if len(text) > 1 and text.endswith(" "):
        escaped = escaped[:-1] + "\\ "
    return escaped
