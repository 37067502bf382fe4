/* Enumerations of every kind: read page by page, by the session that began them.
 *
 * Callers hold LOCK_ENGINE.
 */

#ifndef SIMULATOR_ENUMERATIONS_H
#define SIMULATOR_ENUMERATIONS_H

#include "arena.h"
#include "handles.h"
#include "wfp.h"

/* How the objects of one kind are returned. */
typedef struct object_ops {
    object_kind kind;
    /* The object at a place of the snapshot as it is to be returned; NULL if it was
     * deleted meanwhile. */
    const void *(*current)(const enumeration *enumeration, size_t index);
    /* Lays the whole tree of an object into the arena, or only measures it. */
    void *(*write)(arena *arena, const void *object);
} object_ops;

/* Makes an enumeration whose snapshot is still empty. Returns an error code, or 0. */
UINT32 enumerations_begin(HANDLE engineHandle, object_kind kind, HANDLE *opened,
                          enumeration **made);

/* The next page: what FwpmConnectionEnum0, IPsecSaContextEnum1 and their like do. */
UINT32 enumerations_next(HANDLE engineHandle, HANDLE enumHandle, const object_ops *ops,
                         UINT32 requested, void ***entries, UINT32 *returned);

UINT32 enumerations_destroy(HANDLE engineHandle, HANDLE enumHandle, object_kind kind);

/* Returns one object alone, in a block of its own. */
UINT32 enumerations_get(const object_ops *ops, const void *object, void **result);

/* Brings the snapshot into another order, if that is asked for. */
void enumerations_shuffle(enumeration *enumeration, size_t object_size);

#endif
