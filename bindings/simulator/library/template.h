/* The subnets of the template of an enumeration or subscription. */

#ifndef SIMULATOR_TEMPLATE_H
#define SIMULATOR_TEMPLATE_H

#include "wfp.h"

/* A subnet or a single address; it contains all addresses if its version is FWP_IP_VERSION_NONE. */
typedef struct subnet {
    FWP_IP_VERSION version;
    UINT32 v4;
    UINT32 v4_mask;
    UINT8 v6[16];
    UINT32 v6_prefix;
} subnet;

typedef struct template_subnets {
    subnet local;
    subnet remote;
} template_subnets;

/* Read the template of SA contexts; NULL matches all. Return an error code, or 0. */
UINT32 template_read(template_subnets *into, const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 *from);
/* Read the two subnets of a template of any kind. Return an error code, or 0. */
UINT32 template_read_subnets(template_subnets *into, const FWP_CONDITION_VALUE0 *localSubNet,
                             const FWP_CONDITION_VALUE0 *remoteSubNet);

/* Return whether the subnets match all objects. */
int template_matches_all(const template_subnets *subnets);

/* Return whether a local and a remote address of this version are in the subnets. */
int template_contains(const template_subnets *subnets, FWP_IP_VERSION version, UINT32 local_v4,
                      const UINT8 *local_v6, UINT32 remote_v4, const UINT8 *remote_v6);

/* Return whether the subnets match all objects, or contain both addresses of one of the context's
 * SAs. */
int template_matches(const template_subnets *subnets, const IPSEC_SA_CONTEXT1 *context);

#endif
