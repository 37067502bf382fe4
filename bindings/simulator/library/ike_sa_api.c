/* The IkeextSa functions that enumerate main mode SAs and read one by id. */

#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "copy.h"
#include "engine.h"
#include "enumerations.h"
#include "main_modes.h"
#include "options.h"
#include "template.h"

/* Implements object_ops.current. */
static const void *current(const enumeration *enumeration, size_t index)
{
    const sa_entry *in_snapshot = (const sa_entry *)enumeration->objects + index;
    return option_is_set(SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS) ? in_snapshot
                                                                : main_modes_find(in_snapshot->id);
}

#define DEFINE_WRITE(N)                                                                       \
    static void *write_sa##N(arena *arena, const void *object)                                \
    {                                                                                         \
        generated_ike_sa buffer;                                                              \
        IKEEXT_SA_DETAILS##N *written = copy_ike_sa##N(arena, main_mode_sa(object, &buffer)); \
        if (written != NULL) {                                                                \
            IKEEXT_TRAFFIC0 *traffic = &written->ikeTraffic;                                  \
            option_order_v6(traffic->ipVersion, traffic->localV6Address);                     \
            option_order_v6(traffic->ipVersion, traffic->remoteV6Address);                    \
        }                                                                                     \
        return written;                                                                       \
    }

DEFINE_WRITE(0)
DEFINE_WRITE(1)
DEFINE_WRITE(2)

static const object_ops generations[] = {
    {IKE_SAS, current, write_sa0},
    {IKE_SAS, current, write_sa1},
    {IKE_SAS, current, write_sa2},
};

/* Return whether this host authenticated in main mode with the certificate that has this hash. An
 * empty hash matches every SA. */
static int has_local_certificate(const FWP_BYTE_BLOB *hash, const IKEEXT_SA_DETAILS2 *sa)
{
    const IKEEXT_CREDENTIALS2 *credentials = &sa->ikeCredentials;
    if (hash->size == 0) {
        return 1;
    }
    if (credentials->numCredentials == 0 || credentials->credentials == NULL) {
        return 0;
    }
    const IKEEXT_CREDENTIAL2 *local = &credentials->credentials[0].localCredentials;
    switch (local->authenticationMethodType) {
    case IKEEXT_CERTIFICATE:
    case IKEEXT_CERTIFICATE_ECDSA_P256:
    case IKEEXT_CERTIFICATE_ECDSA_P384:
    case IKEEXT_SSL:
    case IKEEXT_SSL_ECDSA_P256:
    case IKEEXT_SSL_ECDSA_P384:
    case IKEEXT_IPV6_CGA:
        return local->certificate != NULL && local->certificate->certHash.data != NULL
               && local->certificate->certHash.size == hash->size
               && memcmp(local->certificate->certHash.data, hash->data, hash->size) == 0;
    default:
        return 0;
    }
}

/* Copy the matching SAs into the enumeration. Return an error code, or 0. */
static UINT32 take_snapshot(enumeration *enumeration, const template_subnets *subnets,
                            const FWP_BYTE_BLOB *hash)
{
    size_t count = main_modes_count();
    if (count == 0) {
        return ERROR_SUCCESS;
    }
    sa_entry *entries = malloc(count * sizeof *entries);
    if (entries == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    enumeration->objects = entries;
    main_modes_list(entries);
    for (size_t i = 0; i < count; i++) {
        generated_ike_sa buffer;
        const IKEEXT_SA_DETAILS2 *sa = main_mode_sa(&entries[i], &buffer);
        const IKEEXT_TRAFFIC0 *traffic = &sa->ikeTraffic;
        if (template_contains(subnets, traffic->ipVersion, traffic->localV4Address,
                              traffic->localV6Address, traffic->remoteV4Address,
                              traffic->remoteV6Address)
            && has_local_certificate(hash, sa)) {
            entries[enumeration->count] = entries[i];
            sa_entry_retain(&entries[enumeration->count++]);
        }
    }
    enumerations_shuffle(enumeration, sizeof *entries);
    return ERROR_SUCCESS;
}

/* Open an enumeration and take its snapshot. Return an error code, or 0. */
static UINT32 create_enumeration(HANDLE engineHandle, const IKEEXT_SA_ENUM_TEMPLATE0 *enumTemplate,
                                 HANDLE *enumHandle)
{
    static const IKEEXT_SA_ENUM_TEMPLATE0 anything;
    template_subnets subnets;
    enumeration *made;
    HANDLE opened;
    if (enumHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    enumTemplate = enumTemplate == NULL ? &anything : enumTemplate;
    if (code == ERROR_SUCCESS) {
        code = template_read_subnets(&subnets, &enumTemplate->localSubNet,
                                     &enumTemplate->remoteSubNet);
    }
    if (code == ERROR_SUCCESS && enumTemplate->localMainModeCertHash.size != 0
        && enumTemplate->localMainModeCertHash.data == NULL) {
        code = RPC_X_NULL_REF_POINTER;
    }
    if (code == ERROR_SUCCESS) {
        code = enumerations_begin(engineHandle, IKE_SAS, &opened, &made);
    }
    if (code != ERROR_SUCCESS) {
        return code;
    }
    code = take_snapshot(made, &subnets, &enumTemplate->localMainModeCertHash);
    if (code != ERROR_SUCCESS) {
        handles_close(opened);
        return code;
    }
    *enumHandle = opened;
    return ERROR_SUCCESS;
}

DWORD WINAPI IkeextSaCreateEnumHandle0(HANDLE engineHandle,
                                       const IKEEXT_SA_ENUM_TEMPLATE0 *enumTemplate,
                                       HANDLE *enumHandle)
{
    UINT32 code = calls_begin(IKE_CREATE_ENUM_HANDLE);
    return calls_end(code != 0 ? code : create_enumeration(engineHandle, enumTemplate, enumHandle));
}

DWORD WINAPI IkeextSaEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                           IKEEXT_SA_DETAILS0 ***entries, UINT32 *numEntriesReturned)
{
    UINT32 code = calls_begin(IKE_ENUM_0);
    return calls_end(code != 0 ? code
                               : enumerations_next(engineHandle, enumHandle, &generations[0],
                                                   numEntriesRequested, (void ***)entries,
                                                   numEntriesReturned));
}

DWORD WINAPI IkeextSaEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                           IKEEXT_SA_DETAILS1 ***entries, UINT32 *numEntriesReturned)
{
    UINT32 code = calls_begin(IKE_ENUM_1);
    return calls_end(code != 0 ? code
                               : enumerations_next(engineHandle, enumHandle, &generations[1],
                                                   numEntriesRequested, (void ***)entries,
                                                   numEntriesReturned));
}

DWORD WINAPI IkeextSaEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                           IKEEXT_SA_DETAILS2 ***entries, UINT32 *numEntriesReturned)
{
    UINT32 code = calls_begin(IKE_ENUM_2);
    return calls_end(code != 0 ? code
                               : enumerations_next(engineHandle, enumHandle, &generations[2],
                                                   numEntriesRequested, (void ***)entries,
                                                   numEntriesReturned));
}

DWORD WINAPI IkeextSaDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    UINT32 code = calls_begin(IKE_DESTROY_ENUM_HANDLE);
    UINT32 destroyed = enumerations_destroy(engineHandle, enumHandle, IKE_SAS);
    return calls_end(code != 0 ? code : destroyed);
}

/* ---- one SA ---- */

/* Write one SA into a block that the client owns. Return an error code, or 0. */
static UINT32 get_by_id(HANDLE engineHandle, UINT64 id, const object_ops *ops, void **sa)
{
    if (sa == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    const sa_entry *found = main_modes_find(id);
    return found == NULL ? FWP_E_NOT_FOUND : enumerations_get(ops, found, sa);
}

DWORD WINAPI IkeextSaGetById0(HANDLE engineHandle, UINT64 id, IKEEXT_SA_DETAILS0 **sa)
{
    UINT32 code = calls_begin(IKE_GET_BY_ID_0);
    return calls_end(code != 0 ? code : get_by_id(engineHandle, id, &generations[0], (void **)sa));
}

/* Microsoft does not document what the lookup context selects; the simulator ignores it. */

DWORD WINAPI IkeextSaGetById1(HANDLE engineHandle, UINT64 id, GUID *saLookupContext,
                              IKEEXT_SA_DETAILS1 **sa)
{
    (void)saLookupContext;
    UINT32 code = calls_begin(IKE_GET_BY_ID_1);
    return calls_end(code != 0 ? code : get_by_id(engineHandle, id, &generations[1], (void **)sa));
}

DWORD WINAPI IkeextSaGetById2(HANDLE engineHandle, UINT64 id, GUID *saLookupContext,
                              IKEEXT_SA_DETAILS2 **sa)
{
    (void)saLookupContext;
    UINT32 code = calls_begin(IKE_GET_BY_ID_2);
    return calls_end(code != 0 ? code : get_by_id(engineHandle, id, &generations[2], (void **)sa));
}
