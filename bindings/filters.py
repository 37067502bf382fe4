"""Reading and decoding the transport filter of an SA (FWPM_FILTER0, fwpmtypes.h)."""

from __future__ import annotations

from bindings.guid import guid_text, well_known_guid_text
from bindings.memory import Layout, RawTree, collected, read_guid, read_wide_string
from bindings.records import Filter, FilterCondition
from bindings.values import decode_value, read_condition_value, read_value


FILTER = Layout(
    "FWPM_FILTER0",
    "filterKey",
    "displayData.name",
    "displayData.description",
    "flags",
    "providerKey",
    "layerKey",
    "subLayerKey",
    "weight.type",
    "weight.uint64",
    "numFilterConditions",
    "filterCondition",
    "action.type",
    "action.filterType",
    "filterId",
    "effectiveWeight.type",
    "effectiveWeight.uint64",
)
CONDITION = Layout(
    "FWPM_FILTER_CONDITION0",
    "fieldKey",
    "matchType",
    "conditionValue.type",
    "conditionValue.uint64",
)


def read_filter(address: int) -> RawTree:
    """Copy the FWPM_FILTER0 at `address`, without providerData and the provider context."""
    (
        filter_key,
        name,
        description,
        flags,
        provider_key,
        layer_key,
        sub_layer_key,
        weight_type,
        weight,
        condition_count,
        conditions,
        action_type,
        filter_type,
        filter_id,
        effective_weight_type,
        effective_weight,
    ) = FILTER.read(address)
    return (
        filter_key,
        read_wide_string(name),
        read_wide_string(description),
        flags,
        read_guid(provider_key),
        layer_key,
        sub_layer_key,
        read_value(weight_type, weight),
        collected(_condition, CONDITION.read_array(conditions, condition_count))
        if conditions
        else (),
        action_type,
        filter_type,
        filter_id,
        read_value(effective_weight_type, effective_weight),
    )


def _condition(field_key: bytes, match_type: int, type_: int, union: int) -> RawTree:
    return field_key, match_type, read_condition_value(type_, union)


def decode_filter(tree: RawTree) -> Filter:
    """Decode a copied filter."""
    (
        filter_key,
        name,
        description,
        flags,
        provider_key,
        layer_key,
        sub_layer_key,
        weight,
        conditions,
        action_type,
        filter_type,
        filter_id,
        effective_weight,
    ) = tree
    return Filter(
        guid_text(filter_key),
        name,
        description,
        flags,
        None if provider_key is None else well_known_guid_text(provider_key),
        well_known_guid_text(layer_key),
        well_known_guid_text(sub_layer_key),
        decode_value(*weight),
        tuple(
            [
                FilterCondition(well_known_guid_text(field_key), match_type, decode_value(*value))
                for field_key, match_type, value in conditions
            ]
        ),
        action_type,
        well_known_guid_text(filter_type),
        filter_id,
        decode_value(*effective_weight),
    )
