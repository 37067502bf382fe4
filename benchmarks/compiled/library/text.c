/* Strings, GUIDs, bytes and SIDs. */

#include "json.h"

static const char hexadecimal[] = "0123456789abcdef";

void put_null(writer *to)
{
    PUT(to, "null");
}

static char *hex_into(char *at, const UINT8 *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        *at++ = hexadecimal[bytes[i] >> 4];
        *at++ = hexadecimal[bytes[i] & 0x0F];
    }
    return at;
}

void put_hex(writer *to, const UINT8 *bytes, size_t size)
{
    PUT(to, "\"");
    char *room = take(to, 2 * size);
    if (room != NULL) {
        hex_into(room, bytes, size);
    }
    PUT(to, "\"");
}

void put_hex32(writer *to, UINT32 number)
{
    const UINT8 bytes[] = {
        (UINT8)(number >> 24),
        (UINT8)(number >> 16),
        (UINT8)(number >> 8),
        (UINT8)number,
    };
    PUT(to, "\"0x");
    char *room = take(to, 2 * sizeof bytes);
    if (room != NULL) {
        hex_into(room, bytes, sizeof bytes);
    }
    PUT(to, "\"");
}

void put_guid(writer *to, const GUID *guid)
{
    char *at = take(to, sizeof "\"01234567-0123-0123-0123-0123456789ab\"" - 1);
    if (at == NULL) {
        return;
    }
    UINT32 first = guid->Data1;
    UINT16 second = guid->Data2, third = guid->Data3;
    const UINT8 written[8] = {
        (UINT8)(first >> 24), (UINT8)(first >> 16), (UINT8)(first >> 8), (UINT8)first,
        (UINT8)(second >> 8), (UINT8)second,        (UINT8)(third >> 8), (UINT8)third,
    };
    *at++ = '"';
    at = hex_into(at, written, 4);
    *at++ = '-';
    at = hex_into(at, written + 4, 2);
    *at++ = '-';
    at = hex_into(at, written + 6, 2);
    *at++ = '-';
    at = hex_into(at, guid->Data4, 2);
    *at++ = '-';
    at = hex_into(at, guid->Data4 + 2, 6);
    *at = '"';
}

void put_guid_or_null(writer *to, const GUID *guid)
{
    if (guid == NULL) {
        put_null(to);
    } else {
        put_guid(to, guid);
    }
}

UINT32 put_flags(writer *to, const named_flag *table, size_t count, UINT32 flags)
{
    UINT32 rest = flags;
    bool is_first = true;
    PUT(to, "[");
    for (size_t i = 0; i < count; i++) {
        if ((flags & table[i].bit) != 0) {
            if (!is_first) {
                PUT(to, ",");
            }
            put(to, table[i].name, table[i].length);
            rest &= ~table[i].bit;
            is_first = false;
        }
    }
    PUT(to, "]");
    return rest;
}

const named_guid *find_guid(const named_guid *table, size_t count, const GUID *key)
{
    for (size_t i = 0; i < count; i++) {
        if (table[i].key.Data1 == key->Data1 && memcmp(&table[i].key, key, sizeof *key) == 0) {
            return &table[i];
        }
    }
    return NULL;
}

/* Writes the escape of a control character, a quotation mark or a backslash. */
static void put_escaped(writer *to, char16_t unit)
{
    switch (unit) {
    case u'"':
        PUT(to, "\\\"");
        break;
    case u'\\':
        PUT(to, "\\\\");
        break;
    case u'\b':
        PUT(to, "\\b");
        break;
    case u'\f':
        PUT(to, "\\f");
        break;
    case u'\n':
        PUT(to, "\\n");
        break;
    case u'\r':
        PUT(to, "\\r");
        break;
    case u'\t':
        PUT(to, "\\t");
        break;
    default: {
        const char written[] = {
            '\\', 'u', '0', '0', hexadecimal[unit >> 4], hexadecimal[unit & 0x0F]};
        put(to, written, sizeof written);
    }
    }
}

/* Writes a code point that is U+0080 or above as UTF-8 (RFC 3629). */
static void put_utf8(writer *to, uint32_t point)
{
    char written[4];
    size_t length = 0;
    if (point < 0x800) {
        written[length++] = (char)(0xC0 | point >> 6);
    } else {
        if (point < 0x10000) {
            written[length++] = (char)(0xE0 | point >> 12);
        } else {
            written[length++] = (char)(0xF0 | point >> 18);
            written[length++] = (char)(0x80 | (point >> 12 & 0x3F));
        }
        written[length++] = (char)(0x80 | (point >> 6 & 0x3F));
    }
    written[length++] = (char)(0x80 | (point & 0x3F));
    put(to, written, length);
}

static bool is_plain(char16_t unit)
{
    return unit >= u' ' && unit < 0x80 && unit != u'"' && unit != u'\\';
}

/* Converts UTF-16 to UTF-8; an unpaired surrogate becomes U+FFFD. */
void put_string(writer *to, const char16_t *text)
{
    if (text == NULL) {
        put_null(to);
        return;
    }
    PUT(to, "\"");
    while (*text != 0 && !to->is_full) {
        while (is_plain(*text) && to->at < to->end) {
            *to->at++ = (char)*text++;
        }
        char16_t unit = *text;
        if (unit == 0) {
            break;
        }
        text++;
        if (unit < 0x80) {
            put_escaped(to, unit);
        } else if (unit < 0xD800 || unit > 0xDFFF) {
            put_utf8(to, unit);
        } else if (unit < 0xDC00 && *text >= 0xDC00 && *text <= 0xDFFF) {
            put_utf8(to, 0x10000 + ((uint32_t)(unit - 0xD800) << 10) + (uint32_t)(*text - 0xDC00));
            text++;
        } else {
            put_utf8(to, 0xFFFD);
        }
    }
    PUT(to, "\"");
}

/* Writes S-1-5-…; an authority of 2^32 or more is hexadecimal ([MS-DTYP] 2.4.2.1). */
void put_sid(writer *to, const SID *sid)
{
    if (sid == NULL) {
        put_null(to);
        return;
    }
    const UINT8 *authority = sid->IdentifierAuthority;
    PUT(to, "\"S-");
    put_unsigned(to, sid->Revision);
    PUT(to, "-");
    if (authority[0] != 0 || authority[1] != 0) {
        PUT(to, "0x");
        char *room = take(to, 12);
        if (room != NULL) {
            hex_into(room, authority, 6);
        }
    } else {
        put_unsigned(to, (UINT32)authority[2] << 24 | (UINT32)authority[3] << 16
                             | (UINT32)authority[4] << 8 | authority[5]);
    }
    const UINT32 *parts = sid->SubAuthority;
    for (UINT8 i = 0; i < sid->SubAuthorityCount; i++) {
        PUT(to, "-");
        put_unsigned(to, parts[i]);
    }
    PUT(to, "\"");
}
