"""Converts distinguished names from DER (X.690) to text (RFC 4514).

The input comes from peers' certificates and is untrusted. A general ASN.1 decoder would
recurse into any structure. This decoder reads only the three levels of a name and rejects
other structures.
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
        0x14: "latin-1",  # TeletexString, which certificates encode as Latin-1 in practice
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
"""The attribute types with short names (RFC 4514 §3)."""


@lru_cache(maxsize=4096)
def distinguished_name(der: bytes) -> str | None:
    """Return a name as text, or None if the bytes are not a name.

    As RFC 4514 requires, the order is the reverse of that in DER: the last part comes first.
    """
    try:
        (name,) = _contents(der, _SEQUENCE)
        parts = [
            "+".join(map(_attribute, _contents(part, _SEQUENCE))) for part in _contents(name, _SET)
        ]
    except (ValueError, IndexError):
        return None
    return ",".join(reversed(parts))


def _contents(der: bytes, tag: int) -> Iterator[bytes]:
    """Yield the content of each element; raise ValueError if its tag is not `tag`."""
    for found, content, _ in elements(der):
        if found != tag:
            raise ValueError("unexpected tag at this level")
        yield content


def elements(der: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Yield the tag, the content and the whole encoding of each element.

    Raises:
        ValueError, IndexError: an element is truncated.
    """
    offset = 0
    while offset < len(der):
        start, tag, length = offset, der[offset], der[offset + 1]
        offset += 2
        if length >= _LONG_FORM:
            count = length - _LONG_FORM
            length = int.from_bytes(der[offset : offset + count], "big")
            offset += count
        end = offset + length
        if end > len(der):
            raise ValueError("truncated element")
        yield tag, der[offset:end], der[start:end]
        offset = end


def _attribute(der: bytes) -> str:
    """Return an attribute as text, such as `CN=WEB01`.

    If the attribute's type has no short name, or its value is not of a known string type,
    return the value's DER in hexadecimal: `1.2.3=#…` or `CN=#…` (RFC 4514 §2.4).
    """
    (tag, type_, _), (value_tag, content, value) = elements(der)
    if tag != _OBJECT_IDENTIFIER:
        raise ValueError("attribute without a type")
    identifier = _identifier(type_)
    keyword, codec = _KEYWORDS.get(identifier), _CODECS.get(value_tag)
    if keyword is None or codec is None:
        return f"{keyword or identifier}=#{value.hex()}"
    return f"{keyword}={_escaped(content.decode(codec))}"


def _identifier(content: bytes) -> str:
    """Return an object identifier in dotted decimal."""
    arcs, arc = [], 0
    for byte in content:
        arc = arc << 7 | byte & ~_MORE
        if not byte & _MORE:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))


def _escaped(text: str) -> str:
    """Return a value with its special characters escaped (RFC 4514 §2.4)."""
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
