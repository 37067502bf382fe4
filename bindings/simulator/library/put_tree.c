/* Reference-counted copies of trees. */

#include "put_tree.h"

#include <stdlib.h>

put_tree *put_tree_copy(tree_copier copy, const void *from)
{
    arena arena = {NULL, sizeof(put_tree)};
    (void)copy(&arena, from);
    put_tree *made = calloc(1, arena.used);
    if (made != NULL) {
        arena.base = (uint8_t *)made;
        arena.used = sizeof *made;
        made->refcount = 1;
        made->root = copy(&arena, from);
    }
    return made;
}

void put_tree_retain(put_tree *tree)
{
    if (tree != NULL) {
        tree->refcount++;
    }
}

void put_tree_release(put_tree *tree)
{
    if (tree != NULL && --tree->refcount == 0) {
        free(tree);
    }
}
