/* What enumerations of all kinds have in common: a snapshot, given page by page,
 * and reading one object by its id. Callers hold LOCK_ENGINE.
 */

#ifndef SIMULATOR_ENUMERATION_H
#define SIMULATOR_ENUMERATION_H

#include "arena.h"
#include "handles.h"

/* What is enumerated. */
struct enumeration_kind {
    const entry *(*find)(UINT64 id); /* NULL if there is none, or none any more */
    /* Lays one into the arena, in the shape of a generation of its struct. */
    void *(*lay)(arena *to, const entry *from, UINT32 generation);
};

/* Opens an enumeration with room for that many entries and none in it. */
UINT32 enumeration_open(HANDLE engineHandle, const enumeration_kind *of, size_t capacity,
                        enumeration **made, HANDLE *enumHandle);
/* Adds one to the snapshot, whose set is fixed when the handle is created ("works on a
 * snapshot ... taken at the time the enumeration handle was created", as the pages say). */
void enumeration_add(enumeration *to, const entry *added);
/* Ends the taking of the snapshot. */
void enumeration_order(enumeration *made);

UINT32 enumeration_next(HANDLE engineHandle, HANDLE enumHandle, const enumeration_kind *of,
                        UINT32 generation, UINT32 requested, void ***entries, UINT32 *returned);
UINT32 enumeration_destroy(HANDLE engineHandle, HANDLE enumHandle, const enumeration_kind *of);

UINT32 get_by_id(HANDLE engineHandle, UINT64 id, const enumeration_kind *of, UINT32 generation,
                 void **object);

#endif
