/* Pages, of which each is one block: the pointers, then the trees. */

#include "enumerations.h"

#include <string.h>

#include "calls.h"
#include "engine.h"
#include "options.h"
#include "random.h"
#include "results.h"

UINT32 enumerations_begin(HANDLE engineHandle, enumerated of, HANDLE *opened, enumeration **made)
{
    *opened = handles_open_enumeration(of, made);
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

void enumerations_shuffle(enumeration *which, size_t object_size)
{
    static random_source order;
    uint8_t *objects = which->objects;
    if (!option_is_set(SA_SIMULATOR_OPTION_SHUFFLE)) {
        return;
    }
    for (size_t left = which->count; left > 1; left--) {
        size_t picked = random_below(&order, (UINT32)left);
        exchange(objects + (left - 1) * object_size, objects + picked * object_size, object_size);
    }
}

/* The enumeration of a handle, if this session may use it. */
static UINT32 check(HANDLE engineHandle, HANDLE enumHandle, enumerated of, enumeration **found)
{
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    *found = handles_enumeration(enumHandle, of);
    if (*found == NULL) {
        return calls_misuse(ERROR_INVALID_HANDLE);
    }
    return (*found)->session == engineHandle ? ERROR_SUCCESS
                                             : calls_misuse(RPC_X_SS_HANDLES_MISMATCH);
}

/* Measures a page: how many entries it has, where in the snapshot it ends. */
static UINT32 measure_page(const enumeration *from, const enumerable *kind, UINT32 requested,
                           size_t *end, arena *size)
{
    UINT32 count = 0;
    size_t next = from->next;
    for (; next < from->count && count < requested; next++) {
        const void *each = kind->current(from, next);
        if (each != NULL) {
            (void)kind->lay(size, each);
            count++;
        }
    }
    *end = next;
    return count;
}

UINT32 enumerations_next(HANDLE engineHandle, HANDLE enumHandle, const enumerable *kind,
                         UINT32 requested, void ***entries, UINT32 *returned)
{
    enumeration *from;
    if (entries == NULL || returned == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = check(engineHandle, enumHandle, kind->of, &from);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    if (requested == 0) {
        return ERROR_INVALID_PARAMETER;
    }
    arena trees = {NULL, 0};
    size_t end;
    UINT32 count = measure_page(from, kind, requested, &end, &trees);
    if (count == 0 && !option_is_set(SA_SIMULATOR_OPTION_EMPTY_BLOCK)) {
        from->next = end;
        *entries = NULL;
        *returned = 0;
        return ERROR_SUCCESS;
    }

    size_t pointers = (count == 0 ? 1 : count) * sizeof(void *);
    arena to = {results_create(pointers + trees.used), pointers};
    if (to.base == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    void **page = (void **)(void *)to.base;
    UINT32 filled = 0;
    for (; from->next < end; from->next++) {
        const void *each = kind->current(from, from->next);
        if (each != NULL) {
            page[filled++] = kind->lay(&to, each);
        }
    }
    *entries = page;
    *returned = count;
    return ERROR_SUCCESS;
}

UINT32 enumerations_destroy(HANDLE engineHandle, HANDLE enumHandle, enumerated of)
{
    enumeration *found;
    UINT32 code = check(engineHandle, enumHandle, of, &found);
    if (code == ERROR_SUCCESS) {
        handles_close(enumHandle);
    }
    return code;
}

UINT32 enumerations_give(const enumerable *kind, const void *object, void **given)
{
    arena to = {NULL, 0};
    (void)kind->lay(&to, object);
    to.base = results_create(to.used);
    to.used = 0;
    if (to.base == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    *given = kind->lay(&to, object);
    return ERROR_SUCCESS;
}
