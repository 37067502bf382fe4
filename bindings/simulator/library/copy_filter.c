/* The transport filter of an SA, and the values of its conditions. */

#include "copy.h"

#include <string.h>

/* FWP_VALUE0 and FWP_CONDITION_VALUE0 consist of a type and a union of 8 bytes, at equal offsets.
 * Only the union of FWP_CONDITION_VALUE0 has members for addresses with masks and for ranges. */
_Static_assert(sizeof(FWP_VALUE0) == sizeof(FWP_CONDITION_VALUE0), "FWP_VALUE0, fwptypes.h");

static void *copy_plain(arena *arena, const void *from, size_t size, size_t alignment)
{
    if (from == NULL) {
        return NULL;
    }
    void *copy = arena_take(arena, size, alignment);
    if (copy != NULL) {
        memcpy(copy, from, size);
    }
    return copy;
}

#define COPY_PLAIN(to, from, T) ((T *)copy_plain((to), (from), sizeof(T), _Alignof(T)))

static FWP_BYTE_BLOB *copy_blob(arena *arena, const FWP_BYTE_BLOB *from)
{
    if (from == NULL) {
        return NULL;
    }
    FWP_BYTE_BLOB *copy = ARENA_TAKE(arena, FWP_BYTE_BLOB);
    FWP_BYTE_BLOB blob = copy_bytes(arena, *from);
    if (copy != NULL) {
        *copy = blob;
    }
    return copy;
}

static SID *copy_sid(arena *arena, const SID *from)
{
    if (from == NULL) {
        return NULL;
    }
    size_t size = offsetof(SID, SubAuthority) + from->SubAuthorityCount * sizeof(UINT32);
    return (SID *)copy_plain(arena, from, size, _Alignof(SID));
}

static SID_AND_ATTRIBUTES *copy_sids(arena *arena, const SID_AND_ATTRIBUTES *from, ULONG count)
{
    if (from == NULL) {
        return NULL;
    }
    SID_AND_ATTRIBUTES *copy = ARENA_TAKE_ARRAY(arena, SID_AND_ATTRIBUTES, count);
    for (ULONG i = 0; i < count; i++) {
        SID *sid = copy_sid(arena, from[i].Sid);
        if (copy != NULL) {
            copy[i].Sid = sid;
            copy[i].Attributes = from[i].Attributes;
        }
    }
    return copy;
}

static FWP_TOKEN_INFORMATION *copy_token_information(arena *arena,
                                                     const FWP_TOKEN_INFORMATION *from)
{
    if (from == NULL) {
        return NULL;
    }
    FWP_TOKEN_INFORMATION *copy = ARENA_TAKE(arena, FWP_TOKEN_INFORMATION);
    SID_AND_ATTRIBUTES *sids = copy_sids(arena, from->sids, from->sidCount);
    SID_AND_ATTRIBUTES *restricted =
        copy_sids(arena, from->restrictedSids, from->restrictedSidCount);
    if (copy != NULL) {
        *copy = *from;
        copy->sids = sids;
        copy->restrictedSids = restricted;
    }
    return copy;
}

static FWP_VALUE0 copy_value(arena *arena, const FWP_VALUE0 *from)
{
    FWP_VALUE0 copy = *from;
    switch (from->type) {
    case FWP_UINT64:
        copy.uint64 = COPY_PLAIN(arena, from->uint64, UINT64);
        break;
    case FWP_INT64:
        copy.int64 = COPY_PLAIN(arena, from->int64, INT64);
        break;
    case FWP_DOUBLE:
        copy.double64 = COPY_PLAIN(arena, from->double64, double);
        break;
    case FWP_BYTE_ARRAY16_TYPE:
        copy.byteArray16 = COPY_PLAIN(arena, from->byteArray16, FWP_BYTE_ARRAY16);
        break;
    case FWP_BYTE_ARRAY6_TYPE:
        copy.byteArray6 = COPY_PLAIN(arena, from->byteArray6, FWP_BYTE_ARRAY6);
        break;
    case FWP_BYTE_BLOB_TYPE:
    case FWP_SECURITY_DESCRIPTOR_TYPE:
    case FWP_TOKEN_ACCESS_INFORMATION_TYPE:
        copy.byteBlob = copy_blob(arena, from->byteBlob);
        break;
    case FWP_SID:
        copy.sid = copy_sid(arena, from->sid);
        break;
    case FWP_TOKEN_INFORMATION_TYPE:
        copy.tokenInformation = copy_token_information(arena, from->tokenInformation);
        break;
    case FWP_UNICODE_STRING_TYPE:
        copy.unicodeString = copy_string(arena, from->unicodeString);
        break;
    default:
        /* The value is in the union itself, or its type is unknown: it was copied with the
         * structure. */
        break;
    }
    return copy;
}

static FWP_RANGE0 *copy_range(arena *arena, const FWP_RANGE0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    FWP_RANGE0 *copy = ARENA_TAKE(arena, FWP_RANGE0);
    FWP_VALUE0 low = copy_value(arena, &from->valueLow);
    FWP_VALUE0 high = copy_value(arena, &from->valueHigh);
    if (copy != NULL) {
        copy->valueLow = low;
        copy->valueHigh = high;
    }
    return copy;
}

FWP_CONDITION_VALUE0 copy_condition_value(arena *arena, const FWP_CONDITION_VALUE0 *from)
{
    FWP_CONDITION_VALUE0 copy = *from;
    if (from->type == FWP_V4_ADDR_MASK) {
        copy.v4AddrMask = COPY_PLAIN(arena, from->v4AddrMask, FWP_V4_ADDR_AND_MASK);
    } else if (from->type == FWP_V6_ADDR_MASK) {
        copy.v6AddrMask = COPY_PLAIN(arena, from->v6AddrMask, FWP_V6_ADDR_AND_MASK);
    } else if (from->type == FWP_RANGE_TYPE) {
        copy.rangeValue = copy_range(arena, from->rangeValue);
    } else {
        FWP_VALUE0 value;
        memcpy(&value, from, sizeof value);
        value = copy_value(arena, &value);
        memcpy(&copy, &value, sizeof copy);
    }
    return copy;
}

static FWPM_FILTER_CONDITION0 *copy_conditions(arena *arena, const FWPM_FILTER_CONDITION0 *from,
                                               UINT32 count)
{
    if (from == NULL) {
        return NULL;
    }
    FWPM_FILTER_CONDITION0 *copy = ARENA_TAKE_ARRAY(arena, FWPM_FILTER_CONDITION0, count);
    for (UINT32 i = 0; i < count; i++) {
        FWP_CONDITION_VALUE0 value = copy_condition_value(arena, &from[i].conditionValue);
        if (copy != NULL) {
            copy[i] = from[i];
            copy[i].conditionValue = value;
        }
    }
    return copy;
}

FWPM_FILTER0 *copy_filter(arena *arena, const FWPM_FILTER0 *from)
{
    if (from == NULL) {
        return NULL;
    }
    FWPM_FILTER0 *target = ARENA_TAKE(arena, FWPM_FILTER0);
    FWPM_FILTER0 copy = *from;
    copy.displayData.name = copy_string(arena, from->displayData.name);
    copy.displayData.description = copy_string(arena, from->displayData.description);
    copy.providerKey = copy_guid(arena, from->providerKey);
    copy.providerData = copy_bytes(arena, from->providerData);
    copy.weight = copy_value(arena, &from->weight);
    copy.filterCondition = copy_conditions(arena, from->filterCondition, from->numFilterConditions);
    copy.reserved = copy_guid(arena, from->reserved);
    copy.effectiveWeight = copy_value(arena, &from->effectiveWeight);
    if (target != NULL) {
        *target = copy;
    }
    return target;
}
