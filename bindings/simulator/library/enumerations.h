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
typedef struct enumerable {
    enumerated of;
    /* The object at a place of the snapshot as it is to be returned; NULL if it was
     * deleted meanwhile. */
    const void *(*current)(const enumeration *from, size_t place);
    /* Lays the whole tree of an object into the arena, or only measures it. */
    void *(*lay)(arena *to, const void *object);
} enumerable;

/* Makes an enumeration whose snapshot is still empty. Returns an error code, or 0. */
UINT32 enumerations_begin(HANDLE engineHandle, enumerated of, HANDLE *opened, enumeration **made);

/* The next page: what FwpmConnectionEnum0, IPsecSaContextEnum1 and their like do. */
UINT32 enumerations_next(HANDLE engineHandle, HANDLE enumHandle, const enumerable *kind,
                         UINT32 requested, void ***entries, UINT32 *returned);

UINT32 enumerations_destroy(HANDLE engineHandle, HANDLE enumHandle, enumerated of);

/* Returns one object alone, in a block of its own. */
UINT32 enumerations_give(const enumerable *kind, const void *object, void **given);

/* Brings the snapshot into another order, if that is asked for. */
void enumerations_shuffle(enumeration *which, size_t object_size);

#endif
