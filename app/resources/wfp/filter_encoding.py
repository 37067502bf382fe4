"""Transport filters and their values as JSON objects (`app.resources.wfp.filter_schema`)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

from app.resources.wfp.addresses import address_text, subnet_text
from app.resources.wfp.names import ACTION_TYPE, DATA_TYPE, MATCH_TYPE, filter_flags
from bindings.enums import DataType
from bindings.records import (
    Filter,
    FilterCondition,
    Range,
    TokenInformation,
    V4AddressAndMask,
    V6AddressAndMask,
    Value,
)
from bindings.well_known import CONDITION_FIELDS, LAYERS


# These constants avoid access to enum attributes, which is slow, on the hot path.
_RANGE: Final = int(DataType.RANGE)
_TOKEN_INFORMATION: Final = int(DataType.TOKEN_INFORMATION)
_UINT32: Final = int(DataType.UINT32)
_BYTE_ARRAY16: Final = int(DataType.BYTE_ARRAY16)
_SUBNETS: Final = (V4AddressAndMask, V6AddressAndMask)
_WIDE: Final = frozenset((DataType.UINT64, DataType.INT64))
_VALUELESS: Final = frozenset((DataType.EMPTY, DataType.TOKEN_ACCESS_INFORMATION))
# Values of these types may contain 0.0 or -0.0, which are equal as cache keys but differ in JSON.
# Conditions with such values are not cached.
_FLOATING: Final = frozenset((DataType.FLOAT, DataType.DOUBLE, DataType.RANGE))
_NATIVE: Final = frozenset(
    (
        DataType.UINT8,
        DataType.UINT16,
        DataType.UINT32,
        DataType.INT8,
        DataType.INT16,
        DataType.INT32,
        DataType.FLOAT,
        DataType.DOUBLE,
        DataType.SID,
        DataType.UNICODE_STRING,
    )
)


def render_filter(record: Filter) -> dict[str, Any]:
    """Return a filter as a `Filter` object."""
    layer = LAYERS.get(record.layer_key)
    return {
        "filterKey": record.filter_key,
        "name": record.name,
        "description": record.description,
        "flags": filter_flags(record.flags),
        "providerKey": record.provider_key,
        "layerKey": record.layer_key,
        **({"layer": layer} if layer else {}),
        "subLayerKey": record.sub_layer_key,
        "weight": render_value(record.weight, is_single=True),
        "filterCondition": [
            _condition(condition)
            if condition.condition_value.type in _FLOATING
            else _cached_condition(condition)
            for condition in record.conditions
        ],
        "action": {**ACTION_TYPE[record.action_type], "filterType": record.filter_type},
        "filterId": str(record.filter_id),
        "effectiveWeight": render_value(record.effective_weight, is_single=True),
    }


def render_value(value: Value, *, is_single: bool = False) -> dict[str, Any]:
    """Return a value as a `ConditionValue` object.

    Args:
        value: the value.
        is_single: whether the value is an FWP_VALUE0. The result is then a `SingleValue`
            object, and a range becomes a value of unknown type: the union of FWP_VALUE0 has no
            member for ranges (fwptypes.h).
    """
    type_, content = value
    shape = DATA_TYPE[type_]
    if type_ in _NATIVE:
        return {**shape, "value": content}
    if type_ in _WIDE:
        return {**shape, "value": None if content is None else str(content)}
    if type_ in _VALUELESS or "typeRaw" in shape:
        return shape
    if type_ == _RANGE:
        if is_single:
            return {"type": "unknown", "typeRaw": type_}
        low, high = content if isinstance(content, Range) else (None, None)
        return {
            **shape,
            "low": None if low is None else render_value(low, is_single=True),
            "high": None if high is None else render_value(high, is_single=True),
        }
    if type_ == _TOKEN_INFORMATION:
        sids, restricted = content if isinstance(content, TokenInformation) else ((), ())
        return {**shape, "sids": _sids(sids), "restrictedSids": _sids(restricted)}
    if isinstance(content, bytes):
        return {**shape, "value": content.hex()}
    if isinstance(content, _SUBNETS):
        return {**shape, "value": subnet_text(content)}
    return {**shape, "value": None}


def _condition(condition: FilterCondition) -> dict[str, Any]:
    """Return a condition as a `FilterCondition` object."""
    field = CONDITION_FIELDS.get(condition.field_key)
    rendered = {
        "fieldKey": condition.field_key,
        **({"field": field} if field else {}),
        **MATCH_TYPE[condition.match_type],
        "conditionValue": render_value(condition.condition_value),
    }
    if field is not None and field.endswith("_address"):
        address = value_address(condition.condition_value)
        if address is not None:
            rendered["address"] = address
    return rendered


_cached_condition = lru_cache(maxsize=4096)(_condition)
"""`_condition` with a cache, because equal conditions recur in many filters and every refresh."""


def value_address(value: Value) -> str | None:
    """Return the text of an address, a subnet or a range of addresses; None for other values.

    An IPv4 address is a number in host byte order; an IPv6 address is 16 bytes.
    """
    type_, content = value
    if type_ == _UINT32 and isinstance(content, int):
        return address_text(content.to_bytes(4, "big"))
    if type_ == _BYTE_ARRAY16 and isinstance(content, bytes):
        return address_text(content)
    if isinstance(content, _SUBNETS):
        return subnet_text(content)
    if isinstance(content, Range):
        low, high = value_address(content.low), value_address(content.high)
        return f"{low}-{high}" if low and high else None
    return None


def _sids(sids: tuple[tuple[str | None, int], ...]) -> list[dict[str, Any]]:
    return [{"sid": sid, "attributes": attributes} for sid, attributes in sids]
