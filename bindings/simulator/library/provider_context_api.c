/* The functions of WFP that enumerate provider contexts. */

#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "churn.h"
#include "copy.h"
#include "engine.h"
#include "enumerations.h"
#include "generator_policy.h"
#include "options.h"
#include "policy.h"
#include "store.h"

enum { LISTED = 2000 }; /* contexts whose policy is enumerated, of a population and of churn */

/* Return the tree of a provider context: the one that was put, or one that is generated into
 * `buffer`. */
static const FWPM_PROVIDER_CONTEXT3 *tree_of(const policy_context *context,
                                             generated_provider_context *buffer)
{
    if (context->tree != NULL) {
        return context->tree->root;
    }
    generate_provider_context(buffer, &context->made);
    return &buffer->context;
}

/* Implements object_ops.current. */
static const void *current(const enumeration *enumeration, size_t index)
{
    static policy_context now;
    const policy_context *in_snapshot = (const policy_context *)enumeration->objects + index;
    if (option_is_set(SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS)) {
        return in_snapshot;
    }
    return policy_find_context(in_snapshot->id, &now) ? &now : NULL;
}

#define DEFINE_WRITE(N)                                                   \
    static void *write##N(arena *arena, const void *object)               \
    {                                                                     \
        generated_provider_context buffer;                                \
        return copy_provider_context(arena, tree_of(object, &buffer), N); \
    }

DEFINE_WRITE(0)
DEFINE_WRITE(1)
DEFINE_WRITE(2)
DEFINE_WRITE(3)

static const object_ops generations[] = {
    {PROVIDER_CONTEXTS, current, write0},
    {PROVIDER_CONTEXTS, current, write1},
    {PROVIDER_CONTEXTS, current, write2},
    {PROVIDER_CONTEXTS, current, write3},
};

/* ---- the snapshot ---- */

static int compare_ids(const void *one, const void *other)
{
    UINT64 first = *(const UINT64 *)one, second = *(const UINT64 *)other;
    return (first > second) - (first < second);
}

/* Write the ids of the provider contexts of one SA context. Return the end of the ids. */
static UINT64 *add_context(UINT64 *end, uint32_t number)
{
    *end++ = policy_present_id(number, ROLE_QUICK_MODE_CONTEXT);
    *end++ = policy_present_id(number, ROLE_MAIN_MODE_CONTEXT);
    return end;
}

/* Return the ids of all provider contexts that are enumerated, ascending, and of some that do not
 * exist; set *count. Return NULL if memory ran out. The caller frees the ids. */
static UINT64 *candidates(size_t *count)
{
    size_t slots;
    const sa_entry *entries = store_entries(&slots);
    uint32_t population = policy_population_count();
    uint32_t listed = population < LISTED ? population : LISTED;
    size_t capacity = 2 * (listed + slots) + OTHER_TUNNELS + policy_changed_contexts(NULL);
    UINT64 *ids = malloc(capacity * sizeof *ids);
    if (ids == NULL) {
        return NULL;
    }
    UINT64 *end = ids + policy_changed_contexts(ids);
    for (uint32_t number = 0; number < listed; number++) {
        end = add_context(end, number);
    }
    for (size_t i = 0; i < slots; i++) {
        uint32_t number = entries[i].recipe.number;
        if (!entries[i].is_deleted && number - CHURN_FIRST_NUMBER < LISTED) {
            end = add_context(end, number);
        }
    }
    for (uint32_t number = 0; number < OTHER_TUNNELS; number++) {
        *end++ = policy_present_id(number, ROLE_OTHER_TUNNEL);
    }
    *count = (size_t)(end - ids);
    qsort(ids, *count, sizeof *ids, compare_ids);
    return ids;
}

static int matches(const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
                   const policy_context *context)
{
    if (enumTemplate == NULL) {
        return 1;
    }
    generated_provider_context buffer;
    const FWPM_PROVIDER_CONTEXT3 *tree = tree_of(context, &buffer);
    const GUID *provider = enumTemplate->providerKey;
    return tree->type == enumTemplate->providerContextType
           && (provider == NULL
               || (tree->providerKey != NULL
                   && memcmp(tree->providerKey, provider, sizeof *provider) == 0));
}

/* Copy the matching provider contexts into the enumeration. A NULL template matches all, those of
 * main mode, too. Return an error code, or 0. */
static UINT32 take_snapshot(enumeration *enumeration,
                            const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 *enumTemplate)
{
    size_t count;
    UINT64 *ids = candidates(&count);
    policy_context *taken = ids == NULL ? NULL : malloc(count * sizeof *taken);
    if (taken == NULL) {
        free(ids);
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    enumeration->objects = taken;
    for (size_t i = 0; i < count; i++) {
        policy_context *next = &taken[enumeration->count];
        if ((i == 0 || ids[i] != ids[i - 1]) && policy_find_context(ids[i], next)
            && !next->is_hidden && matches(enumTemplate, next)) {
            put_tree_retain(next->tree);
            enumeration->count++;
        }
    }
    free(ids);
    enumerations_shuffle(enumeration, sizeof *taken);
    return ERROR_SUCCESS;
}

/* ---- enumerations ---- */

/* Open an enumeration and take its snapshot. Return an error code, or 0. */
static UINT32 create_enumeration(HANDLE engineHandle,
                                 const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
                                 HANDLE *enumHandle)
{
    HANDLE opened;
    enumeration *made;
    if (enumHandle == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code == ERROR_SUCCESS && enumTemplate != NULL
        && (UINT32)enumTemplate->providerContextType >= FWPM_PROVIDER_CONTEXT_TYPE_MAX) {
        code = FWP_E_INVALID_ENUMERATOR;
    }
    if (code == ERROR_SUCCESS) {
        code = enumerations_begin(engineHandle, PROVIDER_CONTEXTS, &opened, &made);
    }
    if (code != ERROR_SUCCESS) {
        return code;
    }
    code = take_snapshot(made, enumTemplate);
    if (code != ERROR_SUCCESS) {
        handles_close(opened);
        return code;
    }
    *enumHandle = opened;
    return ERROR_SUCCESS;
}

DWORD WINAPI FwpmProviderContextCreateEnumHandle0(
    HANDLE engineHandle, const FWPM_PROVIDER_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
    HANDLE *enumHandle)
{
    UINT32 code = calls_begin(PROVIDER_CONTEXT_CREATE_ENUM_HANDLE);
    return calls_end(code != 0 ? code : create_enumeration(engineHandle, enumTemplate, enumHandle));
}

#define DEFINE_ENUM(N)                                                                            \
    DWORD WINAPI FwpmProviderContextEnum##N(                                                      \
        HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,                       \
        FWPM_PROVIDER_CONTEXT##N ***entries, UINT32 *numEntriesReturned)                          \
    {                                                                                             \
        UINT32 code = calls_begin(PROVIDER_CONTEXT_ENUM_##N);                                     \
        return calls_end(code != 0 ? code                                                         \
                                   : enumerations_next(engineHandle, enumHandle, &generations[N], \
                                                       numEntriesRequested, (void ***)entries,    \
                                                       numEntriesReturned));                      \
    }

DEFINE_ENUM(0)
DEFINE_ENUM(1)
DEFINE_ENUM(2)
DEFINE_ENUM(3)

DWORD WINAPI FwpmProviderContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle)
{
    UINT32 code = calls_begin(PROVIDER_CONTEXT_DESTROY_ENUM_HANDLE);
    UINT32 destroyed = enumerations_destroy(engineHandle, enumHandle, PROVIDER_CONTEXTS);
    return calls_end(code != 0 ? code : destroyed);
}
