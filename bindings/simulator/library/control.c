/* The control functions, documented in sa_simulator.h. */

#include "sa_simulator.h"

#include "calls.h"
#include "certificates.h"
#include "churn.h"
#include "connection_store.h"
#include "crowd.h"
#include "engine.h"
#include "handles.h"
#include "ids.h"
#include "net_events.h"
#include "main_modes.h"
#include "notifications.h"
#include "options.h"
#include "platform.h"
#include "policy.h"
#include "policy_ids.h"
#include "results.h"
#include "sa_context_events.h"
#include "statistics.h"
#include "store.h"

#define LOCKED(statement)          \
    do {                           \
        lock_acquire(LOCK_ENGINE); \
        statement;                 \
        lock_release(LOCK_ENGINE); \
    } while (0)

const char *sa_simulator_version(void)
{
    return SA_SIMULATOR_VERSION;
}

void sa_simulator_reset(void)
{
    churn_stop();
    net_events_stop();
    LOCKED(handles_close_subscriptions(NULL));
    notifications_stop();
    lock_acquire(LOCK_ENGINE);
    engine_reset(); /* first, because enumerations own references to trees of the store */
    notifications_reset();
    store_reset();
    results_reset();
    net_events_reset();
    policy_reset();
    policy_ids_reset();
    certificates_reset();
    options_reset();
    calls_reset();
    churn_seed(0);
    crowd_seed(0);
    churn_set_target();
    lock_release(LOCK_ENGINE);
}

/* ---- the contexts ---- */

void sa_simulator_populate(uint32_t count, uint64_t seed)
{
    lock_acquire(LOCK_ENGINE);
    store_clear();
    ids_seed(seed);
    churn_seed(seed);
    crowd_seed(seed);
    net_events_seed(seed);
    policy_ids_seed(seed, count);
    connections_backdate(1);
    for (uint32_t number = 0; number < count; number++) {
        recipe recipe = {seed, number, engine_run(), 0, 0, 0};
        (void)store_add(&recipe, generator_stage(&recipe));
    }
    connections_backdate(0);
    churn_set_target();
    lock_release(LOCK_ENGINE);
}

uint32_t sa_simulator_add_crowd(uint32_t crowd, uint32_t count)
{
    uint32_t added;
    LOCKED(added = crowd_add(crowd, count));
    return added;
}

uint64_t sa_simulator_put(const void *tree)
{
    uint64_t id;
    LOCKED(id = tree == NULL ? 0 : store_put(tree); churn_set_target());
    return id;
}

int32_t sa_simulator_delete(uint64_t id)
{
    lock_acquire(LOCK_ENGINE);
    sa_entry *found = store_find(id);
    if (found != NULL) {
        store_remove(found);
        churn_set_target();
    }
    lock_release(LOCK_ENGINE);
    return found != NULL;
}

uint32_t sa_simulator_count(void)
{
    uint32_t count;
    LOCKED(count = store_count());
    return count;
}

uint32_t sa_simulator_ids(uint64_t *out, uint32_t capacity)
{
    lock_acquire(LOCK_ENGINE);
    size_t slot_count;
    const sa_entry *all = store_entries(&slot_count);
    uint32_t written = 0;
    for (size_t i = 0; i < slot_count && written < capacity; i++) {
        if (!all[i].is_deleted) {
            out[written++] = all[i].id;
        }
    }
    uint32_t count = store_count();
    lock_release(LOCK_ENGINE);
    return count;
}

/* ---- the connections ---- */

uint32_t sa_simulator_connections(uint64_t *out, uint32_t capacity)
{
    lock_acquire(LOCK_ENGINE);
    size_t count;
    connection **all = connections_list(&count);
    for (size_t i = 0; i < count && i < capacity; i++) {
        out[i] = all[i]->id;
    }
    lock_release(LOCK_ENGINE);
    return (uint32_t)count;
}

uint64_t sa_simulator_put_connection(const void *tree)
{
    uint64_t id;
    LOCKED(id = tree == NULL ? 0 : connections_put(tree));
    return id;
}

int32_t sa_simulator_delete_connection(uint64_t id)
{
    int32_t was_there;
    LOCKED(was_there = connections_delete(id));
    return was_there;
}

int32_t sa_simulator_set_connection_bytes(uint64_t id, uint64_t in, uint64_t out)
{
    lock_acquire(LOCK_ENGINE);
    connection *found = connections_find(id);
    if (found != NULL) {
        connection_set_bytes(found, in, out);
    }
    lock_release(LOCK_ENGINE);
    return found != NULL;
}

void sa_simulator_monitor_connections(int32_t is_on)
{
    LOCKED(connections_monitor(is_on));
}

/* ---- the main mode SAs ---- */

uint64_t sa_simulator_put_ike_sa(const void *tree)
{
    uint64_t id;
    LOCKED(id = tree == NULL ? 0 : main_modes_put(tree));
    return id;
}

int32_t sa_simulator_delete_ike_sa(uint64_t id)
{
    int32_t was_there;
    LOCKED(was_there = main_modes_delete(id));
    return was_there;
}

uint32_t sa_simulator_count_ike_sas(void)
{
    uint32_t count;
    LOCKED(count = main_modes_count());
    return count;
}

/* ---- policy ---- */

uint64_t sa_simulator_put_filter(const void *tree)
{
    uint64_t id;
    LOCKED(id = tree == NULL ? 0 : policy_put_filter(tree));
    return id;
}

int32_t sa_simulator_delete_filter(uint64_t id)
{
    int32_t was_there;
    LOCKED(was_there = policy_delete_filter(id));
    return was_there;
}

uint64_t sa_simulator_put_provider_context(const void *tree)
{
    uint64_t id;
    LOCKED(id = tree == NULL ? 0 : policy_put_provider_context(tree));
    return id;
}

int32_t sa_simulator_delete_provider_context(uint64_t id)
{
    int32_t was_there;
    LOCKED(was_there = policy_delete_provider_context(id));
    return was_there;
}

int32_t sa_simulator_hide_provider_context(uint64_t id)
{
    int32_t was_there;
    LOCKED(was_there = policy_hide_provider_context(id));
    return was_there;
}

/* ---- the certificates ---- */

int32_t sa_simulator_put_certificate(const uint8_t *thumbprint, const uint8_t *encoded,
                                     uint32_t size)
{
    int32_t is_put;
    LOCKED(is_put = thumbprint != NULL && (encoded != NULL || size == 0)
                    && certificates_put(thumbprint, encoded, size));
    return is_put;
}

int32_t sa_simulator_delete_certificate(const uint8_t *thumbprint)
{
    int32_t was_there;
    LOCKED(was_there = thumbprint != NULL && certificates_delete(thumbprint));
    return was_there;
}

/* ---- statistics ---- */

void sa_simulator_put_ipsec_statistics(const void *counts)
{
    LOCKED(statistics_put_ipsec(counts));
}

void sa_simulator_put_ike_statistics(const void *counts)
{
    LOCKED(statistics_put_ike(counts));
}

/* ---- change ---- */

void sa_simulator_churn(uint32_t changes)
{
    LOCKED(churn_make(changes));
}

int32_t sa_simulator_start_churn(double changes_per_second, uint64_t seed)
{
    return churn_start(changes_per_second, seed);
}

void sa_simulator_stop_churn(void)
{
    churn_stop();
}

/* ---- notifications ---- */

void sa_simulator_announce(uint32_t type, uint64_t id)
{
    LOCKED(publish_spurious_sa_context(type, id));
}

void sa_simulator_lose(uint32_t times)
{
    LOCKED(notifications_lose(times));
}

void sa_simulator_lose_randomly(uint32_t per_million, uint64_t seed)
{
    LOCKED(notifications_lose_randomly(per_million, seed));
}

void sa_simulator_delay_notifications(uint32_t milliseconds)
{
    LOCKED(notifications_delay(milliseconds));
}

int32_t sa_simulator_deliver_from(uint32_t threads)
{
    return notifications_deliver_from(threads);
}

int32_t sa_simulator_flush(uint32_t milliseconds)
{
    int32_t is_empty;
    LOCKED(is_empty = notifications_flush(milliseconds));
    return is_empty;
}

/* ---- failures ---- */

int32_t sa_simulator_fail(const char *function, uint32_t code, uint32_t after, uint32_t times)
{
    int32_t is_set;
    LOCKED(is_set = calls_fail(function, code, after, times));
    return is_set;
}

void sa_simulator_fail_randomly(uint32_t per_million, uint64_t seed)
{
    LOCKED(calls_fail_randomly(per_million, seed));
}

void sa_simulator_clear_failures(void)
{
    LOCKED(calls_clear_failures());
}

int32_t sa_simulator_delay(const char *function, uint32_t milliseconds)
{
    int32_t is_set;
    LOCKED(is_set = calls_delay(function, milliseconds));
    return is_set;
}

void sa_simulator_stop_engine(void)
{
    LOCKED(engine_stop());
}

void sa_simulator_start_engine(void)
{
    LOCKED(engine_start());
}

/* ---- what Microsoft leaves open ---- */

int32_t sa_simulator_set_option(uint32_t option, int32_t value)
{
    int32_t is_set;
    LOCKED(is_set = option_set(option, value));
    return is_set;
}

/* ---- counts ---- */

uint32_t sa_simulator_open_sessions(void)
{
    uint32_t count;
    LOCKED(count = handles_count_sessions());
    return count;
}

uint32_t sa_simulator_open_enumerations(void)
{
    uint32_t count;
    LOCKED(count = handles_count_enumerations());
    return count;
}

uint32_t sa_simulator_open_subscriptions(void)
{
    uint32_t count;
    LOCKED(count = handles_count_subscriptions());
    return count;
}

uint64_t sa_simulator_delivered(void)
{
    uint64_t count;
    LOCKED(count = notifications_delivered());
    return count;
}

uint64_t sa_simulator_lost(void)
{
    uint64_t count;
    LOCKED(count = notifications_lost());
    return count;
}

uint32_t sa_simulator_unfreed_blocks(void)
{
    uint32_t count;
    LOCKED(count = results_unfreed());
    return count;
}

uint64_t sa_simulator_misuses(void)
{
    uint64_t count;
    LOCKED(count = calls_misuses());
    return count;
}

uint64_t sa_simulator_calls(const char *function)
{
    uint64_t count;
    LOCKED(count = calls_count(function));
    return count;
}
