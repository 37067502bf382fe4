/* Snapshots, pages and single objects. */

#include "enumeration.h"

#include <stdlib.h>

#include "calls.h"
#include "engine.h"
#include "options.h"
#include "random.h"
#include "results.h"

UINT32 enumeration_open(HANDLE engineHandle, const enumeration_kind *of, size_t capacity,
                        enumeration **made, HANDLE *enumHandle)
{
    HANDLE opened = handles_open_enumeration(made);
    if (opened == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    (*made)->session = engineHandle;
    (*made)->of = of;
    if (capacity != 0) {
        (*made)->entries = malloc(capacity * sizeof(entry));
        if ((*made)->entries == NULL) {
            handles_close(opened);
            return ERROR_NOT_ENOUGH_MEMORY;
        }
    }
    *enumHandle = opened;
    return ERROR_SUCCESS;
}

void enumeration_add(enumeration *to, const entry *added)
{
    to->entries[to->count++] = *added;
    entry_hold(added);
}

static void shuffle(entry *entries, size_t count)
{
    static random_source order;
    for (size_t left = count; left > 1; left--) {
        size_t picked = random_below(&order, (UINT32)left);
        entry moved = entries[left - 1];
        entries[left - 1] = entries[picked];
        entries[picked] = moved;
    }
}

void enumeration_order(enumeration *made)
{
    if (option_is_set(SA_SIMULATOR_OPTION_SHUFFLE)) {
        shuffle(made->entries, made->count);
    }
}

/* The enumeration of a handle, if this session may use it for this. */
static UINT32 check_enumeration(HANDLE engineHandle, HANDLE enumHandle, const enumeration_kind *of,
                                enumeration **found)
{
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    *found = handles_enumeration(enumHandle);
    if (*found == NULL || (*found)->of != of) {
        return calls_misuse(ERROR_INVALID_HANDLE);
    }
    return (*found)->session == engineHandle ? ERROR_SUCCESS
                                             : calls_misuse(RPC_X_SS_HANDLES_MISMATCH);
}

/* What is returned for an entry of the snapshot; NULL if it was deleted meanwhile. */
static const entry *current(const enumeration *from, const entry *of_snapshot)
{
    return option_is_set(SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS) ? of_snapshot
                                                                : from->of->find(of_snapshot->id);
}

/* Measures a page: how many entries it has, where in the snapshot it ends. */
static UINT32 measure_page(const enumeration *from, UINT32 requested, UINT32 generation,
                           size_t *end, arena *size)
{
    UINT32 count = 0;
    size_t next = from->next;
    for (; next < from->count && count < requested; next++) {
        const entry *each = current(from, &from->entries[next]);
        if (each != NULL) {
            (void)from->of->lay(size, each, generation);
            count++;
        }
    }
    *end = next;
    return count;
}

UINT32 enumeration_next(HANDLE engineHandle, HANDLE enumHandle, const enumeration_kind *of,
                        UINT32 generation, UINT32 requested, void ***entries, UINT32 *returned)
{
    enumeration *from;
    if (entries == NULL || returned == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = check_enumeration(engineHandle, enumHandle, of, &from);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    if (requested == 0) {
        return ERROR_INVALID_PARAMETER;
    }
    arena trees = {NULL, 0};
    size_t end;
    UINT32 count = measure_page(from, requested, generation, &end, &trees);
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
        const entry *each = current(from, &from->entries[from->next]);
        if (each != NULL) {
            page[filled++] = of->lay(&to, each, generation);
        }
    }
    *entries = page;
    *returned = count;
    return ERROR_SUCCESS;
}

UINT32 enumeration_destroy(HANDLE engineHandle, HANDLE enumHandle, const enumeration_kind *of)
{
    enumeration *found;
    UINT32 code = check_enumeration(engineHandle, enumHandle, of, &found);
    if (code == ERROR_SUCCESS) {
        handles_close(enumHandle);
    }
    return code;
}

UINT32 get_by_id(HANDLE engineHandle, UINT64 id, const enumeration_kind *of, UINT32 generation,
                 void **object)
{
    if (object == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    const entry *found = of->find(id);
    if (found == NULL) {
        return FWP_E_NOT_FOUND;
    }
    arena to = {NULL, 0};
    (void)of->lay(&to, found, generation);
    to.base = results_create(to.used);
    to.used = 0;
    if (to.base == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    *object = of->lay(&to, found, generation);
    return ERROR_SUCCESS;
}
