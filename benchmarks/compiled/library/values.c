/* FWP_VALUE0 and FWP_CONDITION_VALUE0. */

#include "json.h"
#include "names.h"

static void put_sids(writer *to, const SID_AND_ATTRIBUTES *sids, ULONG count)
{
    PUT(to, "[");
    for (ULONG i = 0; sids != NULL && i < count; i++) {
        if (i != 0) {
            PUT(to, ",");
        }
        PUT(to, "{\"sid\":");
        put_sid(to, sids[i].Sid);
        PUT(to, ",\"attributes\":");
        put_unsigned(to, sids[i].Attributes);
        PUT(to, "}");
    }
    PUT(to, "]");
}

/* Writes the members `sids` and `restrictedSids`. */
static void put_token_information(writer *to, const FWP_TOKEN_INFORMATION *token)
{
    static const FWP_TOKEN_INFORMATION nothing = {0};
    if (token == NULL) {
        token = &nothing;
    }
    PUT(to, "\"sids\":");
    put_sids(to, token->sids, token->sidCount);
    PUT(to, ",\"restrictedSids\":");
    put_sids(to, token->restrictedSids, token->restrictedSidCount);
}

static void put_blob(writer *to, const FWP_BYTE_BLOB *blob)
{
    if (blob == NULL) {
        put_null(to);
    } else {
        put_hex(to, blob->data, blob->data == NULL ? 0 : blob->size);
    }
}

/* Writes the value of a type that has a single value. */
static void put_content(writer *to, const FWP_VALUE0 *value)
{
    switch (value->type) {
    case FWP_UINT8:
        put_unsigned(to, value->uint8);
        return;
    case FWP_UINT16:
        put_unsigned(to, value->uint16);
        return;
    case FWP_UINT32:
        put_unsigned(to, value->uint32);
        return;
    case FWP_INT8:
        put_signed(to, value->int8);
        return;
    case FWP_INT16:
        put_signed(to, value->int16);
        return;
    case FWP_INT32:
        put_signed(to, value->int32);
        return;
    case FWP_FLOAT:
        put_double(to, (double)value->float32);
        return;
    default:
        break;
    }
    if (value->uint64 == NULL) {
        put_null(to);
        return;
    }
    switch (value->type) {
    case FWP_UINT64:
        put_unsigned_text(to, *value->uint64);
        return;
    case FWP_INT64:
        put_signed_text(to, *value->int64);
        return;
    case FWP_DOUBLE:
        put_double(to, *value->double64);
        return;
    case FWP_BYTE_ARRAY16_TYPE:
        put_hex(to, value->byteArray16->byteArray16, 16);
        return;
    case FWP_BYTE_ARRAY6_TYPE:
        put_hex(to, value->byteArray6->byteArray6, 6);
        return;
    case FWP_BYTE_BLOB_TYPE:
        put_blob(to, value->byteBlob);
        return;
    case FWP_SECURITY_DESCRIPTOR_TYPE:
        put_blob(to, value->sd);
        return;
    case FWP_SID:
        put_sid(to, value->sid);
        return;
    case FWP_UNICODE_STRING_TYPE:
        put_string(to, value->unicodeString);
        return;
    default: /* an address with a mask, for which the union of FWP_VALUE0 has no member */
        put_null(to);
    }
}

void put_value(writer *to, const FWP_VALUE0 *value)
{
    PUT(to, "{");
    if (value->type == FWP_RANGE_TYPE) { /* the union has no member for ranges */
        PUT(to, "\"type\":\"unknown\",\"typeRaw\":");
        put_unsigned(to, (UINT32)value->type);
        PUT(to, "}");
        return;
    }
    bool is_known = put_data_type(to, value->type);
    switch (value->type) {
    case FWP_EMPTY:
    case FWP_TOKEN_ACCESS_INFORMATION_TYPE:
        break;
    case FWP_TOKEN_INFORMATION_TYPE:
        PUT(to, ",");
        put_token_information(to, value->tokenInformation);
        break;
    default:
        if (is_known) {
            PUT(to, ",\"value\":");
            put_content(to, value);
        }
    }
    PUT(to, "}");
}

void put_condition_value(writer *to, const FWP_CONDITION_VALUE0 *value)
{
    if (value->type == FWP_V4_ADDR_MASK && value->v4AddrMask != NULL) {
        PUT(to, "{");
        put_data_type(to, value->type);
        PUT(to, ",\"value\":\"");
        put_v4_subnet(to, value->v4AddrMask);
        PUT(to, "\"}");
    } else if (value->type == FWP_V6_ADDR_MASK && value->v6AddrMask != NULL) {
        PUT(to, "{");
        put_data_type(to, value->type);
        PUT(to, ",\"value\":\"");
        put_v6_subnet(to, value->v6AddrMask);
        PUT(to, "\"}");
    } else if (value->type == FWP_RANGE_TYPE && value->rangeValue != NULL) {
        PUT(to, "{");
        put_data_type(to, value->type);
        PUT(to, ",\"low\":");
        put_value(to, &value->rangeValue->valueLow);
        PUT(to, ",\"high\":");
        put_value(to, &value->rangeValue->valueHigh);
        PUT(to, "}");
    } else if (value->type == FWP_RANGE_TYPE) {
        PUT(to, "{");
        put_data_type(to, value->type);
        PUT(to, ",\"low\":null,\"high\":null}");
    } else {
        FWP_VALUE0 single;
        single.type = value->type;
        single.uint64 = value->uint64; /* copies the whole union: no member is wider */
        put_value(to, &single);
    }
}

static bool is_address(const FWP_VALUE0 *value)
{
    return value->type == FWP_UINT32
           || (value->type == FWP_BYTE_ARRAY16_TYPE && value->byteArray16 != NULL);
}

static void put_address(writer *to, const FWP_VALUE0 *value)
{
    if (value->type == FWP_UINT32) {
        put_v4_address(to, value->uint32);
    } else {
        put_v6_address(to, value->byteArray16->byteArray16);
    }
}

void put_address_member(writer *to, const FWP_CONDITION_VALUE0 *value)
{
    FWP_VALUE0 single;
    single.type = value->type;
    single.uint64 = value->uint64;
    const FWP_RANGE0 *range = value->type == FWP_RANGE_TYPE ? value->rangeValue : NULL;
    if (is_address(&single)) {
        PUT(to, ",\"address\":\"");
        put_address(to, &single);
    } else if (value->type == FWP_V4_ADDR_MASK && value->v4AddrMask != NULL) {
        PUT(to, ",\"address\":\"");
        put_v4_subnet(to, value->v4AddrMask);
    } else if (value->type == FWP_V6_ADDR_MASK && value->v6AddrMask != NULL) {
        PUT(to, ",\"address\":\"");
        put_v6_subnet(to, value->v6AddrMask);
    } else if (range != NULL && is_address(&range->valueLow) && is_address(&range->valueHigh)) {
        PUT(to, ",\"address\":\"");
        put_address(to, &range->valueLow);
        PUT(to, "-");
        put_address(to, &range->valueHigh);
    } else {
        return;
    }
    PUT(to, "\"");
}
