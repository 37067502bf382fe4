/* The filters and provider contexts of the engine. Callers hold LOCK_ENGINE.
 *
 * Those that contexts and net events name are generated (generator_policy.h). Others are put by
 * tests, and hide generated ones.
 */

#ifndef SIMULATOR_POLICY_H
#define SIMULATOR_POLICY_H

#include "policy_ids.h"
#include "put_tree.h"
#include "wfp.h"

/* A provider context. */
typedef struct policy_context {
    UINT64 id;
    put_tree *tree;     /* what was put; NULL if generated */
    policy_object made; /* what it is generated from */
    int is_hidden;      /* from enumerations */
} policy_context;

/* Copy a filter or a provider context. The copy replaces the one that has its id. Return the id, or
 * 0 if it is 0 or memory ran out. */
UINT64 policy_put_filter(const FWPM_FILTER0 *tree);
UINT64 policy_put_provider_context(const FWPM_PROVIDER_CONTEXT3 *tree);

/* Delete a filter or a provider context, put or generated. Return whether it existed. */
int policy_delete_filter(UINT64 id);
int policy_delete_provider_context(UINT64 id);

/* Leave a provider context that was put out of enumerations. Return whether one has this id. */
int policy_hide_provider_context(UINT64 id);

/* Find a provider context, put or generated. The caller does not own the tree. Return 1, or 0 if
 * none has this id. */
int policy_find_context(UINT64 id, policy_context *found);

/* Return the number of provider contexts that were put or deleted, and write their ids to `into`,
 * unless it is NULL. */
size_t policy_changed_contexts(UINT64 *into);

/* Forget everything that was put or deleted. */
void policy_reset(void);

#endif
