/* A table of slots. A handle is a random number whose lowest INDEX_BITS bits are the index of its
 * slot, XORed with a secret of the process. The slot stores its current handle; earlier handles of
 * the slot differ in the random number. */

#include "handles.h"

#include <stdlib.h>
#include <string.h>

#include "net_events.h"
#include "platform.h"
#include "policy.h"
#include "random.h"

enum slot_kind { FREE, SESSION, ENUMERATION, SUBSCRIPTION };

typedef struct slot {
    uint64_t handle;
    enum slot_kind kind;
    union {
        session session;
        enumeration enumeration;
        subscription_handle subscription;
    } object;
} slot;

static struct {
    slot **slots; /* allocated one by one, so that objects never move */
    uint32_t count;
    random_source numbers;
    uint64_t secret; /* 0 until the first handle */
} table;

enum { INDEX_BITS = 24 };

/* Return the slot of a handle, or NULL if no handle of this kind has this number. */
static slot *find_slot(HANDLE handle, enum slot_kind kind)
{
    uint64_t number = (uint64_t)(uintptr_t)handle;
    uint32_t index = (uint32_t)(number ^ table.secret) & ((1u << INDEX_BITS) - 1);
    if (index >= table.count || table.slots[index]->handle != number
        || table.slots[index]->kind != kind) {
        return NULL;
    }
    return table.slots[index];
}

/* Return a free slot and set its index; return NULL if memory ran out or the table is full. The
 * search starts after the slot that was found last, so that a slot is not reused soon. */
static slot *free_slot(uint32_t *index)
{
    static uint32_t last;
    for (uint32_t i = 0; i < table.count; i++) {
        last = (last + 1) % table.count;
        if (table.slots[last]->kind == FREE) {
            *index = last;
            return table.slots[last];
        }
    }
    slot **slots = realloc(table.slots, (table.count + 1) * sizeof(slot *));
    if (slots == NULL) {
        return NULL;
    }
    table.slots = slots;
    slots[table.count] = calloc(1, sizeof(slot));
    if (slots[table.count] == NULL || table.count >> INDEX_BITS != 0) {
        free(slots[table.count]);
        return NULL;
    }
    *index = table.count;
    return slots[table.count++];
}

/* Return a slot with a new handle and a zeroed object; NULL if memory ran out or the table is
 * full. */
static slot *open_slot(enum slot_kind kind)
{
    if (table.secret == 0) {
        table.secret = entropy() | 1u;
        table.numbers = random_for(table.secret, entropy());
    }
    uint32_t index;
    slot *made = free_slot(&index);
    if (made == NULL) {
        return NULL;
    }
    memset(made, 0, sizeof *made);
    made->kind = kind;
    do {
        made->handle = (random_next(&table.numbers) << INDEX_BITS | index) ^ table.secret;
    } while (made->handle == 0 || made->handle == UINT64_MAX); /* NULL, INVALID_HANDLE_VALUE */
    return made;
}

/* Release an enumeration's references to trees. */
static void release_objects(const enumeration *ended)
{
    for (size_t i = 0; i < ended->count; i++) {
        switch (ended->kind) {
        case SA_CONTEXTS:
        case IKE_SAS:
            sa_entry_release((const sa_entry *)ended->objects + i);
            break;
        case NET_EVENTS:
            put_tree_release(((const net_event *)ended->objects + i)->tree);
            break;
        case PROVIDER_CONTEXTS:
            put_tree_release(((const policy_context *)ended->objects + i)->tree);
            break;
        case CONNECTIONS: /* owns none (connection_api.c) */
            break;
        }
    }
}

/* Free what the slot's object owns, and mark the slot as free. */
static void close_slot(slot *closed)
{
    if (closed->kind == ENUMERATION) {
        enumeration *ended = &closed->object.enumeration;
        release_objects(ended);
        free(ended->objects);
    }
    if (closed->kind == SUBSCRIPTION && closed->object.subscription.subscription != NULL) {
        subscription_cancel(closed->object.subscription.subscription);
    }
    memset(closed, 0, sizeof *closed);
}

HANDLE handles_open_session(session **made)
{
    slot *opened = open_slot(SESSION);
    if (opened == NULL) {
        return NULL;
    }
    *made = &opened->object.session;
    return (HANDLE)(uintptr_t)opened->handle;
}

HANDLE handles_open_enumeration(object_kind kind, enumeration **made)
{
    slot *opened = open_slot(ENUMERATION);
    if (opened == NULL) {
        return NULL;
    }
    *made = &opened->object.enumeration;
    (*made)->kind = kind;
    return (HANDLE)(uintptr_t)opened->handle;
}

HANDLE handles_open_subscription(subscription_handle **made)
{
    slot *opened = open_slot(SUBSCRIPTION);
    if (opened == NULL) {
        return NULL;
    }
    *made = &opened->object.subscription;
    return (HANDLE)(uintptr_t)opened->handle;
}

session *handles_session(HANDLE handle)
{
    slot *found = find_slot(handle, SESSION);
    return found == NULL ? NULL : &found->object.session;
}

enumeration *handles_enumeration(HANDLE handle, object_kind kind)
{
    slot *found = find_slot(handle, ENUMERATION);
    return found == NULL || found->object.enumeration.kind != kind ? NULL
                                                                   : &found->object.enumeration;
}

subscription_handle *handles_subscription(HANDLE handle)
{
    slot *found = find_slot(handle, SUBSCRIPTION);
    return found == NULL ? NULL : &found->object.subscription;
}

void handles_close(HANDLE handle)
{
    slot *found = find_slot(handle, SESSION);
    if (found == NULL) {
        found = find_slot(handle, ENUMERATION);
    }
    if (found == NULL) {
        found = find_slot(handle, SUBSCRIPTION);
    }
    if (found != NULL) {
        close_slot(found);
    }
}

UINT32 handles_close_enumerations(HANDLE session)
{
    UINT32 closed = 0;
    for (uint32_t i = 0; i < table.count; i++) {
        slot *each = table.slots[i];
        if (each->kind == ENUMERATION
            && (session == NULL || each->object.enumeration.session == session)) {
            close_slot(each);
            closed++;
        }
    }
    return closed;
}

void handles_close_subscriptions(HANDLE session)
{
    for (uint32_t i = 0; i < table.count; i++) {
        slot *each = table.slots[i];
        if (each->kind == SUBSCRIPTION
            && (session == NULL || each->object.subscription.session == session)) {
            close_slot(each);
        }
    }
}

UINT32 handles_count_sessions(void)
{
    UINT32 open = 0;
    for (uint32_t i = 0; i < table.count; i++) {
        open += table.slots[i]->kind == SESSION && !table.slots[i]->object.session.is_stale;
    }
    return open;
}

UINT32 handles_count_enumerations(void)
{
    UINT32 open = 0;
    for (uint32_t i = 0; i < table.count; i++) {
        open += table.slots[i]->kind == ENUMERATION;
    }
    return open;
}

UINT32 handles_count_subscriptions(void)
{
    UINT32 open = 0;
    for (uint32_t i = 0; i < table.count; i++) {
        open += table.slots[i]->kind == SUBSCRIPTION;
    }
    return open;
}

void handles_reset(void)
{
    (void)handles_close_enumerations(NULL);
    handles_close_subscriptions(NULL);
    for (uint32_t i = 0; i < table.count; i++) {
        if (table.slots[i]->kind == SESSION) {
            table.slots[i]->object.session.is_stale = 1;
        }
    }
}
