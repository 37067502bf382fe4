/* The FwpmConnection functions that enumerate connections and read one by id. */

#include <stdlib.h>

#include "calls.h"
#include "connection_events.h"
#include "copy.h"
#include "enumerations.h"
#include "generator_connection.h"
#include "options.h"

/* Implements object_ops.current. */
static const void *current(const enumeration *enumeration, size_t index)
{
    const connection *in_snapshot = (const connection *)enumeration->objects + index;
    /* A connection that was added with sa_simulator_put_connection has a tree. The snapshot owns no
     * reference to the tree, so look up the connection again. */
    return option_is_set(SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS) && in_snapshot->tree == NULL
               ? in_snapshot
               : connections_find(in_snapshot->id);
}

static void *write_connection(arena *arena, const void *object)
{
    generated_connection buffer;
    generate_connection(&buffer, object);
    return copy_connection(arena, &buffer.connection);
}

static const object_ops ops = {CONNECTIONS, current, write_connection};

/* ---- enumerations ---- */

/* Copy the matching connections, and query the driver first if the template asks for that. A NULL
 * template matches all connections. Return an error code, or 0. */
static UINT32 take_snapshot(enumeration *enumeration,
                            const FWPM_CONNECTION_ENUM_TEMPLATE0 *enumTemplate)
{
    size_t count;
    connection **all = connections_list(&count);
    if (count == 0 || !connections_are_monitored()) {
        return ERROR_SUCCESS;
    }
    connection *taken = malloc(count * sizeof *taken);
    if (taken == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    enumeration->objects = taken;
    int is_any = enumTemplate == NULL
                 || (enumTemplate->connectionId == 0
                     && !option_is_set(SA_SIMULATOR_OPTION_ZERO_MATCHES_NONE));
    UINT32 flags = enumTemplate == NULL ? 0 : enumTemplate->flags;
    for (size_t i = 0; i < count; i++) {
        if (!is_any && enumTemplate->connectionId != all[i]->id) {
            continue;
        }
        if ((flags & FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED) != 0) {
            connection_query_bytes(all[i]);
        }
        taken[enumeration->count++] = *all[i];
    }
    enumerations_shuffle(enumeration, sizeof *taken);
    return ERROR_SUCCESS;
}

/* Open an enumeration and take its snapshot. Return an error code, or 0. */
static UINT32 create_enumeration(HANDLE engineHandle,
                                 const FWPM_CONNECTION_ENUM_TEMPLATE0 *enumTemplate,
                                 HANDLE *enumHandle)
{
    HANDLE opened;
    enumeration *made;
    if (enumHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = connections_check_engine(engineHandle);
    if (code == ERROR_SUCCESS) {
        code = enumerations_begin(engineHandle, CONNECTIONS, &opened, &made);
    }
    if (code != ERROR_SUCCESS) {
        return code;
    }
    code = take_snapshot(made, enumTemplate);
    if (code != ERROR_SUCCESS) {
        handles_close(opened);
        return code;
    }
    *enumHandle = opened;
    return ERROR_SUCCESS;
}

DWORD WINAPI FwpmConnectionCreateEnumHandle0(HANDLE engineHandle,
                                             const FWPM_CONNECTION_ENUM_TEMPLATE0 *enumTemplate,
                                             HANDLE *enumHandle)
{
    UINT32 code = calls_begin(CONNECTION_CREATE_ENUM_HANDLE);
    return calls_end(code != 0 ? code : create_enumeration(engineHandle, enumTemplate, enumHandle));
}

DWORD WINAPI FwpmConnectionEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                                 FWPM_CONNECTION0 ***entries, UINT32 *numEntriesReturned)
{
    UINT32 code = calls_begin(CONNECTION_ENUM);
    return calls_end(code != 0
                         ? code
                         : enumerations_next(engineHandle, enumHandle, &ops, numEntriesRequested,
                                             (void ***)entries, numEntriesReturned));
}

DWORD WINAPI FwpmConnectionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    UINT32 code = calls_begin(CONNECTION_DESTROY_ENUM_HANDLE);
    UINT32 destroyed = enumerations_destroy(engineHandle, enumHandle, CONNECTIONS);
    return calls_end(code != 0 ? code : destroyed);
}

/* ---- one connection ---- */

/* Write one connection into a block that the client owns. The driver is not queried, because no
 * flag asks for that. Return an error code, or 0. */
static UINT32 get_by_id(HANDLE engineHandle, UINT64 id, FWPM_CONNECTION0 **result)
{
    if (result == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = connections_check_engine(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    const connection *found = connections_are_monitored() ? connections_find(id) : NULL;
    return found == NULL ? FWP_E_NOT_FOUND : enumerations_get(&ops, found, (void **)result);
}

DWORD WINAPI FwpmConnectionGetById0(HANDLE engineHandle, UINT64 id, FWPM_CONNECTION0 **connection)
{
    UINT32 code = calls_begin(CONNECTION_GET_BY_ID);
    return calls_end(code != 0 ? code : get_by_id(engineHandle, id, connection));
}
