/* Numbers, as orjson writes them. */

#include "json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_DIGITS 20   /* digits of a 64-bit number */
#define DOUBLE_DIGITS 17 /* enough digits to distinguish any two doubles */

void put_unsigned(writer *to, uint64_t number)
{
    char digits[MAX_DIGITS];
    char *at = digits + MAX_DIGITS;
    do {
        *--at = (char)('0' + number % 10);
        number /= 10;
    } while (number != 0);
    put(to, at, (size_t)(digits + MAX_DIGITS - at));
}

void put_signed(writer *to, int64_t number)
{
    if (number < 0) {
        PUT(to, "-");
        put_unsigned(to, 0 - (uint64_t)number);
    } else {
        put_unsigned(to, (uint64_t)number);
    }
}

void put_unsigned_text(writer *to, uint64_t number)
{
    PUT(to, "\"");
    put_unsigned(to, number);
    PUT(to, "\"");
}

void put_signed_text(writer *to, int64_t number)
{
    PUT(to, "\"");
    put_signed(to, number);
    PUT(to, "\"");
}

static void put_zeros(writer *to, int count)
{
    for (int i = 0; i < count; i++) {
        PUT(to, "0");
    }
}

/* Writes `digits` with a decimal point before the digit at index `point`; for very large and very
 * small numbers, with an exponent instead. */
static void put_decimal(writer *to, const char *digits, int count, int point)
{
    if (count <= point && point <= 16) {
        put(to, digits, (size_t)count);
        put_zeros(to, point - count);
        PUT(to, ".0");
    } else if (0 < point && point <= 16) {
        put(to, digits, (size_t)point);
        PUT(to, ".");
        put(to, digits + point, (size_t)(count - point));
    } else if (-5 < point && point <= 0) {
        PUT(to, "0.");
        put_zeros(to, -point);
        put(to, digits, (size_t)count);
    } else {
        put(to, digits, 1);
        if (count > 1) {
            PUT(to, ".");
            put(to, digits + 1, (size_t)(count - 1));
        }
        PUT(to, "e");
        if (point > 0) {
            PUT(to, "+");
        }
        put_signed(to, point - 1);
    }
}

/* Increments the last digit of a number with `count` digits; returns false if that would change the
 * exponent. Doubles are closer together below a power of two than above it. Near such a power, the
 * nearest decimal of `count` digits may be read as the next lower double, and the next greater
 * decimal as the right one. */
static bool increase(char *written, int count)
{
    for (int i = count == 1 ? 0 : count; i >= 0; i--) {
        if (i == 1) {
            continue; /* the decimal point */
        }
        if (written[i] != '9') {
            written[i]++;
            return true;
        }
        written[i] = '0';
    }
    return false;
}

void put_double(writer *to, double number)
{
    if (!isfinite(number)) {
        put_null(to);
        return;
    }
    if (signbit(number)) {
        PUT(to, "-");
        number = -number;
    }
    char written[DOUBLE_DIGITS + 8]; /* d.ddde-ddd */
    int count = 0;
    do {
        count++;
        snprintf(written, sizeof written, "%.*e", count - 1, number);
    } while (strtod(written, NULL) != number
             && !(increase(written, count) && strtod(written, NULL) == number));

    int exponent = atoi(strchr(written, 'e') + 1);
    if (count > 1) {
        memmove(written + 1, written + 2, (size_t)(count - 1)); /* overwrites the decimal point */
    }
    put_decimal(to, written, count, number == 0 ? 1 : exponent + 1);
}
