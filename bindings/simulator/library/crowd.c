/* Adding crowds (crowd.h): the recipes of their contexts, and the failures of spoofed peers. */

#include "crowd.h"

#include "churn.h"
#include "engine.h"
#include "net_events.h"
#include "store.h"

static struct {
    uint64_t population;
    uint32_t next[CROWD_COUNT];
} crowds;

void crowd_seed(uint64_t population)
{
    crowds.population = population;
    for (uint32_t crowd = 0; crowd < CROWD_COUNT; crowd++) {
        crowds.next[crowd] = 0;
    }
}

static int add_one(uint32_t crowd, uint32_t place)
{
    if (crowd == CROWD_SPOOFED) {
        return net_events_add_spoofed(place);
    }
    /* A storm is one recipe, negotiated again and again: the SAs differ only in their SPIs. */
    uint32_t number = crowd_number(crowd, crowd == CROWD_STORM ? 0 : place);
    recipe recipe = {crowds.population, number, engine_run(), 0, 0, 0};
    recipe.negotiation = crowd == CROWD_STORM ? place : 0;
    return store_add(&recipe, crowd == CROWD_HALF_OPEN ? STAGE_INBOUND : STAGE_COMPLETE) != NULL;
}

uint32_t crowd_add(uint32_t crowd, uint32_t count)
{
    uint32_t added = 0;
    if (crowd == CROWD_NONE || crowd >= CROWD_COUNT || !engine_is_running()) {
        return 0;
    }
    while (added < count && crowds.next[crowd] < CROWD_PLACES
           && add_one(crowd, crowds.next[crowd])) {
        crowds.next[crowd]++;
        added++;
    }
    churn_set_target();
    return added;
}
