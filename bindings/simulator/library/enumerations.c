/* A page is first measured, then written into a block of the measured size. */

#include "enumerations.h"

#include <string.h>

#include "calls.h"
#include "engine.h"
#include "options.h"
#include "random.h"
#include "results.h"

UINT32 enumerations_begin(HANDLE engineHandle, object_kind kind, HANDLE *opened, enumeration **made)
{
    *opened = handles_open_enumeration(kind, made);
    if (*opened == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    (*made)->session = engineHandle;
    return ERROR_SUCCESS;
}

static void exchange(uint8_t *one, uint8_t *other, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        uint8_t moved = one[i];
        one[i] = other[i];
        other[i] = moved;
    }
}

void enumerations_shuffle(enumeration *enumeration, size_t object_size)
{
    static random_source order;
    uint8_t *objects = enumeration->objects;
    if (!option_is_set(SA_SIMULATOR_OPTION_SHUFFLE)) {
        return;
    }
    for (size_t left = enumeration->count; left > 1; left--) {
        size_t picked = random_below(&order, (UINT32)left);
        exchange(objects + (left - 1) * object_size, objects + picked * object_size, object_size);
    }
}

/* Find the enumeration of a handle. Return an error code if the session may not use it, or 0. */
static UINT32 check(HANDLE engineHandle, HANDLE enumHandle, object_kind kind, enumeration **found)
{
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    *found = handles_enumeration(enumHandle, kind);
    if (*found == NULL) {
        return calls_misuse(ERROR_INVALID_HANDLE);
    }
    return (*found)->session == engineHandle ? ERROR_SUCCESS
                                             : calls_misuse(RPC_X_SS_HANDLES_MISMATCH);
}

/* Measure a page, and add its size to `size`. Return its number of entries; set *end to the index
 * of the first object after it. */
static UINT32 measure_page(const enumeration *enumeration, const object_ops *ops, UINT32 requested,
                           size_t *end, arena *size)
{
    UINT32 count = 0;
    size_t next = enumeration->next;
    for (; next < enumeration->count && count < requested; next++) {
        const void *each = ops->current(enumeration, next);
        if (each != NULL) {
            (void)ops->write(size, each);
            count++;
        }
    }
    *end = next;
    return count;
}

UINT32 enumerations_next(HANDLE engineHandle, HANDLE enumHandle, const object_ops *ops,
                         UINT32 requested, void ***entries, UINT32 *returned)
{
    enumeration *enumeration;
    if (entries == NULL || returned == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = check(engineHandle, enumHandle, ops->kind, &enumeration);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    if (requested == 0) {
        return ERROR_INVALID_PARAMETER;
    }
    arena trees = {NULL, 0};
    size_t end;
    UINT32 count = measure_page(enumeration, ops, requested, &end, &trees);
    if (count == 0 && !option_is_set(SA_SIMULATOR_OPTION_EMPTY_BLOCK)) {
        enumeration->next = end;
        *entries = NULL;
        *returned = 0;
        return ERROR_SUCCESS;
    }

    size_t pointers = (count == 0 ? 1 : count) * sizeof(void *);
    arena arena = {results_create(pointers + trees.used), pointers};
    if (arena.base == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    void **page = (void **)(void *)arena.base;
    UINT32 filled = 0;
    for (; enumeration->next < end; enumeration->next++) {
        const void *each = ops->current(enumeration, enumeration->next);
        if (each != NULL) {
            page[filled++] = ops->write(&arena, each);
        }
    }
    *entries = page;
    *returned = count;
    return ERROR_SUCCESS;
}

UINT32 enumerations_destroy(HANDLE engineHandle, HANDLE enumHandle, object_kind kind)
{
    enumeration *found;
    UINT32 code = check(engineHandle, enumHandle, kind, &found);
    if (code == ERROR_SUCCESS) {
        handles_close(enumHandle);
    }
    return code;
}

UINT32 enumerations_get(const object_ops *ops, const void *object, void **result)
{
    arena arena = {NULL, 0};
    (void)ops->write(&arena, object);
    arena.base = results_create(arena.used);
    arena.used = 0;
    if (arena.base == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    *result = ops->write(&arena, object);
    return ERROR_SUCCESS;
}
