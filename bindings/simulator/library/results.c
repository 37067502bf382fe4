/* A hash set of the blocks that are out, with open addressing. */

#include "results.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "sa_simulator.h"

typedef struct result {
    const void *block; /* NULL if the place is free */
    size_t size;
    UINT32 reset; /* how many resets there had been */
} result;

static struct {
    result *places;
    size_t capacity; /* a power of two, or 0 */
    size_t used;
    UINT32 unfreed;
    UINT32 resets;
} results;

static size_t home_of(const void *block)
{
    return (size_t)random_mix((uint64_t)(uintptr_t)block) & (results.capacity - 1);
}

/* The block's place, or the free one where it would be. */
static size_t place_of(const void *block)
{
    size_t place = home_of(block);
    while (results.places[place].block != NULL && results.places[place].block != block) {
        place = (place + 1) & (results.capacity - 1);
    }
    return place;
}

static int reserve_slot(void)
{
    if (results.used < results.capacity / 2) {
        return 1;
    }
    size_t old_capacity = results.capacity;
    result *old = results.places;
    size_t capacity = old_capacity == 0 ? 64 : old_capacity * 2;
    result *places = calloc(capacity, sizeof *places);
    if (places == NULL) {
        return 0;
    }
    results.places = places;
    results.capacity = capacity;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].block != NULL) {
            places[place_of(old[i].block)] = old[i];
        }
    }
    free(old);
    return 1;
}

void *results_create(size_t size)
{
    if (!reserve_slot()) {
        return NULL;
    }
    void *block = calloc(1, size);
    if (block != NULL) {
        result made = {block, size, results.resets};
        results.places[place_of(block)] = made;
        results.used++;
        results.unfreed++;
    }
    return block;
}

size_t results_reclaim(const void *block)
{
    if (block == NULL || results.capacity == 0) {
        return 0;
    }
    size_t hole = place_of(block);
    size_t size = results.places[hole].size;
    if (results.places[hole].block == NULL) {
        return 0;
    }
    if (results.places[hole].reset == results.resets) {
        results.unfreed--;
    }
    results.used--;
    /* Whatever was pushed on past the hole moves back into it. */
    const size_t mask = results.capacity - 1;
    size_t place = hole;
    for (;;) {
        place = (place + 1) & mask;
        if (results.places[place].block == NULL) {
            break;
        }
        size_t home = home_of(results.places[place].block);
        if (((place - home) & mask) >= ((place - hole) & mask)) {
            results.places[hole] = results.places[place];
            hole = place;
        }
    }
    memset(&results.places[hole], 0, sizeof results.places[hole]);
    return size;
}

void results_destroy(void *block, size_t size)
{
    /* Through a volatile pointer, or the compiler drops a write to memory about to be freed. */
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
