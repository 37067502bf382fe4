/* The parts of an SA context as JSON, byte for byte as `app.resources` encodes them.
 *
 * Each function writes one complete JSON value, including quotes and braces, unless its comment
 * says otherwise. Keys, token handles, credentials and opaque blobs are never read.
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

/* A baseline: the weaknesses that it lists, as bits of names.h, and the maximum lifetime that it
 * recommends; 0 if it recommends none. */
typedef struct baseline {
    uint32_t against;
    uint32_t longest_lifetime_seconds;
} baseline;

/* Writes the JSON texts of as many of the `count` IPSEC_SA_CONTEXT1 as fit completely into `size`
 * bytes, without separators. Returns their number, and writes the offset of the end of each to
 * `ends`. `size` must be less than 4 GB. IPv6 addresses are expected in network order. */
EXPORT uint32_t encode_sa_contexts(const void *const *entries, uint32_t count,
                                   const baseline *judged_by, char *buffer, size_t size,
                                   uint32_t *ends);

/* A bit that has a name; the name is a JSON string. */
typedef struct named_flag {
    UINT32 bit;
    const char *name;
    size_t length;
} named_flag;

/* Writes an array of the names of the bits that are set; returns the set bits without a name. */
#define PUT_FLAGS(to, table, flags) put_flags(to, table, sizeof table / sizeof *table, flags)
UINT32 put_flags(writer *to, const named_flag *table, size_t count, UINT32 flags);

/* A well-known GUID and its name, a JSON string. */
typedef struct named_guid {
    GUID key;
    const char *name;
    size_t length;
    bool is_address; /* whether this is the GUID of a field with addresses */
} named_guid;

/* Returns NULL if the table does not contain the key. */
#define FIND_GUID(table, key) find_guid(table, sizeof table / sizeof *table, key)
const named_guid *find_guid(const named_guid *table, size_t count, const GUID *key);

/* numbers.c */
void put_unsigned(writer *to, uint64_t number);
void put_signed(writer *to, int64_t number);
/* These write JSON strings, for numbers that may be too large for a client's number type. */
void put_unsigned_text(writer *to, uint64_t number);
void put_signed_text(writer *to, int64_t number);
/* Writes the shortest decimal that gives the same double when read; null if it is not finite. */
void put_double(writer *to, double number);

/* text.c */
void put_null(writer *to);
void put_string(writer *to, const char16_t *text);
void put_guid(writer *to, const GUID *guid);
void put_guid_or_null(writer *to, const GUID *guid);
void put_hex(writer *to, const UINT8 *bytes, size_t size);
/* Writes the format of Hex32 in app.schemas.hexadecimal. */
void put_hex32(writer *to, UINT32 number);
void put_sid(writer *to, const SID *sid);

/* addresses.c, without quotes */
void put_v4_address(writer *to, UINT32 host_order);
void put_v6_address(writer *to, const UINT8 address[16]);
void put_v4_subnet(writer *to, const FWP_V4_ADDR_AND_MASK *subnet);
void put_v6_subnet(writer *to, const FWP_V6_ADDR_AND_MASK *subnet);

/* values.c */
void put_value(writer *to, const FWP_VALUE0 *value);
void put_condition_value(writer *to, const FWP_CONDITION_VALUE0 *value);
/* Writes a comma and the member `address` if the value is an address, a subnet or a range of
 * addresses; otherwise nothing. */
void put_address_member(writer *to, const FWP_CONDITION_VALUE0 *value);

/* filter.c */
void put_filter(writer *to, const FWPM_FILTER0 *filter);

/* bundle.c */
void put_bundle(writer *to, const IPSEC_SA_BUNDLE1 *bundle);

/* The transforms of an SA; a transform is NULL if the SA has none or the engine omits it. */
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
