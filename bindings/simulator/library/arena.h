/* One heap block that holds a whole tree.
 *
 * WFP returns a tree of structures that one FwpmFreeMemory0 frees, so a tree is
 * laid into one block. It is walked twice by the same code: first on a
 * measuring arena, which only adds up sizes, then on one of that size.
 */

#ifndef SIMULATOR_ARENA_H
#define SIMULATOR_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct arena {
    uint8_t *base; /* NULL while measuring */
    size_t used;
} arena;

/* Room for `size` bytes, aligned to a power of two; NULL while measuring. Room
 * for 0 bytes is a valid pointer too, as a zero-sized array of WFP has. */
static inline void *arena_take(arena *arena, size_t size, size_t alignment)
{
    size_t start = (arena->used + alignment - 1) & ~(alignment - 1);
    arena->used = start + size;
    return arena->base == NULL ? NULL : arena->base + start;
}

#define ARENA_TAKE(to, T) ((T *)arena_take((to), sizeof(T), _Alignof(T)))
#define ARENA_TAKE_ARRAY(to, T, count) ((T *)arena_take((to), sizeof(T) * (count), _Alignof(T)))

#endif
