/* Filters and provider contexts, generated from what their ids name (policy_ids.h). */

#ifndef SIMULATOR_GENERATOR_POLICY_H
#define SIMULATOR_GENERATOR_POLICY_H

#include "policy_ids.h"

/* A filter, with space for everything that it can point to. */
typedef struct generated_filter {
    FWPM_FILTER0 filter;
    generated_context context; /* that of a transport filter */
    char16_t name[96];
    GUID provider;
    UINT64 weight;
} generated_filter;

/* The number of ROLE_OTHER_TUNNEL objects: tunnels that are configured and have no context, and
 * templates, one of whose endpoints is any address or a name. */
enum { OTHER_TUNNELS = 8 };

typedef struct generated_provider_context {
    FWPM_PROVIDER_CONTEXT3 context;
    IPSEC_TUNNEL_POLICY3 tunnel;
    IPSEC_TUNNEL_ENDPOINT0 remote;
    char16_t name[96];
    GUID provider;
} generated_provider_context;

/* Return whether an object is gone, as filters that IKE adds for a time are, or never was. */
int policy_is_gone(const policy_object *object);

/* Generate a filter or a provider context; the role decides which of the two exists. Pointers point
 * into `out`. A pointer to a policy of another type than a tunnel's only says that there is one:
 * copies contain the canary instead. */
void generate_policy_filter(generated_filter *out, const policy_object *object);
void generate_provider_context(generated_provider_context *out, const policy_object *object);

/* Return whether an object with this role is a filter; otherwise it is a provider context. */
static inline int policy_is_filter(policy_role role)
{
    return role <= ROLE_MAIN_MODE_FILTER;
}

#endif
