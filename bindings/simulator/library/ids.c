/* Ids are LUIDs, and clients must accept any value. So after a few dozen, ids jump past 2^53,
 * beyond which a double cannot represent every integer. Later, they occasionally jump again. */

#include "ids.h"

#include "random.h"

enum { FIRST_JUMP_AFTER = 24, JUMP_EVERY = 256 };

typedef struct sequence {
    uint64_t seed;
    uint64_t last;
    uint64_t issued;
    uint64_t first_jump;
    random_source steps;
} sequence;

static sequence sequences[ID_KIND_COUNT];

static void rewind_one(enum id_kind kind)
{
    sequence *ids = &sequences[kind];
    ids->steps = random_for(ids->seed, (uint64_t)'L' + kind);
    ids->issued = 0;
    ids->last = 0x10000u + random_below(&ids->steps, 0x1000000u);
    ids->first_jump = FIRST_JUMP_AFTER + random_below(&ids->steps, FIRST_JUMP_AFTER);
}

void ids_rewind(void)
{
    for (int kind = 0; kind < ID_KIND_COUNT; kind++) {
        rewind_one((enum id_kind)kind);
    }
}

void ids_seed(uint64_t seed)
{
    for (int kind = 0; kind < ID_KIND_COUNT; kind++) {
        if (sequences[kind].issued == 0) {
            sequences[kind].seed = seed;
            rewind_one((enum id_kind)kind);
        }
    }
}

void ids_reset(void)
{
    for (int kind = 0; kind < ID_KIND_COUNT; kind++) {
        sequences[kind].seed = 0;
    }
    ids_rewind();
}

uint64_t ids_next(enum id_kind kind)
{
    sequence *ids = &sequences[kind];
    if (ids->last == 0) {
        rewind_one(kind); /* the library was just loaded */
    }
    ids->last += 1 + random_below(&ids->steps, 6);
    ids->issued++;
    if (ids->issued == ids->first_jump) {
        ids->last += (uint64_t)1 << 53;
    } else if (ids->issued > ids->first_jump && random_below(&ids->steps, JUMP_EVERY) == 0) {
        ids->last += random_next(&ids->steps) >> 28;
    }
    return ids->last;
}
