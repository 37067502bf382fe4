/* A tree that somebody put: a deep copy in one block, shared by the entries that have it. */

#ifndef SIMULATOR_PUT_TREE_H
#define SIMULATOR_PUT_TREE_H

#include "arena.h"

typedef struct put_tree {
    size_t refcount;
    void *root; /* in the same block, behind this */
} put_tree;

/* Lays a copy of what is at `from` into the arena, or only measures it. */
typedef void *(*tree_copier)(arena *arena, const void *from);

/* A copy with one holder; NULL if memory ran out. */
put_tree *put_tree_copy(tree_copier copy, const void *from);
/* Both take NULL, for an entry that was generated. */
void put_tree_retain(put_tree *tree);
void put_tree_release(put_tree *tree);

#endif
