/* A net event in each generation.
 *
 * A newer structure begins with the fields of the older one (fwpmtypes.h), so each part is copied
 * up to the size that it has in the requested generation.
 */

#include <string.h>

#include "copy.h"
#include "generator_net_event.h"
#include "options.h"
#include "sa_simulator.h"

typedef struct shape {
    size_t size;
    size_t header;
    size_t type;    /* offset; the header is at 0 */
    size_t details; /* offset of the pointer to the details */
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
    /* The additional header fields of generation 1 are reserved. */
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

static void *write_bytes(arena *arena, const void *from, size_t size)
{
    void *target = arena_take(arena, size, _Alignof(UINT64));
    if (target != NULL) {
        memcpy(target, from, size);
    }
    return target;
}

static char16_t *write_canary_text(arena *arena)
{
    static const char canary[] = SA_SIMULATOR_CANARY_TEXT;
    char16_t text[sizeof canary];
    for (size_t i = 0; i < sizeof canary; i++) {
        text[i] = (char16_t)canary[i];
    }
    return copy_string(arena, text);
}

static FWP_BYTE_BLOB write_canary_blob(arena *arena)
{
    static UINT8 nothing[48];
    FWP_BYTE_BLOB blob = {sizeof nothing, nothing};
    return copy_secret(arena, blob);
}

static LPWSTR *write_canary_groups(arena *arena)
{
    char16_t *group = write_canary_text(arena);
    LPWSTR *groups = ARENA_TAKE(arena, LPWSTR);
    if (groups != NULL) {
        *groups = group;
    }
    return groups;
}

static void write_header_parts(arena *arena, FWPM_NET_EVENT_HEADER3 *header)
{
    if (header->flags & FWPM_NET_EVENT_FLAG_APP_ID_SET) {
        header->appId = write_canary_blob(arena);
    }
    if (header->flags & FWPM_NET_EVENT_FLAG_ENTERPRISE_ID_SET) {
        header->enterpriseId = write_canary_text(arena);
    }
    if (header->flags & FWPM_NET_EVENT_FLAG_EFFECTIVE_NAME_SET) {
        header->effectiveName = write_canary_blob(arena);
    }
}

static void *write_main_mode(arena *arena, FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 failure, size_t size)
{
    failure.localPrincipalNameForAuth = copy_string(arena, failure.localPrincipalNameForAuth);
    failure.remotePrincipalNameForAuth = copy_string(arena, failure.remotePrincipalNameForAuth);
    failure.numRemotePrincipalGroupSids = 1;
    failure.remotePrincipalGroupSids = write_canary_groups(arena);
    failure.providerContextKey = copy_guid(arena, failure.providerContextKey);
    return write_bytes(arena, &failure, size);
}

static void *write_quick_mode(arena *arena, FWPM_NET_EVENT_IKEEXT_QM_FAILURE1 failure, size_t size)
{
    /* Only tunnel mode has subnets. In other modes, the fields are copied, but their pointers are
     * not followed. */
    if (failure.saTrafficType == IPSEC_TRAFFIC_TYPE_TUNNEL) {
        failure.localSubNet = copy_condition_value(arena, &failure.localSubNet);
        failure.remoteSubNet = copy_condition_value(arena, &failure.remoteSubNet);
    }
    return write_bytes(arena, &failure, size);
}

static void *write_extended_mode(arena *arena, FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 failure,
                                 size_t size)
{
    failure.localPrincipalNameForAuth = copy_string(arena, failure.localPrincipalNameForAuth);
    failure.remotePrincipalNameForAuth = copy_string(arena, failure.remotePrincipalNameForAuth);
    failure.numRemotePrincipalGroupSids = 1;
    failure.remotePrincipalGroupSids = write_canary_groups(arena);
    return write_bytes(arena, &failure, size);
}

static void *write_details(arena *arena, const generated_net_event *from, UINT32 type,
                           const shape *shape)
{
    switch (type) {
    case FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE:
        return write_main_mode(arena, from->main_mode, shape->main_mode);
    case FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE:
        return write_quick_mode(arena, from->quick_mode, shape->quick_mode);
    case FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE:
        return write_extended_mode(arena, from->extended_mode, shape->extended_mode);
    case FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP:
        return write_bytes(arena, &from->kernel_drop, sizeof from->kernel_drop);
    case FWPM_NET_EVENT_TYPE_IPSEC_DOSP_DROP:
        return write_bytes(arena, &from->dosp_drop, sizeof from->dosp_drop);
    default:
        return write_canary_blob(arena).data;
    }
}

static void *write_event(arena *arena, generated_net_event *from, UINT32 type, const shape *shape)
{
    UINT8 *target = arena_take(arena, shape->size, _Alignof(UINT64));
    write_header_parts(arena, &from->header);
    const void *details = from->is_without_details ? NULL : write_details(arena, from, type, shape);
    if (target != NULL) {
        memcpy(target, &from->header, shape->header);
        memcpy(target + shape->type, &type, sizeof type);
        memcpy(target + shape->details, &details, sizeof details);
    }
    return target;
}

/* Convert the addresses to the engine's order. */
static void order_addresses(generated_net_event *event)
{
    FWPM_NET_EVENT_HEADER3 *header = &event->header;
    FWPM_NET_EVENT_IPSEC_DOSP_DROP0 *drop = &event->dosp_drop;
    if (header->flags & FWPM_NET_EVENT_FLAG_IP_VERSION_SET) {
        option_order_v6(header->ipVersion, header->localAddrV6.byteArray16);
        option_order_v6(header->ipVersion, header->remoteAddrV6.byteArray16);
    }
    option_order_v6(drop->ipVersion, drop->publicHostV6Addr);
    option_order_v6(drop->ipVersion, drop->internalHostV6Addr);
}

void *net_event_write(arena *arena, const net_event *event, unsigned generation)
{
    generated_net_event generated;
    generate_net_event(&generated, event);
    order_addresses(&generated);
    return write_event(arena, &generated, event->type, &shapes[generation]);
}

FWPM_NET_EVENT5 *net_event_copy(arena *arena, const FWPM_NET_EVENT5 *from)
{
    generated_net_event generated;
    generated_from_net_event(&generated, from);
    return write_event(arena, &generated, (UINT32)from->type, &shapes[NET_EVENT_GENERATIONS - 1]);
}
