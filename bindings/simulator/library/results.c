/* A hash table of the unfreed blocks, by address. */

#include "results.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "hash_table.h"
#include "sa_simulator.h"

typedef struct result {
    uint64_t address; /* of the block: the key */
    size_t size;
    UINT32 reset; /* the number of resets before it */
} result;

static struct {
    hash_table blocks; /* of `result` */
    UINT32 unfreed;
    UINT32 resets;
} results = {.blocks = {.element_size = sizeof(result)}};

void *results_create(size_t size)
{
    void *block = calloc(1, size);
    if (block == NULL) {
        return NULL;
    }
    result *added = hash_table_add(&results.blocks, (uintptr_t)block);
    if (added == NULL) {
        free(block);
        return NULL;
    }
    added->size = size;
    added->reset = results.resets;
    results.unfreed++;
    return block;
}

size_t results_reclaim(const void *block)
{
    result *found = hash_table_find(&results.blocks, (uintptr_t)block);
    if (found == NULL) {
        return 0;
    }
    size_t size = found->size;
    if (found->reset == results.resets) {
        results.unfreed--;
    }
    hash_table_remove(&results.blocks, found);
    return size;
}

void results_destroy(void *block, size_t size)
{
    /* Call memset through a volatile pointer: otherwise, the compiler omits a write to memory that
     * is freed next. */
    static void *(*const volatile poison)(void *, int, size_t) = memset;
    (void)poison(block, SA_SIMULATOR_POISON, size);
    free(block);
}

UINT32 results_unfreed(void)
{
    return results.unfreed;
}

void results_reset(void)
{
    results.unfreed = 0;
    results.resets++;
}
