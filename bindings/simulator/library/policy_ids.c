/* Reversible ids: random_mix (random.h) is a bijection of 64-bit numbers. */

#include "policy_ids.h"

#include <string.h>

#include "engine.h"
#include "random.h"

enum { ROLE_BITS = 8, NUMBER_BITS = 32 };

static uint64_t population;
static uint32_t population_count;
static int is_populated;

/* Invert random_mix: the multipliers are the inverses of its own, modulo 2^64. */
static uint64_t unmix(uint64_t z)
{
    z = (z ^ (z >> 31) ^ (z >> 62)) * 0x319642B2D24D8EC3u;
    z = (z ^ (z >> 27) ^ (z >> 54)) * 0x96DE1B173F119089u;
    return z ^ (z >> 30) ^ (z >> 60);
}

static uint64_t salt(uint64_t seed, uint64_t run)
{
    return random_mix(seed ^ random_mix(run + 1));
}

static uint64_t mixed(const recipe *recipe, policy_role role, uint64_t run)
{
    uint64_t packed = (uint64_t)recipe->number << ROLE_BITS | (uint64_t)role;
    return random_mix(packed + salt(recipe->population, run));
}

static int find(uint64_t id, uint64_t run, policy_object *object)
{
    uint64_t packed = unmix(id) - salt(population, run);
    uint64_t role = packed & ((1u << ROLE_BITS) - 1);
    if (!is_populated || packed >> (NUMBER_BITS + ROLE_BITS) != 0 || role == 0
        || role >= ROLE_END) {
        return 0;
    }
    memset(object, 0, sizeof *object);
    object->recipe.population = population;
    object->recipe.number = (uint32_t)(packed >> ROLE_BITS);
    object->recipe.engine_run = engine_run();
    object->role = (policy_role)role;
    return 1;
}

void policy_ids_seed(uint64_t seed, uint32_t count)
{
    population = seed;
    population_count = count;
    is_populated = 1;
}

void policy_ids_reset(void)
{
    population_count = 0;
    is_populated = 0;
}

uint32_t policy_population_count(void)
{
    return population_count;
}

UINT64 policy_id(const recipe *recipe, policy_role role)
{
    return mixed(recipe, role, recipe->engine_run);
}

UINT64 policy_present_id(uint32_t number, policy_role role)
{
    recipe recipe = {population, number, engine_run(), 0, 0, 0};
    return policy_id(&recipe, role);
}

/* Keys outlive the engine's run. The id is in the fields that the version and the variant of a GUID
 * (RFC 9562) leave alone. */
GUID policy_key(const recipe *recipe, policy_role role)
{
    uint64_t id = mixed(recipe, role, 0);
    GUID key = {(UINT32)(id >> 32),
                (UINT16)(id >> 16),
                0x4A5C,
                {0x8E, 0x11, 0x52, 0x55, 0x4C, 0x45, (UINT8)(id >> 8), (UINT8)id}};
    return key;
}

int policy_find(UINT64 id, policy_object *object)
{
    return find(id, engine_run(), object);
}

int policy_find_key(const GUID *key, policy_object *object)
{
    uint64_t id = (uint64_t)key->Data1 << 32 | (uint64_t)key->Data2 << 16
                  | (uint64_t)key->Data4[6] << 8 | key->Data4[7];
    if (!find(id, 0, object)) {
        return 0;
    }
    GUID found = policy_key(&object->recipe, object->role);
    return memcmp(&found, key, sizeof found) == 0;
}
