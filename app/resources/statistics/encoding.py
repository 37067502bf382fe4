"""Converts WFP's records of statistics to the fields of `app.resources.statistics.schema`."""

from __future__ import annotations

from typing import Any

from app.resources.wfp.failures import failure_of
from app.schemas.hexadecimal import hex32
from bindings.statistics import KeymoduleStatistics, TrafficStatistics


def encode_statistics(record: Any) -> dict[str, Any]:
    """Return the counters of a record by name, recursively. Omit counters that are None."""
    encoded = {
        name: encode_statistics(value) if isinstance(value, tuple) else value
        for name, value in zip(record._fields, record, strict=True)
        if value is not None and name != "error_frequency_table"
    }
    if isinstance(record, TrafficStatistics):  # 64-bit numbers exceed JSON's safe integers
        return {name: str(value) for name, value in encoded.items()}
    if isinstance(record, KeymoduleStatistics):
        encoded["error_frequency_table"] = [
            _error_frequency(code, frequency) for code, frequency in record.errors().items()
        ]
    return encoded


def _error_frequency(code: int, frequency: int) -> dict[str, Any]:
    failure = failure_of(code)
    name = {} if failure is None else {"error": failure.name}
    return {**name, "code": code, "code_hex": hex32(code), "frequency": frequency}
