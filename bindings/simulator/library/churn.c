/* Churn: the changes that negotiation, rekeying and expiry make to the contexts of a busy host.
 *
 * A context begins without SAs and gets them one by one. A rekey adds a new context, sometimes
 * under a new main mode SA; the old context immediately loses its outbound SA, and is deleted later
 * (IPsecSaContextExpire0). Only generated contexts change, never those that a test put.
 */

#include "churn.h"

#include <string.h>

#include "connection_store.h"
#include "engine.h"
#include "main_modes.h"
#include "random.h"
#include "rate_thread.h"
#include "statistics.h"
#include "store.h"

enum { SEARCH_LIMIT = 256 };

static struct {
    random_source rng;
    random_source main_mode_rng; /* separate: main mode does not affect the draws of rng */
    uint32_t main_modes;         /* number of main mode rekeys */
    random_source traffic_rng;
    uint32_t target;      /* the number of contexts to stay near */
    uint32_t next_number; /* of the next recipe */
    uint64_t population;
} churn;

void churn_seed(uint64_t seed)
{
    churn.rng = random_for(seed, 'C');
    churn.main_mode_rng = random_for(seed, 'M');
    churn.main_modes = 0;
    churn.traffic_rng = random_for(seed, 'T');
    churn.population = seed;
    churn.next_number = CHURN_FIRST_NUMBER;
}

void churn_set_target(void)
{
    churn.target = store_count();
}

/* Return a generated context that is in one of the stages (IN(...) | IN(...)). Search at most
 * SEARCH_LIMIT slots, starting at a random one; return NULL if none of them has such a context. */
static sa_entry *pick(unsigned stages)
{
    size_t slot_count;
    sa_entry *entries = store_entries(&slot_count);
    if (slot_count == 0) {
        return NULL;
    }
    size_t start = random_below(&churn.rng, (uint32_t)slot_count);
    for (size_t tried = 0; tried < SEARCH_LIMIT && tried < slot_count; tried++) {
        sa_entry *each = &entries[(start + tried) % slot_count];
        if (!each->is_deleted && each->tree == NULL && (stages >> each->stage & 1u) != 0) {
            return each;
        }
    }
    return NULL;
}

#define IN(stage) (1u << (stage))
#define IN_ANY (IN(STAGE_BEGUN) | IN(STAGE_INBOUND) | IN(STAGE_COMPLETE) | IN(STAGE_EXPIRING))

/* Each of these functions makes one change. A function that needs a context in a certain stage
 * returns 1, or 0 if it finds none. */

static void begin_one(void)
{
    recipe recipe = {churn.population, churn.next_number++, engine_run(), 0, 0, 0};
    (void)store_add(&recipe, STAGE_BEGUN);
}

static int complete_one(void)
{
    sa_entry *entry = pick(IN(STAGE_BEGUN) | IN(STAGE_INBOUND));
    if (entry != NULL) {
        store_attach(entry);
    }
    return entry != NULL;
}

static int modify_one(void)
{
    sa_entry *entry = pick(IN(STAGE_COMPLETE));
    if (entry != NULL) {
        entry->recipe.revision++;
    }
    return entry != NULL;
}

static int rekey_one(void)
{
    sa_entry *old = pick(IN(STAGE_COMPLETE));
    if (old == NULL) {
        return 0;
    }
    recipe recipe = old->recipe;
    recipe.negotiation++;
    recipe.revision = 0;
    UINT64 id = old->id;
    if (!main_modes_has(&recipe) || random_chance(&churn.main_mode_rng, 15)) {
        recipe.main_mode = ++churn.main_modes; /* under a new main mode SA */
    }
    statistics_sas_deleted(1);
    statistics_rekeyed();
    /* Add the new context first, so that the connection of both does not end. */
    (void)store_add(&recipe, STAGE_COMPLETE);
    store_set_stage(store_find(id), STAGE_EXPIRING);
    return 1;
}

static int expire_one(void)
{
    sa_entry *entry = pick(IN(STAGE_COMPLETE));
    if (entry != NULL) {
        store_set_stage(entry, STAGE_EXPIRING);
        statistics_sas_deleted(1);
        if (random_chance(&churn.main_mode_rng, 25)) {
            main_modes_expire(&entry->recipe);
        }
    }
    return entry != NULL;
}

static int delete_one(void)
{
    sa_entry *entry = pick(IN(STAGE_EXPIRING));
    if (entry == NULL) {
        entry = pick(IN_ANY);
    }
    if (entry != NULL) {
        store_remove(entry);
    }
    return entry != NULL;
}

/* Make one change. If there are far more contexts than the target, delete one; if there are far
 * fewer, add one. */
static void change_one(void)
{
    uint32_t count = store_count();
    uint32_t slack = churn.target / 100 + 1;
    uint32_t roll = random_below(&churn.rng, 100);
    int is_done = 0;
    if (count > churn.target + slack) {
        is_done = delete_one();
    } else if (count + slack < churn.target) {
        is_done = roll < 50 && rekey_one();
    } else if (roll < 25) {
        is_done = complete_one();
    } else if (roll < 50) {
        is_done = modify_one();
    } else if (roll < 67) {
        is_done = rekey_one();
    } else if (roll < 70) {
        is_done = expire_one();
    } else if (roll < 88) {
        is_done = delete_one();
    }
    if (!is_done && count <= churn.target + slack) {
        begin_one();
    }
}

void churn_make(uint32_t changes)
{
    for (uint32_t i = 0; engine_is_running() && i < changes; i++) {
        change_one();
        connections_advance_time(1);
        statistics_traffic(&churn.traffic_rng);
    }
}

static void seed_rng(uint64_t seed)
{
    churn.rng = random_for(seed, 'C');
}

static rate_thread thread = {
    .thread = THREAD_CHURN,
    .lock = LOCK_CHURN_THREAD,
    .seed = seed_rng,
    .work = churn_make,
};

int churn_start(double changes_per_second, uint64_t seed)
{
    return rate_thread_start(&thread, changes_per_second, seed);
}

void churn_stop(void)
{
    rate_thread_stop(&thread);
}
