/* Copies of trees, freed when the last holder lets go. */

#include "put_tree.h"

#include <stdlib.h>

put_tree *put_tree_copy(tree_copier copy, const void *from)
{
    arena to = {NULL, sizeof(put_tree)};
    (void)copy(&to, from);
    put_tree *made = calloc(1, to.used);
    if (made != NULL) {
        to.base = (uint8_t *)made;
        to.used = sizeof *made;
        made->holders = 1;
        made->root = copy(&to, from);
    }
    return made;
}

void put_tree_hold(put_tree *tree)
{
    if (tree != NULL) {
        tree->holders++;
    }
}

void put_tree_let_go(put_tree *tree)
{
    if (tree != NULL && --tree->holders == 0) {
        free(tree);
    }
}
