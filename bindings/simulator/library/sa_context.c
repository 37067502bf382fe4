/* The IPsecSaContext functions: enumerating, and reading one by its id. */

#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "copy.h"
#include "engine.h"
#include "handles.h"
#include "options.h"
#include "random.h"
#include "results.h"
#include "template.h"

typedef enum generation { GENERATION_0, GENERATION_1 } generation;

/* Lays one context into the arena, in the shape of the generation. */
static void *lay_context(arena *to, const entry *from, generation shape)
{
    generated_context room;
    const IPSEC_SA_CONTEXT1 *context = entry_context(from, &room);
    return shape == GENERATION_0 ? (void *)copy_context0(to, context)
                                 : (void *)copy_context1(to, context);
}

/* ---- enumerations ---- */

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

/* The set is fixed now ("works on a snapshot ... taken at the time the
 * enumeration handle was created", as the pages of the sibling functions say). */
static UINT32 take_snapshot(enumeration *into, const template_subnets *subnets)
{
    size_t places;
    const entry *all = store_entries(&places);
    int is_anything = template_is_anything(subnets);
    if (places == 0) {
        return ERROR_SUCCESS;
    }
    into->entries = malloc(places * sizeof *into->entries);
    if (into->entries == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    for (size_t i = 0; i < places; i++) {
        generated_context room;
        if (!all[i].is_deleted
            && (is_anything || template_matches(subnets, entry_context(&all[i], &room)))) {
            into->entries[into->count++] = all[i];
            entry_hold(&all[i]);
        }
    }
    if (option_is_set(SA_SIMULATOR_OPTION_SHUFFLE)) {
        shuffle(into->entries, into->count);
    }
    return ERROR_SUCCESS;
}

static UINT32 create_enumeration(HANDLE engineHandle,
                                 const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
                                 HANDLE *enumHandle)
{
    template_subnets subnets;
    enumeration *made;
    if (enumHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code == ERROR_SUCCESS) {
        code = template_read(&subnets, enumTemplate);
    }
    if (code != ERROR_SUCCESS) {
        return code;
    }
    HANDLE opened = handles_open_enumeration(&made);
    if (opened == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    made->session = engineHandle;
    code = take_snapshot(made, &subnets);
    if (code != ERROR_SUCCESS) {
        handles_close(opened);
        return code;
    }
    *enumHandle = opened;
    return ERROR_SUCCESS;
}

DWORD WINAPI IPsecSaContextCreateEnumHandle0(HANDLE engineHandle,
                                             const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
                                             HANDLE *enumHandle)
{
    UINT32 code = calls_begin(CREATE_ENUM_HANDLE);
    return calls_end(code != 0 ? code : create_enumeration(engineHandle, enumTemplate, enumHandle));
}

/* The enumeration of a handle, if this session may use it. */
static UINT32 check_enumeration(HANDLE engineHandle, HANDLE enumHandle, enumeration **found)
{
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    *found = handles_enumeration(enumHandle);
    if (*found == NULL) {
        return calls_misuse(ERROR_INVALID_HANDLE);
    }
    return (*found)->session == engineHandle ? ERROR_SUCCESS
                                             : calls_misuse(RPC_X_SS_HANDLES_MISMATCH);
}

/* What is returned for an entry of the snapshot; NULL if it was deleted meanwhile. */
static const entry *current(const entry *of_snapshot)
{
    return option_is_set(SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS) ? of_snapshot
                                                                : store_find(of_snapshot->id);
}

/* Measures a page: how many entries it has, where in the snapshot it ends. */
static UINT32 measure_page(const enumeration *from, UINT32 requested, generation shape, size_t *end,
                           arena *size)
{
    UINT32 count = 0;
    size_t next = from->next;
    for (; next < from->count && count < requested; next++) {
        const entry *each = current(&from->entries[next]);
        if (each != NULL) {
            (void)lay_context(size, each, shape);
            count++;
        }
    }
    *end = next;
    return count;
}

static UINT32 next_page(HANDLE engineHandle, HANDLE enumHandle, UINT32 requested, generation shape,
                        void ***entries, UINT32 *returned)
{
    enumeration *from;
    if (entries == NULL || returned == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = check_enumeration(engineHandle, enumHandle, &from);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    if (requested == 0) {
        return ERROR_INVALID_PARAMETER;
    }
    arena trees = {NULL, 0};
    size_t end;
    UINT32 count = measure_page(from, requested, shape, &end, &trees);
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
        const entry *each = current(&from->entries[from->next]);
        if (each != NULL) {
            page[filled++] = lay_context(&to, each, shape);
        }
    }
    *entries = page;
    *returned = count;
    return ERROR_SUCCESS;
}

DWORD WINAPI IPsecSaContextEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_SA_CONTEXT0 ***entries, UINT32 *numEntriesReturned)
{
    UINT32 code = calls_begin(ENUM_0);
    return calls_end(code != 0 ? code
                               : next_page(engineHandle, enumHandle, numEntriesRequested,
                                           GENERATION_0, (void ***)entries, numEntriesReturned));
}

DWORD WINAPI IPsecSaContextEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_SA_CONTEXT1 ***entries, UINT32 *numEntriesReturned)
{
    UINT32 code = calls_begin(ENUM_1);
    return calls_end(code != 0 ? code
                               : next_page(engineHandle, enumHandle, numEntriesRequested,
                                           GENERATION_1, (void ***)entries, numEntriesReturned));
}

static UINT32 destroy_enumeration(HANDLE engineHandle, HANDLE enumHandle)
{
    enumeration *found;
    UINT32 code = check_enumeration(engineHandle, enumHandle, &found);
    if (code == ERROR_SUCCESS) {
        handles_close(enumHandle);
    }
    return code;
}

DWORD WINAPI IPsecSaContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    UINT32 code = calls_begin(DESTROY_ENUM_HANDLE);
    UINT32 destroyed = destroy_enumeration(engineHandle, enumHandle);
    return calls_end(code != 0 ? code : destroyed);
}

/* ---- one context ---- */

static UINT32 get_by_id(HANDLE engineHandle, UINT64 id, generation shape, void **saContext)
{
    if (saContext == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    const entry *found = store_find(id);
    if (found == NULL) {
        return FWP_E_NOT_FOUND;
    }
    arena to = {NULL, 0};
    (void)lay_context(&to, found, shape);
    to.base = results_create(to.used);
    to.used = 0;
    if (to.base == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    *saContext = lay_context(&to, found, shape);
    return ERROR_SUCCESS;
}

DWORD WINAPI IPsecSaContextGetById0(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT0 **saContext)
{
    UINT32 code = calls_begin(GET_BY_ID_0);
    return calls_end(code != 0 ? code
                               : get_by_id(engineHandle, id, GENERATION_0, (void **)saContext));
}

DWORD WINAPI IPsecSaContextGetById1(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT1 **saContext)
{
    UINT32 code = calls_begin(GET_BY_ID_1);
    return calls_end(code != 0 ? code
                               : get_by_id(engineHandle, id, GENERATION_1, (void **)saContext));
}
