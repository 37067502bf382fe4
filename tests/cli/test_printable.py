"""What commands print for programs and people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from app.cli.printable import print_json_items


@pytest.mark.parametrize("count", [0, 1, 3])
def test_items_are_printed_as_one_indented_object(
    capsysbinary: pytest.CaptureFixture[bytes], count: int
) -> None:
    items = [{"a": index, "b": {"c": ["line\nbreak"]}} for index in range(count)]

    print_json_items(items)

    expected = orjson.dumps({"items": items}, option=orjson.OPT_INDENT_2) + b"\n"
    assert capsysbinary.readouterr().out == expected


def test_an_item_is_printed_before_the_next_is_read(
    capsysbinary: pytest.CaptureFixture[bytes],
) -> None:
    printed: list[bytes] = []

    def items() -> Iterator[dict[str, Any]]:
        for index in range(3):
            yield {"number": index}
            printed.append(capsysbinary.readouterr().out)

    print_json_items(items())

    assert [b'"number": %d' % index in text for index, text in enumerate(printed)] == [True] * 3
