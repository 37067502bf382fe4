/* A net event, with space for everything that it can point to. */

#ifndef SIMULATOR_GENERATOR_NET_EVENT_H
#define SIMULATOR_GENERATOR_NET_EVENT_H

#include "net_events.h"

typedef struct generated_net_event {
    FWPM_NET_EVENT_HEADER3 header;
    int is_without_details; /* the pointer to the details is NULL */
    /* The details of each type. Only those of the event's type are set; the others are zeroed. */
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

/* Generate a net event. The pointers in its details point into `out`; if the event was added with
 * sa_simulator_put_net_event, they are those of its tree. The pointers in its header must not be
 * read. */
void generate_net_event(generated_net_event *out, const net_event *event);

/* Copy an event without these fields, which readers must not expose: application, enterprise,
 * effective name, user, package, local groups. The pointers of the copy point to the memory of
 * `from`. */
void generated_from_net_event(generated_net_event *out, const FWPM_NET_EVENT5 *from);

#endif
