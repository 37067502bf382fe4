/* Writes text into a buffer of fixed size. */

#ifndef COMPILED_WRITER_H
#define COMPILED_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct writer {
    char *at;
    char *end;
    bool is_full; /* a text did not fit; nothing more is written */
} writer;

/* Reserves `length` characters, which the caller must write; returns NULL if they do not fit. */
static inline char *take(writer *to, size_t length)
{
    if ((size_t)(to->end - to->at) < length) {
        to->end = to->at;
        to->is_full = true;
        return NULL;
    }
    char *taken = to->at;
    to->at += length;
    return taken;
}

static inline void put(writer *to, const char *characters, size_t length)
{
    char *room = take(to, length);
    if (room != NULL) {
        memcpy(room, characters, length);
    }
}

#define PUT(to, literal) put(to, "" literal, sizeof literal - 1)

#endif
