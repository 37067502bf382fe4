/* Addresses and subnets. IPv6 addresses are formatted here, as in `app.resources.wfp.addresses`,
 * because the output of inet_ntop differs between hosts. */

#include <stdio.h>

#include "json.h"

#define WORDS 8

void put_v4_address(writer *to, UINT32 host_order)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        put_unsigned(to, host_order >> shift & 0xFF);
        if (shift != 0) {
            PUT(to, ".");
        }
    }
}

static void put_words(writer *to, const UINT16 *words, int count)
{
    for (int i = 0; i < count; i++) {
        char digits[5];
        int length = snprintf(digits, sizeof digits, "%x", words[i]);
        put(to, digits, (size_t)length);
        if (i + 1 < count) {
            PUT(to, ":");
        }
    }
}

void put_v6_address(writer *to, const UINT8 address[16])
{
    UINT16 words[WORDS];
    int first = 0, zeros = 0; /* the first of the longest runs of zeros */
    for (int i = 0, run = 0; i < WORDS; i++) {
        words[i] = (UINT16)(address[2 * i] << 8 | address[2 * i + 1]);
        run = words[i] == 0 ? run + 1 : 0;
        if (run > zeros) {
            zeros = run;
            first = i + 1 - run;
        }
    }
    if (first == 0 && (zeros == 6 || (zeros == 5 && words[5] == 0xFFFF))) {
        put(to, "::ffff:", zeros == 6 ? 2 : 7);
        put_v4_address(to, (UINT32)words[6] << 16 | words[7]);
        return;
    }
    if (zeros < 2) {
        put_words(to, words, WORDS);
        return;
    }
    put_words(to, words, first);
    PUT(to, "::");
    put_words(to, words + first + zeros, WORDS - first - zeros);
}

void put_v4_subnet(writer *to, const FWP_V4_ADDR_AND_MASK *subnet)
{
    put_v4_address(to, subnet->addr);
    PUT(to, "/");
    UINT32 holes = ~subnet->mask;
    if ((holes & (holes + 1)) != 0) {
        put_v4_address(to, subnet->mask);
        return;
    }
    unsigned prefix = 32;
    for (; holes != 0; holes >>= 1) {
        prefix--;
    }
    put_unsigned(to, prefix);
}

void put_v6_subnet(writer *to, const FWP_V6_ADDR_AND_MASK *subnet)
{
    put_v6_address(to, subnet->addr);
    PUT(to, "/");
    put_unsigned(to, subnet->prefixLength);
}
