/* The IPsecSaContext functions that enumerate contexts and read one by id. */

#include <stdlib.h>

#include "calls.h"
#include "copy.h"
#include "engine.h"
#include "enumerations.h"
#include "options.h"
#include "store.h"
#include "template.h"

/* ---- contexts, in both generations ---- */

/* Implements object_ops.current. */
static const void *current(const enumeration *enumeration, size_t index)
{
    const sa_entry *in_snapshot = (const sa_entry *)enumeration->objects + index;
    return option_is_set(SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS) ? in_snapshot
                                                                : store_find(in_snapshot->id);
}

#define DEFINE_WRITE(N)                                                          \
    static void order_addresses##N(IPSEC_SA_DETAILS##N *sa)                      \
    {                                                                            \
        if (sa != NULL) {                                                        \
            option_order_v6(sa->traffic.ipVersion, sa->traffic.localV6Address);  \
            option_order_v6(sa->traffic.ipVersion, sa->traffic.remoteV6Address); \
        }                                                                        \
    }                                                                            \
    static void *write_context##N(arena *arena, const void *object)              \
    {                                                                            \
        generated_context buffer;                                                \
        const IPSEC_SA_CONTEXT1 *from = sa_entry_context(object, &buffer);       \
        IPSEC_SA_CONTEXT##N *written = copy_context##N(arena, from);             \
        if (written != NULL) {                                                   \
            order_addresses##N(written->inboundSa);                              \
            order_addresses##N(written->outboundSa);                             \
        }                                                                        \
        return written;                                                          \
    }

DEFINE_WRITE(0)
DEFINE_WRITE(1)

static const object_ops generation0 = {SA_CONTEXTS, current, write_context0};
static const object_ops generation1 = {SA_CONTEXTS, current, write_context1};

/* ---- enumerations ---- */

/* Determine the set of contexts now. An enumeration "works on a snapshot ... taken at the time the
 * enumeration handle was created", according to the documentation of similar functions. Return an
 * error code, or 0. */
static UINT32 take_snapshot(enumeration *enumeration, const template_subnets *subnets)
{
    size_t slot_count;
    const sa_entry *all = store_entries(&slot_count);
    int is_anything = template_matches_all(subnets);
    if (slot_count == 0) {
        return ERROR_SUCCESS;
    }
    sa_entry *entries = malloc(slot_count * sizeof *entries);
    if (entries == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    enumeration->objects = entries;
    for (size_t i = 0; i < slot_count; i++) {
        generated_context buffer;
        if (!all[i].is_deleted
            && (is_anything || template_matches(subnets, sa_entry_context(&all[i], &buffer)))) {
            entries[enumeration->count++] = all[i];
            sa_entry_retain(&all[i]);
        }
    }
    enumerations_shuffle(enumeration, sizeof *entries);
    return ERROR_SUCCESS;
}

/* Open an enumeration and take its snapshot. Return an error code, or 0. */
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
    HANDLE opened;
    code = enumerations_begin(engineHandle, SA_CONTEXTS, &opened, &made);
    if (code != ERROR_SUCCESS) {
        return code;
    }
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

DWORD WINAPI IPsecSaContextEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_SA_CONTEXT0 ***entries, UINT32 *numEntriesReturned)
{
    UINT32 code = calls_begin(ENUM_0);
    return calls_end(code != 0 ? code
                               : enumerations_next(engineHandle, enumHandle, &generation0,
                                                   numEntriesRequested, (void ***)entries,
                                                   numEntriesReturned));
}

DWORD WINAPI IPsecSaContextEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_SA_CONTEXT1 ***entries, UINT32 *numEntriesReturned)
{
    UINT32 code = calls_begin(ENUM_1);
    return calls_end(code != 0 ? code
                               : enumerations_next(engineHandle, enumHandle, &generation1,
                                                   numEntriesRequested, (void ***)entries,
                                                   numEntriesReturned));
}

DWORD WINAPI IPsecSaContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    UINT32 code = calls_begin(DESTROY_ENUM_HANDLE);
    UINT32 destroyed = enumerations_destroy(engineHandle, enumHandle, SA_CONTEXTS);
    return calls_end(code != 0 ? code : destroyed);
}

/* ---- one context ---- */

/* Write one context into a block that the client owns. Return an error code, or 0. */
static UINT32 get_by_id(HANDLE engineHandle, UINT64 id, const object_ops *ops, void **saContext)
{
    if (saContext == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    const sa_entry *found = store_find(id);
    return found == NULL ? FWP_E_NOT_FOUND : enumerations_get(ops, found, saContext);
}

DWORD WINAPI IPsecSaContextGetById0(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT0 **saContext)
{
    UINT32 code = calls_begin(GET_BY_ID_0);
    return calls_end(code != 0 ? code
                               : get_by_id(engineHandle, id, &generation0, (void **)saContext));
}

DWORD WINAPI IPsecSaContextGetById1(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT1 **saContext)
{
    UINT32 code = calls_begin(GET_BY_ID_1);
    return calls_end(code != 0 ? code
                               : get_by_id(engineHandle, id, &generation1, (void **)saContext));
}
