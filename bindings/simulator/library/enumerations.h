/* Enumerations of every kind, read page by page by the session that began them.
 *
 * Each page is one block: an array of pointers, then the trees. Callers hold LOCK_ENGINE.
 */

#ifndef SIMULATOR_ENUMERATIONS_H
#define SIMULATOR_ENUMERATIONS_H

#include "arena.h"
#include "handles.h"
#include "wfp.h"

/* The operations on the objects of one kind, for one generation of their structure. */
typedef struct object_ops {
    object_kind kind;
    /* Return the object at this index of the snapshot, in the state that the client must see; NULL
     * if it was deleted meanwhile. */
    const void *(*current)(const enumeration *enumeration, size_t index);
    /* Write the tree of an object into the arena, or only measure it. Return its root. */
    void *(*write)(arena *arena, const void *object);
} object_ops;

/* Open an enumeration with an empty snapshot. The caller fills the snapshot, or closes the handle.
 * Return an error code, or 0. */
UINT32 enumerations_begin(HANDLE engineHandle, object_kind kind, HANDLE *opened,
                          enumeration **made);

/* Read the next page, as FwpmConnectionEnum0, IPsecSaContextEnum1 and similar functions do. The
 * client owns *entries, which for a page without entries is NULL, or a block if
 * SA_SIMULATOR_OPTION_EMPTY_BLOCK is set. Return an error code, or 0. If memory ran out, the page
 * can be read again. */
UINT32 enumerations_next(HANDLE engineHandle, HANDLE enumHandle, const object_ops *ops,
                         UINT32 requested, void ***entries, UINT32 *returned);

/* Close an enumeration of this kind. Return an error code, or 0. */
UINT32 enumerations_destroy(HANDLE engineHandle, HANDLE enumHandle, object_kind kind);

/* Write one object into a block of its own, which the client owns, and set *result to it. Return an
 * error code, or 0. */
UINT32 enumerations_get(const object_ops *ops, const void *object, void **result);

/* Shuffle the snapshot, if SA_SIMULATOR_OPTION_SHUFFLE is set. */
void enumerations_shuffle(enumeration *enumeration, size_t object_size);

#endif
