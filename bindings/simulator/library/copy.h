/* Deep copies of SA contexts, main mode SAs and connections, with canaries in place of secrets. */

#ifndef SIMULATOR_COPY_H
#define SIMULATOR_COPY_H

#include "arena.h"
#include "wfp.h"

/* All functions copy into the arena, or only measure if the arena has no memory (arena.h). */

/* Copy a context of generation 1 to generation 1 or 0. Generation 0 lacks some fields. */
IPSEC_SA_CONTEXT1 *copy_context1(arena *arena, const IPSEC_SA_CONTEXT1 *from);
IPSEC_SA_CONTEXT0 *copy_context0(arena *arena, const IPSEC_SA_CONTEXT1 *from);

/* Copy a main mode SA of generation 2 to any generation (copy_ike_sa.c). */
IKEEXT_SA_DETAILS2 *copy_ike_sa2(arena *arena, const IKEEXT_SA_DETAILS2 *from);
IKEEXT_SA_DETAILS1 *copy_ike_sa1(arena *arena, const IKEEXT_SA_DETAILS2 *from);
IKEEXT_SA_DETAILS0 *copy_ike_sa0(arena *arena, const IKEEXT_SA_DETAILS2 *from);

/* Copy a filter and its values (copy_filter.c), and the parts of an SA bundle (copy_bundle.c). */
FWPM_FILTER0 *copy_filter(arena *arena, const FWPM_FILTER0 *from);
FWP_CONDITION_VALUE0 copy_condition_value(arena *arena, const FWP_CONDITION_VALUE0 *from);
IPSEC_ID0 *copy_id(arena *arena, const IPSEC_ID0 *from);
IPSEC_SA0 *copy_sa_list(arena *arena, const IPSEC_SA0 *from, UINT32 count);
IPSEC_KEYMODULE_STATE0 *copy_keymodule_state(arena *arena, const IPSEC_KEYMODULE_STATE0 *from);

/* Copy a provider context to any generation, which the pointers of the result have too
 * (copy_provider_context.c). Policies consist of canaries, except for the flags, endpoints and idle
 * timeouts of tunnels. */
void *copy_provider_context(arena *arena, const FWPM_PROVIDER_CONTEXT3 *from, unsigned generation);

/* Copy a connection with the credentials of its peer (copy_connection.c). */
FWPM_CONNECTION0 *copy_connection(arena *arena, const FWPM_CONNECTION0 *from);

/* Copy leaves (copy_leaves.c). NULL is copied as NULL. */
GUID *copy_guid(arena *arena, const GUID *from);
char16_t *copy_string(arena *arena, const char16_t *from);
FWP_BYTE_BLOB copy_bytes(arena *arena, FWP_BYTE_BLOB from);
/* Return a blob of the size of `from`, filled with the canary. */
FWP_BYTE_BLOB copy_secret(arena *arena, FWP_BYTE_BLOB from);

#endif
