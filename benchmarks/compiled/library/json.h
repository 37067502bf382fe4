/* The parts of an SA context as JSON, each as app/encoding writes it.
 *
 * A function writes one whole JSON value, quotes and braces included, unless it
 * says otherwise. What a function does not name is not read: keys, tokens,
 * credentials and opaque blobs are in no function here.
 */

#ifndef COMPILED_JSON_H
#define COMPILED_JSON_H

#include "wfp.h"
#include "writer.h"

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

/* What published advice says against protection: bits of names.h, and the longest lifetime that it
 * recommends, 0 where it sets none. */
typedef struct baseline {
    uint32_t against;
    uint32_t longest_lifetime_seconds;
} baseline;

/* Writes the texts of as many of the `count` IPSEC_SA_CONTEXT1 as fit whole into
 * `size` bytes, one behind the other; returns how many, and in `ends` where each
 * ends. Size must be less than 4 GB. IPv6 addresses are taken to be in network order. */
EXPORT uint32_t encode_sa_contexts(const void *const *entries, uint32_t count,
                                   const baseline *judged_by, char *buffer, size_t size,
                                   uint32_t *ends);

/* A bit that has a name; the name is a JSON string. */
typedef struct named_flag {
    UINT32 bit;
    const char *name;
    size_t length;
} named_flag;

/* Writes an array of the names of those bits that are set; returns the other bits. */
#define PUT_FLAGS(to, table, flags) put_flags(to, table, sizeof table / sizeof *table, flags)
UINT32 put_flags(writer *to, const named_flag *table, size_t count, UINT32 flags);

/* A GUID that means something to a reader. */
typedef struct named_guid {
    GUID key;
    const char *name;
    size_t length;
    bool is_address; /* a field whose value is one */
} named_guid;

/* NULL where the table has no such key. */
#define FIND_GUID(table, key) find_guid(table, sizeof table / sizeof *table, key)
const named_guid *find_guid(const named_guid *table, size_t count, const GUID *key);

/* numbers.c */
void put_unsigned(writer *to, uint64_t number);
void put_signed(writer *to, int64_t number);
/* As text, for numbers that have more bits than a client's may have. */
void put_unsigned_text(writer *to, uint64_t number);
void put_signed_text(writer *to, int64_t number);
/* The fewest digits that give the same double again; null for what JSON has no number for. */
void put_double(writer *to, double number);

/* text.c */
void put_null(writer *to);
void put_string(writer *to, const char16_t *text);
void put_guid(writer *to, const GUID *guid);
void put_guid_or_null(writer *to, const GUID *guid);
void put_hex(writer *to, const UINT8 *bytes, size_t size);
void put_sid(writer *to, const SID *sid);

/* addresses.c, without quotes */
void put_v4_address(writer *to, UINT32 host_order);
void put_v6_address(writer *to, const UINT8 address[16]);
void put_v4_subnet(writer *to, const FWP_V4_ADDR_AND_MASK *subnet);
void put_v6_subnet(writer *to, const FWP_V6_ADDR_AND_MASK *subnet);

/* values.c */
void put_value(writer *to, const FWP_VALUE0 *value);
void put_condition_value(writer *to, const FWP_CONDITION_VALUE0 *value);
/* The member `address`, a comma before it, where the value can be read as one. */
void put_address_member(writer *to, const FWP_CONDITION_VALUE0 *value);

/* filter.c */
void put_filter(writer *to, const FWPM_FILTER0 *filter);

/* bundle.c */
void put_bundle(writer *to, const IPSEC_SA_BUNDLE1 *bundle);

/* What an SA is made of; NULL if it has none, or if the engine omits it. */
typedef struct transforms {
    bool authenticates;
    bool encrypts;
    const IPSEC_AUTH_TRANSFORM0 *auth;
    const IPSEC_CIPHER_TRANSFORM0 *cipher;
} transforms;
transforms transforms_of(const IPSEC_SA0 *sa);

/* weaknesses.c */
void put_weaknesses(writer *to, const IPSEC_SA_BUNDLE1 *bundle, const baseline *judged_by);

#endif
