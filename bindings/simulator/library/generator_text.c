/* Names, GUIDs and LUIDs of generated objects. */

#include "generator_parts.h"

text text_init(char16_t *buffer, size_t capacity)
{
    text made = {buffer, buffer + capacity - 1};
    *buffer = 0;
    return made;
}

void text_append(text *text, const char16_t *words)
{
    while (*words != 0 && text->next < text->end) {
        *text->next++ = *words++;
    }
    *text->next = 0;
}

void text_append_number(text *text, uint32_t number, unsigned digits)
{
    char16_t reversed[10];
    unsigned length = 0;
    do {
        reversed[length++] = (char16_t)(u'0' + number % 10);
        number /= 10;
    } while (number != 0 || length < digits);
    while (length > 0 && text->next < text->end) {
        *text->next++ = reversed[--length];
    }
    *text->next = 0;
}

GUID random_guid(random_source *source)
{
    uint64_t high = random_next(source);
    uint64_t low = random_next(source);
    GUID made;
    made.Data1 = (UINT32)(high >> 32);
    made.Data2 = (UINT16)(high >> 16);
    made.Data3 = (UINT16)((high & 0x0FFFu) | 0x4000u); /* RFC 9562, version 4 */
    for (int i = 0; i < 8; i++) {
        made.Data4[i] = (UINT8)(low >> (56 - 8 * i));
    }
    made.Data4[0] = (UINT8)((made.Data4[0] & 0x3Fu) | 0x80u);
    return made;
}

UINT64 random_luid(random_source *source)
{
    uint64_t bits = random_next(source);
    return (bits & 0xFFFFFFu) + 0x10000u
           + (bits >> 63 != 0 ? (bits & 0x7F00000000000000u) >> 4 : 0);
}

UINT64 random_unique_luid(random_source *source)
{
    uint64_t bits = random_next(source);
    return (bits & 0xFFFFFFFFFFFu) + 0x10000u
           + (bits >> 63 != 0 ? (bits & 0x7F00000000000000u) >> 4 : 0);
}
