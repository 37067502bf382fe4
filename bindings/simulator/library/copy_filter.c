/* The transport filter of an SA, and the values of its conditions. */

#include "copy.h"

#include <string.h>

/* Both value types are a type and a union of 8 bytes, at the same places; only
 * the condition's knows addresses with masks and ranges. */
_Static_assert(sizeof(FWP_VALUE0) == sizeof(FWP_CONDITION_VALUE0), "FWP_VALUE0, fwptypes.h");

static void *copy_plain(arena *to, const void *from, size_t size, size_t alignment)
{
    if (from == NULL) {
        return NULL;
    }
    void *copy = arena_take(to, size, alignment);
    if (copy != NULL) {
        memcpy(copy, from, size);
    }
    return copy;
}

#define COPY_PLAIN(to, from, T) ((T *)copy_plain((to), (from), sizeof(T), _Alignof(T)))

static FWP_BYTE_BLOB *copy_blob(arena *to, const FWP_BYTE_BLOB *from)
{
    if (from == NULL) {
        return NULL;
    }
    FWP_BYTE_BLOB *copy = ARENA_TAKE(to, FWP_BYTE_BLOB);
    FWP_BYTE_BLOB blob = copy_bytes(to, *from);
    if (copy != NULL) {
        *copy = blob;
    }
    return copy;
}

static SID *copy_sid(arena *to, const SID *from)
{
    if (from == NULL) {
        return NULL;
    }
    size_t size = offsetof(SID, SubAuthority) + from->SubAuthorityCount * sizeof(UINT32);
    return (SID *)copy_plain(to, from, size, _Alignof(SID));
}

static SID_AND_ATTRIBUTES *copy_sids(arena *to, const SID_AND_ATTRIBUTES *from, ULONG count)
{
    if (from == NULL) {
        return NULL;
    }
    SID_AND_ATTRIBUTES *copy = ARENA_TAKE_ARRAY(to, SID_AND_ATTRIBUTES, count);
    for (ULONG i = 0; i < count; i++) {
        SID *sid = copy_sid(to, from[i].Sid);
        if (copy != NULL) {
            copy[i].Sid = sid;
            copy[i].Attributes = from[i].Attributes;
        }
    }
    return copy;
}

static FWP_TOKEN_INFORMATION *copy_token_information(arena *to, const FWP_TOKEN_INFORMATION *from)
{
    if (from == NULL) {
        return NULL;
    }
    FWP_TOKEN_INFORMATION *copy = ARENA_TAKE(to, FWP_TOKEN_INFORMATION);
    SID_AND_ATTRIBUTES *sids = copy_sids(to, from->sids, from->sidCount);
    SID_AND_ATTRIBUTES *restricted = copy_sids(to, from->restrictedSids, from->restrictedSidCount);
    if (copy != NULL) {
        *copy = *from;
        copy->sids = sids;
        copy->restrictedSids = restricted;
    }
    return copy;
}

static FWP_VALUE0 copy_value(arena *to, const FWP_VALUE0 *from)
{
    FWP_VALUE0 copy = *from;
    switch (from->type) {
    case FWP_UINT64:
        copy.uint64 = COPY_PLAIN(to, from->uint64, UINT64);
        break;
    case FWP_INT64:
        copy.int64 = COPY_PLAIN(to, from->int64, INT64);
        break;
    case FWP_DOUBLE:
        copy.double64 = COPY_PLAIN(to, from->double64, double);
        break;
    case FWP_BYTE_ARRAY16_TYPE:
        copy.byteArray16 = COPY_PLAIN(to, from->byteArray16, FWP_BYTE_ARRAY16);
        break;
    case FWP_BYTE_ARRAY6_TYPE:
        copy.byteArray6 = COPY_PLAIN(to, from->byteArray6, FWP_BYTE_ARRAY6);
        break;
    case FWP_BYTE_BLOB_TYPE:
    case FWP_SECURITY_DESCRIPTOR_TYPE:
    case FWP_TOKEN_ACCESS_INFORMATION_TYPE:
        copy.byteBlob = copy_blob(to, from->byteBlob);
        break;
    case FWP_SID:
        copy.sid = copy_sid(to, from->sid);
        break;
    case FWP_TOKEN_INFORMATION_TYPE:
        copy.tokenInformation = copy_token_information(to, from->tokenInformation);
        break;
    case FWP_UNICODE_STRING_TYPE:
        copy.unicodeString = copy_string(to, from->unicodeString);
        break;
    default:
        /* In the union itself, or unknown: the bytes came over with the structure. */
        break;
    }
    return copy;
}

static FWP_RANGE0 *copy_range(arena *to, const FWP_RANGE0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    FWP_RANGE0 *copy = ARENA_TAKE(to, FWP_RANGE0);
    FWP_VALUE0 low = copy_value(to, &from->valueLow);
    FWP_VALUE0 high = copy_value(to, &from->valueHigh);
    if (copy != NULL) {
        copy->valueLow = low;
        copy->valueHigh = high;
    }
    return copy;
}

FWP_CONDITION_VALUE0 copy_condition_value(arena *to, const FWP_CONDITION_VALUE0 *from)
{
    FWP_CONDITION_VALUE0 copy = *from;
    if (from->type == FWP_V4_ADDR_MASK) {
        copy.v4AddrMask = COPY_PLAIN(to, from->v4AddrMask, FWP_V4_ADDR_AND_MASK);
    } else if (from->type == FWP_V6_ADDR_MASK) {
        copy.v6AddrMask = COPY_PLAIN(to, from->v6AddrMask, FWP_V6_ADDR_AND_MASK);
    } else if (from->type == FWP_RANGE_TYPE) {
        copy.rangeValue = copy_range(to, from->rangeValue);
    } else {
        FWP_VALUE0 value;
        memcpy(&value, from, sizeof value);
        value = copy_value(to, &value);
        memcpy(&copy, &value, sizeof copy);
    }
    return copy;
}

static FWPM_FILTER_CONDITION0 *copy_conditions(arena *to, const FWPM_FILTER_CONDITION0 *from,
                                               UINT32 count)
{
    if (from == NULL) {
        return NULL;
    }
    FWPM_FILTER_CONDITION0 *copy = ARENA_TAKE_ARRAY(to, FWPM_FILTER_CONDITION0, count);
    for (UINT32 i = 0; i < count; i++) {
        FWP_CONDITION_VALUE0 value = copy_condition_value(to, &from[i].conditionValue);
        if (copy != NULL) {
            copy[i] = from[i];
            copy[i].conditionValue = value;
        }
    }
    return copy;
}

FWPM_FILTER0 *copy_filter(arena *to, const FWPM_FILTER0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    FWPM_FILTER0 *room = ARENA_TAKE(to, FWPM_FILTER0);
    FWPM_FILTER0 copy = *from;
    copy.displayData.name = copy_string(to, from->displayData.name);
    copy.displayData.description = copy_string(to, from->displayData.description);
    copy.providerKey = copy_guid(to, from->providerKey);
    copy.providerData = copy_bytes(to, from->providerData);
    copy.weight = copy_value(to, &from->weight);
    copy.filterCondition = copy_conditions(to, from->filterCondition, from->numFilterConditions);
    copy.reserved = copy_guid(to, from->reserved);
    copy.effectiveWeight = copy_value(to, &from->effectiveWeight);
    if (room != NULL) {
        *room = copy;
    }
    return room;
}
