/* The ids and keys of filters and provider contexts: the policy that contexts and net events name.
 *
 * Policy is not stored. An id is a reversible mix of the number of a context and of what the object
 * is to this context, so the object can be generated from its id. No other id exists: one in 2^24
 * arbitrary numbers is an id. Like the ids of Windows, they change when the engine is started
 * again, but keys stay.
 */

#ifndef SIMULATOR_POLICY_IDS_H
#define SIMULATOR_POLICY_IDS_H

#include "generator.h"

/* What an object of policy is to its context. */
typedef enum policy_role {
    ROLE_OUTBOUND_FILTER = 1, /* the transport filters */
    ROLE_INBOUND_FILTER,
    ROLE_QUICK_MODE_FILTER,
    ROLE_MAIN_MODE_FILTER,
    ROLE_QUICK_MODE_CONTEXT, /* provider contexts */
    ROLE_MAIN_MODE_CONTEXT,
    ROLE_OTHER_TUNNEL, /* a tunnel without contexts, by its number; see generator_policy.h */
    ROLE_END
} policy_role;

typedef struct policy_object {
    recipe recipe; /* only the population, the number and the engine's run are set */
    policy_role role;
} policy_object;

/* Set the population that policy belongs to, and its number of contexts. Without a population, as
 * after a reset, there is no policy. */
void policy_ids_seed(uint64_t population, uint32_t count);
void policy_ids_reset(void);

/* Return the number of contexts that the population began with; 0 without a population. */
uint32_t policy_population_count(void);

UINT64 policy_id(const recipe *recipe, policy_role role);
GUID policy_key(const recipe *recipe, policy_role role);

/* Return the id of an object in the present population and run of the engine. */
UINT64 policy_present_id(uint32_t number, policy_role role);

/* Find the object with this id or key in the present population and run of the engine. Return 1, or
 * 0 if there is none. */
int policy_find(UINT64 id, policy_object *object);
int policy_find_key(const GUID *key, policy_object *object);

#endif
