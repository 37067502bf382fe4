/* A net event in the shape of each generation.
 *
 * A newer struct begins as the older one does (fwpmtypes.h), so a part is copied as
 * far as its generation has it.
 */

#include <string.h>

#include "copy.h"
#include "generator_net_event.h"
#include "sa_simulator.h"

typedef struct shape {
    size_t size;
    size_t header;
    size_t type; /* where it stands; the header is at 0 */
    size_t said; /* where the pointer to what it says stands */
    size_t main_mode;
    size_t quick_mode;
    size_t extended_mode;
} shape;

#define SHAPE(EVENT, HEADER, MM, QM, EM)                                                     \
    {                                                                                        \
        sizeof(EVENT), sizeof(HEADER), offsetof(EVENT, type), offsetof(EVENT, ikeMmFailure), \
            sizeof(MM), sizeof(QM), sizeof(EM)                                               \
    }

/* clang-format off */
static const shape shapes[NET_EVENT_GENERATIONS] = {
    SHAPE(FWPM_NET_EVENT0, FWPM_NET_EVENT_HEADER0, FWPM_NET_EVENT_IKEEXT_MM_FAILURE0,
          FWPM_NET_EVENT_IKEEXT_QM_FAILURE0, FWPM_NET_EVENT_IKEEXT_EM_FAILURE0),
    /* What generation 1 has beyond 0 is reserved. */
    SHAPE(FWPM_NET_EVENT1, FWPM_NET_EVENT_HEADER0, FWPM_NET_EVENT_IKEEXT_MM_FAILURE1,
          FWPM_NET_EVENT_IKEEXT_QM_FAILURE0, FWPM_NET_EVENT_IKEEXT_EM_FAILURE1),
    SHAPE(FWPM_NET_EVENT2, FWPM_NET_EVENT_HEADER2, FWPM_NET_EVENT_IKEEXT_MM_FAILURE1,
          FWPM_NET_EVENT_IKEEXT_QM_FAILURE0, FWPM_NET_EVENT_IKEEXT_EM_FAILURE1),
    SHAPE(FWPM_NET_EVENT3, FWPM_NET_EVENT_HEADER3, FWPM_NET_EVENT_IKEEXT_MM_FAILURE1,
          FWPM_NET_EVENT_IKEEXT_QM_FAILURE0, FWPM_NET_EVENT_IKEEXT_EM_FAILURE1),
    SHAPE(FWPM_NET_EVENT4, FWPM_NET_EVENT_HEADER3, FWPM_NET_EVENT_IKEEXT_MM_FAILURE2,
          FWPM_NET_EVENT_IKEEXT_QM_FAILURE1, FWPM_NET_EVENT_IKEEXT_EM_FAILURE1),
    SHAPE(FWPM_NET_EVENT5, FWPM_NET_EVENT_HEADER3, FWPM_NET_EVENT_IKEEXT_MM_FAILURE2,
          FWPM_NET_EVENT_IKEEXT_QM_FAILURE1, FWPM_NET_EVENT_IKEEXT_EM_FAILURE1),
};
/* clang-format on */

static void *lay(arena *to, const void *from, size_t size)
{
    void *room = arena_take(to, size, _Alignof(UINT64));
    if (room != NULL) {
        memcpy(room, from, size);
    }
    return room;
}

static char16_t *lay_canary_text(arena *to)
{
    static const char canary[] = SA_SIMULATOR_CANARY_TEXT;
    char16_t text[sizeof canary];
    for (size_t i = 0; i < sizeof canary; i++) {
        text[i] = (char16_t)canary[i];
    }
    return copy_string(to, text);
}

static FWP_BYTE_BLOB lay_canary_blob(arena *to)
{
    static UINT8 nothing[48];
    FWP_BYTE_BLOB blob = {sizeof nothing, nothing};
    return copy_secret(to, blob);
}

static LPWSTR *lay_canary_groups(arena *to)
{
    char16_t *group = lay_canary_text(to);
    LPWSTR *groups = ARENA_TAKE(to, LPWSTR);
    if (groups != NULL) {
        *groups = group;
    }
    return groups;
}

static void lay_header_parts(arena *to, FWPM_NET_EVENT_HEADER3 *header)
{
    if (header->flags & FWPM_NET_EVENT_FLAG_APP_ID_SET) {
        header->appId = lay_canary_blob(to);
    }
    if (header->flags & FWPM_NET_EVENT_FLAG_ENTERPRISE_ID_SET) {
        header->enterpriseId = lay_canary_text(to);
    }
    if (header->flags & FWPM_NET_EVENT_FLAG_EFFECTIVE_NAME_SET) {
        header->effectiveName = lay_canary_blob(to);
    }
}

static void *lay_main_mode(arena *to, FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 failure, size_t size)
{
    failure.localPrincipalNameForAuth = copy_string(to, failure.localPrincipalNameForAuth);
    failure.remotePrincipalNameForAuth = copy_string(to, failure.remotePrincipalNameForAuth);
    failure.numRemotePrincipalGroupSids = 1;
    failure.remotePrincipalGroupSids = lay_canary_groups(to);
    failure.providerContextKey = copy_guid(to, failure.providerContextKey);
    return lay(to, &failure, size);
}

static void *lay_quick_mode(arena *to, FWPM_NET_EVENT_IKEEXT_QM_FAILURE1 failure, size_t size)
{
    /* No other traffic type has subnets: what stands there is passed on unread. */
    if (failure.saTrafficType == IPSEC_TRAFFIC_TYPE_TUNNEL) {
        failure.localSubNet = copy_condition_value(to, &failure.localSubNet);
        failure.remoteSubNet = copy_condition_value(to, &failure.remoteSubNet);
    }
    return lay(to, &failure, size);
}

static void *lay_extended_mode(arena *to, FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 failure, size_t size)
{
    failure.localPrincipalNameForAuth = copy_string(to, failure.localPrincipalNameForAuth);
    failure.remotePrincipalNameForAuth = copy_string(to, failure.remotePrincipalNameForAuth);
    failure.numRemotePrincipalGroupSids = 1;
    failure.remotePrincipalGroupSids = lay_canary_groups(to);
    return lay(to, &failure, size);
}

static void *lay_said(arena *to, const generated_net_event *from, UINT32 type, const shape *as)
{
    switch (type) {
    case FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE:
        return lay_main_mode(to, from->main_mode, as->main_mode);
    case FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE:
        return lay_quick_mode(to, from->quick_mode, as->quick_mode);
    case FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE:
        return lay_extended_mode(to, from->extended_mode, as->extended_mode);
    case FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP:
        return lay(to, &from->kernel_drop, sizeof from->kernel_drop);
    case FWPM_NET_EVENT_TYPE_IPSEC_DOSP_DROP:
        return lay(to, &from->dosp_drop, sizeof from->dosp_drop);
    default:
        return lay_canary_blob(to).data;
    }
}

void *net_event_lay(arena *to, const net_event *of, unsigned generation)
{
    const shape *as = &shapes[generation];
    generated_net_event event;
    generate_net_event(&event, of);
    UINT8 *room = arena_take(to, as->size, _Alignof(UINT64));
    lay_header_parts(to, &event.header);
    const void *said = lay_said(to, &event, of->type, as);
    if (room != NULL) {
        memcpy(room, &event.header, as->header);
        memcpy(room + as->type, &of->type, sizeof of->type);
        memcpy(room + as->said, &said, sizeof said);
    }
    return room;
}
