/* Pseudorandom numbers that follow from a seed and are equal on every platform. */

#ifndef SIMULATOR_RANDOM_H
#define SIMULATOR_RANDOM_H

#include <stdint.h>

/* SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number
 * Generators", 2014): one word of state, any seed is good. */
typedef struct random_source {
    uint64_t state;
} random_source;

static inline uint64_t random_mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static inline uint64_t random_next(random_source *source)
{
    source->state += 0x9E3779B97F4A7C15u;
    return random_mix(source->state);
}

/* Return a source for one purpose. Sources with one seed and different purposes are independent. */
static inline random_source random_for(uint64_t seed, uint64_t purpose)
{
    random_source source = {random_mix(seed + 0x9E3779B97F4A7C15u) ^ random_mix(purpose)};
    return source;
}

/* Return a number from 0 to `bound` - 1; `bound` must not be 0. The bias does not matter here. */
static inline uint32_t random_below(random_source *source, uint32_t bound)
{
    return (uint32_t)(((random_next(source) >> 32) * bound) >> 32);
}

/* Return 1 in `percent` of 100 cases, otherwise 0. */
static inline int random_chance(random_source *source, uint32_t percent)
{
    return random_below(source, 100) < percent;
}

#endif
