"""Names in index keys, which filters compare without regard to case.

Packed names are text in UTF-8 between bytes that UTF-8 never contains, so no name can imitate
another. Packing is cheap, because every changed object is packed; only filters on names fold case.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Final


WILDCARD: Final = "*"
"""At the end of a pattern, it stands for any text. Anywhere else, it stands for itself."""

_END: Final = b"\xff"
_ESCAPE: Final = "surrogateescape"
"""Decodes the bytes between names to lone surrogates, which names never contain."""


class NameKind(Enum):
    """What a packed name belongs to; the value is the byte before the name."""

    PRINCIPAL = b"\xfd"
    RULE = b"\xfe"


def pack_name(kind: NameKind, name: str) -> bytes:
    """Return a name as a part of an index key."""
    return b"%b%b\xff" % (kind.value, name.encode(errors="replace"))


def pack_names(kind: NameKind, names: Iterable[str | None]) -> bytes:
    """Return names of one kind as a part of an index key; None is omitted."""
    return b"".join([pack_name(kind, name) for name in names if name is not None])


def names_in(packed: bytes, kind: NameKind) -> list[str]:
    """Return the names of one kind among packed names."""
    return [part.partition(_END)[0].decode() for part in packed.split(kind.value)[1:]]


def name_condition(patterns: Mapping[NameKind, Iterable[str]]) -> Callable[[bytes], bool]:
    """Return a function that returns whether packed names match patterns of each kind.

    A pattern is a name, or the beginning of one followed by `WILDCARD`. The names match if, for
    each kind that has patterns, one name matches one pattern.
    """
    needles = [[_needle(kind, pattern) for pattern in some] for kind, some in patterns.items()]
    groups = [*filter(None, needles)]

    def is_met(packed: bytes) -> bool:
        folded = packed.decode(errors=_ESCAPE).casefold()
        return all(any(map(folded.__contains__, group)) for group in groups)

    return is_met


def _needle(kind: NameKind, pattern: str) -> str:
    end = b"" if pattern.endswith(WILDCARD) else _END
    packed = kind.value + pattern.removesuffix(WILDCARD).encode(errors="replace") + end
    return packed.decode(errors=_ESCAPE).casefold()
