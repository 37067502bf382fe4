/* Crowds: many alike objects, as real hosts meet them when something goes wrong or many clients
 * call. The number of a crowd's recipe names the crowd and the place in it. Callers hold
 * LOCK_ENGINE. */

#ifndef SIMULATOR_CROWD_H
#define SIMULATOR_CROWD_H

#include <stdint.h>

enum {
    CROWD_NONE,
    CROWD_STORM,
    CROWD_NAT,
    CROWD_HALF_OPEN,
    CROWD_USERS,
    CROWD_SPOOFED,
    CROWD_COUNT,
    CROWD_PLACES = 1 << 20 /* in each crowd */
};

/* Set the population whose host the crowds meet, and begin with their first places again. */
void crowd_seed(uint64_t population);

/* Add the next `count` objects of a crowd. Return how many were added. */
uint32_t crowd_add(uint32_t crowd, uint32_t count);

/* Return the number of a recipe, far from those of a population and of churn. */
static inline uint32_t crowd_number(uint32_t crowd, uint32_t place)
{
    return 0x80000000u | crowd << 20 | place;
}

/* Return the crowd of a recipe's number; CROWD_NONE if it is none's. */
static inline uint32_t crowd_of(uint32_t number)
{
    return number & 0x80000000u ? number >> 20 & 0x7FFu : CROWD_NONE;
}

/* Return the place in its crowd. */
static inline uint32_t crowd_place(uint32_t number)
{
    return number & (CROWD_PLACES - 1u);
}

#endif
