/* The functions of WFP that read one filter or one provider context. */

#include "policy.h"

#include <string.h>

#include "calls.h"
#include "copy.h"
#include "engine.h"
#include "enumerations.h"
#include "generator_policy.h"
#include "hash_table.h"
#include "put_tree.h"

/* An object that was put, or a note that one was deleted. */
typedef struct put_object {
    UINT64 id;
    put_tree *tree; /* NULL if deleted */
    int is_hidden;  /* from enumerations */
} put_object;

static hash_table filters = {.element_size = sizeof(put_object)};
static hash_table contexts = {.element_size = sizeof(put_object)};

/* ---- put and deleted ---- */

static void *copy_any_filter(arena *arena, const void *from)
{
    return copy_filter(arena, from);
}

static void *copy_any_context(arena *arena, const void *from)
{
    return copy_provider_context(arena, from, 3);
}

/* Set the tree of an id, and take over the caller's reference to it. Return 1, or 0 if memory ran
 * out. */
static int set(hash_table *table, UINT64 id, put_tree *tree)
{
    put_object *found = hash_table_find(table, id);
    if (found == NULL) {
        found = hash_table_add(table, id);
    }
    if (found == NULL) {
        put_tree_release(tree);
        return 0;
    }
    put_tree_release(found->tree);
    found->tree = tree;
    found->is_hidden = 0;
    return 1;
}

static UINT64 put(hash_table *table, UINT64 id, tree_copier copier, const void *from)
{
    put_tree *tree = id == 0 ? NULL : put_tree_copy(copier, from);
    return tree != NULL && set(table, id, tree) ? id : 0;
}

UINT64 policy_put_filter(const FWPM_FILTER0 *tree)
{
    return put(&filters, tree->filterId, copy_any_filter, tree);
}

UINT64 policy_put_provider_context(const FWPM_PROVIDER_CONTEXT3 *tree)
{
    return put(&contexts, tree->providerContextId, copy_any_context, tree);
}

static void clear(hash_table *table)
{
    const put_object *each = NULL;
    while ((each = hash_table_next(table, each)) != NULL) {
        put_tree_release(each->tree);
    }
    hash_table_clear(table);
}

void policy_reset(void)
{
    clear(&filters);
    clear(&contexts);
}

/* ---- found ---- */

/* Return the object with this id: set *put to what was put, or *made to what must be generated.
 * Return 1, or 0 if there is none. */
static int find(const hash_table *table, int is_filter, UINT64 id, const void **put,
                policy_object *made)
{
    const put_object *found = hash_table_find(table, id);
    *put = found == NULL || found->tree == NULL ? NULL : found->tree->root;
    return found != NULL ? found->tree != NULL
                         : policy_find(id, made) && policy_is_filter(made->role) == is_filter
                               && !policy_is_gone(made);
}

int policy_delete_filter(UINT64 id)
{
    const void *put;
    policy_object made;
    return find(&filters, 1, id, &put, &made) && set(&filters, id, NULL);
}

int policy_delete_provider_context(UINT64 id)
{
    const void *put;
    policy_object made;
    return find(&contexts, 0, id, &put, &made) && set(&contexts, id, NULL);
}

int policy_find_context(UINT64 id, policy_context *found)
{
    const void *root;
    if (!find(&contexts, 0, id, &root, &found->made)) {
        return 0;
    }
    const put_object *object = hash_table_find(&contexts, id);
    found->id = id;
    found->tree = object == NULL ? NULL : object->tree;
    found->is_hidden = object != NULL && object->is_hidden;
    return 1;
}

int policy_hide_provider_context(UINT64 id)
{
    put_object *object = hash_table_find(&contexts, id);
    if (object == NULL || object->tree == NULL) {
        return 0;
    }
    object->is_hidden = 1;
    return 1;
}

size_t policy_changed_contexts(UINT64 *into)
{
    const put_object *each = NULL;
    size_t count = 0;
    while (into != NULL && (each = hash_table_next(&contexts, each)) != NULL) {
        into[count++] = each->id;
    }
    return contexts.count;
}

/* Set *id to that of the provider context with this key. Return 1, or 0 if there is none. */
static int find_key(const GUID *key, UINT64 *id)
{
    const put_object *each = NULL;
    while ((each = hash_table_next(&contexts, each)) != NULL) {
        const FWPM_PROVIDER_CONTEXT3 *context = each->tree == NULL ? NULL : each->tree->root;
        if (context != NULL && memcmp(&context->providerContextKey, key, sizeof *key) == 0) {
            *id = each->id;
            return 1;
        }
    }
    policy_object made;
    if (!policy_find_key(key, &made)) {
        return 0;
    }
    *id = policy_id(&made.recipe, made.role);
    return 1;
}

/* ---- written ---- */

/* Implements object_ops.write. */
static void *write_filter(arena *arena, const void *filter)
{
    return copy_filter(arena, filter);
}

#define DEFINE_WRITE(N)                                              \
    static void *write_context##N(arena *arena, const void *context) \
    {                                                                \
        return copy_provider_context(arena, context, N);             \
    }

DEFINE_WRITE(0)
DEFINE_WRITE(1)
DEFINE_WRITE(2)
DEFINE_WRITE(3)

/* Only what enumerations_get needs (provider_context_api.c enumerates). */
static const object_ops filter_ops = {.write = write_filter};
static const object_ops context_ops[] = {
    {.write = write_context0},
    {.write = write_context1},
    {.write = write_context2},
    {.write = write_context3},
};

static UINT32 get_filter(HANDLE engineHandle, UINT64 id, FWPM_FILTER0 **filter)
{
    if (filter == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    const void *tree;
    policy_object made;
    generated_filter buffer;
    if (!find(&filters, 1, id, &tree, &made)) {
        return FWP_E_FILTER_NOT_FOUND;
    }
    if (tree == NULL) {
        generate_policy_filter(&buffer, &made);
        tree = &buffer.filter;
    }
    return enumerations_get(&filter_ops, tree, (void **)filter);
}

DWORD WINAPI FwpmFilterGetById0(HANDLE engineHandle, UINT64 id, FWPM_FILTER0 **filter)
{
    UINT32 code = calls_begin(FILTER_GET_BY_ID);
    return calls_end(code != 0 ? code : get_filter(engineHandle, id, filter));
}

static UINT32 get_context(HANDLE engineHandle, UINT64 id, unsigned generation, void **context)
{
    if (context == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    UINT32 code = engine_check_session(engineHandle);
    if (code != ERROR_SUCCESS) {
        return code;
    }
    const void *tree;
    policy_object made;
    generated_provider_context buffer;
    if (!find(&contexts, 0, id, &tree, &made)) {
        return FWP_E_PROVIDER_CONTEXT_NOT_FOUND;
    }
    if (tree == NULL) {
        generate_provider_context(&buffer, &made);
        tree = &buffer.context;
    }
    return enumerations_get(&context_ops[generation], tree, context);
}

static UINT32 get_context_by_key(HANDLE engineHandle, const GUID *key, unsigned generation,
                                 void **context)
{
    UINT64 id = 0; /* of no provider context */
    if (key == NULL) {
        return calls_misuse(RPC_X_NULL_REF_POINTER);
    }
    (void)find_key(key, &id);
    return get_context(engineHandle, id, generation, context);
}

#define DEFINE_GET(N)                                                                            \
    DWORD WINAPI FwpmProviderContextGetById##N(HANDLE engineHandle, UINT64 id,                   \
                                               FWPM_PROVIDER_CONTEXT##N **providerContext)       \
    {                                                                                            \
        UINT32 code = calls_begin(PROVIDER_CONTEXT_GET_BY_ID_##N);                               \
        return calls_end(code != 0                                                               \
                             ? code                                                              \
                             : get_context(engineHandle, id, N, (void **)providerContext));      \
    }                                                                                            \
    DWORD WINAPI FwpmProviderContextGetByKey##N(HANDLE engineHandle, const GUID *key,            \
                                                FWPM_PROVIDER_CONTEXT##N **providerContext)      \
    {                                                                                            \
        UINT32 code = calls_begin(PROVIDER_CONTEXT_GET_BY_KEY_##N);                              \
        return calls_end(                                                                        \
            code != 0 ? code                                                                     \
                      : get_context_by_key(engineHandle, key, N, (void **)providerContext));     \
    }

DEFINE_GET(0)
DEFINE_GET(1)
DEFINE_GET(2)
DEFINE_GET(3)
