/* The transport filter of an SA. */

#include "json.h"
#include "names.h"

static void put_condition(writer *to, const FWPM_FILTER_CONDITION0 *condition)
{
    const named_guid *field = FIND_GUID(condition_fields, &condition->fieldKey);
    PUT(to, "{\"fieldKey\":");
    put_guid(to, &condition->fieldKey);
    if (field != NULL) {
        PUT(to, ",\"field\":");
        put(to, field->name, field->length);
    }
    PUT(to, ",");
    put_match_type(to, condition->matchType);
    PUT(to, ",\"conditionValue\":");
    put_condition_value(to, &condition->conditionValue);
    if (field != NULL && field->is_address) {
        put_address_member(to, &condition->conditionValue);
    }
    PUT(to, "}");
}

static void put_conditions(writer *to, const FWPM_FILTER_CONDITION0 *conditions, UINT32 count)
{
    PUT(to, "[");
    for (UINT32 i = 0; conditions != NULL && i < count; i++) {
        if (i != 0) {
            PUT(to, ",");
        }
        put_condition(to, &conditions[i]);
    }
    PUT(to, "]");
}

void put_filter(writer *to, const FWPM_FILTER0 *filter)
{
    const named_guid *layer = FIND_GUID(layers, &filter->layerKey);
    PUT(to, "{\"filterKey\":");
    put_guid(to, &filter->filterKey);
    PUT(to, ",\"name\":");
    put_string(to, filter->displayData.name);
    PUT(to, ",\"description\":");
    put_string(to, filter->displayData.description);
    PUT(to, ",\"flags\":{\"value\":");
    put_unsigned(to, filter->flags);
    PUT(to, ",\"names\":");
    UINT32 unknown = PUT_FLAGS(to, filter_flags, filter->flags);
    PUT(to, ",\"unknown\":");
    put_unsigned(to, unknown);
    PUT(to, "},\"providerKey\":");
    put_guid_or_null(to, filter->providerKey);
    PUT(to, ",\"layerKey\":");
    put_guid(to, &filter->layerKey);
    if (layer != NULL) {
        PUT(to, ",\"layer\":");
        put(to, layer->name, layer->length);
    }
    PUT(to, ",\"subLayerKey\":");
    put_guid(to, &filter->subLayerKey);
    PUT(to, ",\"weight\":");
    put_value(to, &filter->weight);
    PUT(to, ",\"filterCondition\":");
    put_conditions(to, filter->filterCondition, filter->numFilterConditions);
    PUT(to, ",\"action\":{");
    put_action_type(to, filter->action.type);
    PUT(to, ",\"filterType\":");
    put_guid(to, &filter->action.filterType);
    PUT(to, "},\"filterId\":");
    put_unsigned_text(to, filter->filterId);
    PUT(to, ",\"effectiveWeight\":");
    put_value(to, &filter->effectiveWeight);
    PUT(to, "}");
}
