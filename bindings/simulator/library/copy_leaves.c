/* The leaves of a tree: GUIDs, strings, bytes, secrets. */

#include "copy.h"

#include <string.h>

#include "sa_simulator.h"

GUID *copy_guid(arena *arena, const GUID *from)
{
    if (from == NULL) {
        return NULL;
    }
    GUID *copy = ARENA_TAKE(arena, GUID);
    if (copy != NULL) {
        *copy = *from;
    }
    return copy;
}

char16_t *copy_string(arena *arena, const char16_t *from)
{
    if (from == NULL) {
        return NULL;
    }
    /* All code units up to the terminator: names may contain lone surrogates. */
    size_t length = 0;
    while (from[length] != 0) {
        length++;
    }
    char16_t *copy = ARENA_TAKE_ARRAY(arena, char16_t, length + 1);
    if (copy != NULL) {
        memcpy(copy, from, (length + 1) * sizeof *copy);
    }
    return copy;
}

FWP_BYTE_BLOB copy_bytes(arena *arena, FWP_BYTE_BLOB from)
{
    FWP_BYTE_BLOB copy = from;
    if (from.data != NULL) {
        copy.data = ARENA_TAKE_ARRAY(arena, UINT8, from.size);
        if (copy.data != NULL) {
            memcpy(copy.data, from.data, from.size);
        }
    }
    return copy;
}

FWP_BYTE_BLOB copy_secret(arena *arena, FWP_BYTE_BLOB from)
{
    static const char canary[] = SA_SIMULATOR_CANARY_TEXT;
    const size_t length = sizeof canary - 1;

    FWP_BYTE_BLOB copy = from;
    if (from.data != NULL) {
        copy.data = ARENA_TAKE_ARRAY(arena, UINT8, from.size);
        if (copy.data != NULL) {
            for (size_t done = 0; done < from.size; done += length) {
                size_t left = from.size - done;
                memcpy(copy.data + done, canary, left < length ? left : length);
            }
        }
    }
    return copy;
}
