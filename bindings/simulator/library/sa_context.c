/* The IPsecSaContext functions: enumerating, and reading one by its id. */

#include "calls.h"
#include "copy.h"
#include "engine.h"
#include "enumeration.h"
#include "template.h"

static const entry *find_context(UINT64 id)
{
    return store_find(id);
}

static void *lay_context(arena *to, const entry *from, UINT32 generation)
{
    generated_context room;
    const IPSEC_SA_CONTEXT1 *context = entry_context(from, &room);
    return generation == 0 ? (void *)copy_context0(to, context)
                           : (void *)copy_context1(to, context);
}

static const enumeration_kind contexts = {find_context, lay_context};

static void take_snapshot(enumeration *into, const template_subnets *subnets)
{
    size_t places;
    const entry *all = store_entries(&places);
    int is_anything = template_is_anything(subnets);
    for (size_t i = 0; i < places; i++) {
        generated_context room;
        if (!all[i].is_deleted
            && (is_anything || template_matches(subnets, entry_context(&all[i], &room)))) {
            enumeration_add(into, &all[i]);
        }
    }
    enumeration_order(into);
}

static UINT32 create_enumeration(HANDLE engineHandle,
                                 const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
                                 HANDLE *enumHandle)
{
    static const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 anything;
    template_subnets subnets;
    enumeration *made;
    if (enumHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code == ERROR_SUCCESS) {
        enumTemplate = enumTemplate == NULL ? &anything : enumTemplate;
        code = template_read(&subnets, &enumTemplate->localSubNet, &enumTemplate->remoteSubNet);
    }
    if (code == ERROR_SUCCESS) {
        code = enumeration_open(engineHandle, &contexts, store_count(), &made, enumHandle);
    }
    if (code == ERROR_SUCCESS) {
        take_snapshot(made, &subnets);
    }
    return code;
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
                               : enumeration_next(engineHandle, enumHandle, &contexts, 0,
                                                  numEntriesRequested, (void ***)entries,
                                                  numEntriesReturned));
}

DWORD WINAPI IPsecSaContextEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 IPSEC_SA_CONTEXT1 ***entries, UINT32 *numEntriesReturned)
{
    UINT32 code = calls_begin(ENUM_1);
    return calls_end(code != 0 ? code
                               : enumeration_next(engineHandle, enumHandle, &contexts, 1,
                                                  numEntriesRequested, (void ***)entries,
                                                  numEntriesReturned));
}

DWORD WINAPI IPsecSaContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    UINT32 code = calls_begin(DESTROY_ENUM_HANDLE);
    UINT32 destroyed = enumeration_destroy(engineHandle, enumHandle, &contexts);
    return calls_end(code != 0 ? code : destroyed);
}

DWORD WINAPI IPsecSaContextGetById0(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT0 **saContext)
{
    UINT32 code = calls_begin(GET_BY_ID_0);
    return calls_end(code != 0 ? code
                               : get_by_id(engineHandle, id, &contexts, 0, (void **)saContext));
}

DWORD WINAPI IPsecSaContextGetById1(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT1 **saContext)
{
    UINT32 code = calls_begin(GET_BY_ID_1);
    return calls_end(code != 0 ? code
                               : get_by_id(engineHandle, id, &contexts, 1, (void **)saContext));
}
