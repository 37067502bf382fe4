/* All slots are in one heap block, which is doubled when half of them are in use. */

#include "hash_table.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { FIRST_CAPACITY = 64 };

static void *slot_at(const hash_table *table, size_t index)
{
    return table->slots + index * table->element_size;
}

static uint64_t key_at(const hash_table *table, size_t index)
{
    uint64_t key;
    memcpy(&key, slot_at(table, index), sizeof key);
    return key;
}

/* Return the slot that the key hashes to. */
static size_t home_of(const hash_table *table, uint64_t key)
{
    return (size_t)random_mix(key) & (table->capacity - 1);
}

/* Return the slot of the key's element, or the free slot for it if there is none. The probe
 * ends because half of the slots are free. */
static size_t probe(const hash_table *table, uint64_t key)
{
    size_t index = home_of(table, key);
    while (key_at(table, index) != 0 && key_at(table, index) != key) {
        index = (index + 1) & (table->capacity - 1);
    }
    return index;
}

/* Make sure that one more element fits. Return 1, or 0 if memory ran out; then nothing
 * has changed. */
static int reserve_slot(hash_table *table)
{
    if (table->count < table->capacity / 2) {
        return 1;
    }
    hash_table grown = *table;
    grown.capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
    grown.slots = calloc(grown.capacity, grown.element_size);
    if (grown.slots == NULL) {
        return 0;
    }
    for (size_t i = 0; i < table->capacity; i++) {
        uint64_t key = key_at(table, i);
        if (key != 0) {
            memcpy(slot_at(&grown, probe(&grown, key)), slot_at(table, i), table->element_size);
        }
    }
    free(table->slots);
    *table = grown;
    return 1;
}

void *hash_table_find(const hash_table *table, uint64_t key)
{
    if (key == 0 || table->capacity == 0) {
        return NULL;
    }
    size_t index = probe(table, key);
    return key_at(table, index) == 0 ? NULL : slot_at(table, index);
}

void *hash_table_add(hash_table *table, uint64_t key)
{
    if (!reserve_slot(table)) {
        return NULL;
    }
    void *added = slot_at(table, probe(table, key));
    memcpy(added, &key, sizeof key);
    table->count++;
    return added;
}

/* Back-shift deletion, without tombstones. Each element of the run behind the hole moves into the
 * hole, unless that would put it before the slot that its key hashes to. */
void hash_table_remove(hash_table *table, void *element)
{
    const size_t mask = table->capacity - 1;
    size_t hole = (size_t)((uint8_t *)element - table->slots) / table->element_size;
    size_t index = (hole + 1) & mask;
    for (; key_at(table, index) != 0; index = (index + 1) & mask) {
        size_t home = home_of(table, key_at(table, index));
        if (((index - home) & mask) >= ((index - hole) & mask)) {
            memcpy(slot_at(table, hole), slot_at(table, index), table->element_size);
            hole = index;
        }
    }
    memset(slot_at(table, hole), 0, table->element_size);
    table->count--;
}

void *hash_table_next(const hash_table *table, const void *element)
{
    size_t index = 0;
    if (element != NULL) {
        index = (size_t)((const uint8_t *)element - table->slots) / table->element_size + 1;
    }
    while (index < table->capacity && key_at(table, index) == 0) {
        index++;
    }
    return index < table->capacity ? slot_at(table, index) : NULL;
}

void hash_table_clear(hash_table *table)
{
    size_t element_size = table->element_size;
    free(table->slots);
    memset(table, 0, sizeof *table);
    table->element_size = element_size;
}
