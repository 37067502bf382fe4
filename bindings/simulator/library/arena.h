/* Allocation of a whole tree in one heap block.
 *
 * WFP returns trees of structures, and one call of FwpmFreeMemory0 frees a whole tree. Therefore a
 * tree occupies one block. The same code runs twice: on a measuring arena, which has no memory and
 * only adds up sizes, then on an arena of the measured size.
 */

#ifndef SIMULATOR_ARENA_H
#define SIMULATOR_ARENA_H

#include <stddef.h>
#include <stdint.h>

typedef struct arena {
    uint8_t *base; /* NULL while measuring */
    size_t used;
} arena;

/* Allocate `size` bytes, aligned to a power of two. Return NULL while measuring. Otherwise, even a
 * size of 0 gives a pointer that is not NULL, as for WFP's arrays without elements. */
static inline void *arena_take(arena *arena, size_t size, size_t alignment)
{
    size_t start = (arena->used + alignment - 1) & ~(alignment - 1);
    arena->used = start + size;
    return arena->base == NULL ? NULL : arena->base + start;
}

#define ARENA_TAKE(to, T) ((T *)arena_take((to), sizeof(T), _Alignof(T)))
#define ARENA_TAKE_ARRAY(to, T, count) ((T *)arena_take((to), sizeof(T) * (count), _Alignof(T)))

#endif
