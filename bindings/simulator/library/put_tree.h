/* A deep copy of a tree that a test passed to a sa_simulator_put function, in one reference-counted
 * block, which a store shares with snapshots. */

#ifndef SIMULATOR_PUT_TREE_H
#define SIMULATOR_PUT_TREE_H

#include "arena.h"

typedef struct put_tree {
    size_t refcount;
    void *root; /* in the same block */
} put_tree;

/* Copy the tree at `from` into the arena, or only measure it. Return the copy's root. */
typedef void *(*tree_copier)(arena *arena, const void *from);

/* Return a copy with one reference, which the caller owns, or NULL if memory ran out. */
put_tree *put_tree_copy(tree_copier copy, const void *from);
/* Add a reference, or release one; the last release frees the tree. `tree` may be NULL, as in a
 * generated entry. */
void put_tree_retain(put_tree *tree);
void put_tree_release(put_tree *tree);

#endif
