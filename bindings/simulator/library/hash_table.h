/* A hash table with open addressing, linear probing and back-shift deletion.
 *
 * Elements are structures of one size that begin with their key, a uint64_t that is not 0; a slot
 * whose key is 0 is free. From the slot that a key hashes to, no slot is free up to that of its
 * element. At most half of the slots are in use.
 *
 * Adding or removing an element may move others: pointers are valid only until then.
 */

#ifndef SIMULATOR_HASH_TABLE_H
#define SIMULATOR_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

typedef struct hash_table {
    size_t element_size; /* set by the owner before the first use */
    uint8_t *slots;
    size_t capacity; /* a power of two, or 0 */
    size_t count;
} hash_table;

/* Return the element with this key, or NULL if there is none. No element has the key 0. */
void *hash_table_find(const hash_table *table, uint64_t key);

/* Add an element with this key, which must not be 0 or in the table. The rest of the element
 * is zeroed. Return the element, or NULL if memory ran out. */
void *hash_table_add(hash_table *table, uint64_t key);

/* Remove an element of the table. */
void hash_table_remove(hash_table *table, void *element);

/* Return the element after `element`, in no particular order. Return the first element if `element`
 * is NULL, and NULL after the last element. */
void *hash_table_next(const hash_table *table, const void *element);

/* Remove all elements and free their memory. The table can be used again. */
void hash_table_clear(hash_table *table);

#endif
