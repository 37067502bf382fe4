/* A net event with everything it points to, at its largest. */

#ifndef SIMULATOR_GENERATOR_NET_EVENT_H
#define SIMULATOR_GENERATOR_NET_EVENT_H

#include "net_events.h"

typedef struct generated_net_event {
    FWPM_NET_EVENT_HEADER3 header;
    int is_without_details; /* the pointer to them is NULL */
    /* The details by type; those of other types than the event's are zeroed. */
    FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 main_mode;
    FWPM_NET_EVENT_IKEEXT_QM_FAILURE1 quick_mode;
    FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 extended_mode;
    FWPM_NET_EVENT_IPSEC_KERNEL_DROP0 kernel_drop;
    FWPM_NET_EVENT_IPSEC_DOSP_DROP0 dosp_drop;
    char16_t machine_name[64];
    char16_t user_name[48];
    GUID provider_context;
    FWP_V4_ADDR_AND_MASK v4_subnet;
    FWP_V6_ADDR_AND_MASK v6_subnet;
    FWP_BYTE_ARRAY16 v6_address;
} generated_net_event;

/* Generate a net event. Its pointers point into `out`; those in fields whose flag is not set are
 * invalid. */
void generate_net_event(generated_net_event *out, const net_event *event);

/* Copy an event without what readers must not expose (application, user, groups). The copy shares
 * the memory that `from` points to. */
void generated_from_net_event(generated_net_event *out, const FWPM_NET_EVENT5 *from);

#endif
