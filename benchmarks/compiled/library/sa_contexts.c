/* SA contexts, and the library's only exported function. */

#include "json.h"
#include "names.h"

static void put_end(writer *to, FWP_IP_VERSION version, UINT32 v4, const UINT8 v6[16])
{
    if (version == FWP_IP_VERSION_V4) {
        PUT(to, "\"");
        put_v4_address(to, v4);
        PUT(to, "\"");
    } else if (version == FWP_IP_VERSION_V6) {
        PUT(to, "\"");
        put_v6_address(to, v6);
        PUT(to, "\"");
    } else {
        put_null(to);
    }
}

static void put_traffic(writer *to, const IPSEC_TRAFFIC1 *traffic)
{
    PUT(to, "{");
    put_ip_version(to, traffic->ipVersion);
    PUT(to, ",\"localAddress\":");
    put_end(to, traffic->ipVersion, traffic->localV4Address, traffic->localV6Address);
    PUT(to, ",\"remoteAddress\":");
    put_end(to, traffic->ipVersion, traffic->remoteV4Address, traffic->remoteV6Address);
    PUT(to, ",");
    put_traffic_type(to, traffic->trafficType);
    PUT(to, ",\"remotePort\":");
    put_unsigned(to, traffic->remotePort);
    if (traffic->trafficType == IPSEC_TRAFFIC_TYPE_TRANSPORT) {
        PUT(to, ",\"ipsecFilterId\":");
        put_unsigned_text(to, traffic->ipsecFilterId);
    } else if (traffic->trafficType == IPSEC_TRAFFIC_TYPE_TUNNEL) {
        PUT(to, ",\"tunnelPolicyId\":");
        put_unsigned_text(to, traffic->tunnelPolicyId);
    }
    PUT(to, ",\"localPort\":");
    put_unsigned(to, traffic->localPort);
    PUT(to, ",\"ipProtocol\":");
    put_unsigned(to, traffic->ipProtocol);
    PUT(to, ",\"localIfLuid\":");
    put_unsigned_text(to, traffic->localIfLuid);
    PUT(to, ",\"realIfProfileId\":");
    put_unsigned(to, traffic->realIfProfileId);
    PUT(to, "}");
}

static void put_udp_encapsulation(writer *to, const IPSEC_V4_UDP_ENCAPSULATION0 *udp)
{
    PUT(to, "{\"localUdpEncapPort\":");
    put_unsigned(to, udp->localUdpEncapPort);
    PUT(to, ",\"remoteUdpEncapPort\":");
    put_unsigned(to, udp->remoteUdpEncapPort);
    PUT(to, "}");
}

static void put_details(writer *to, const IPSEC_SA_DETAILS1 *details, const baseline *judged_by)
{
    if (details == NULL) {
        put_null(to);
        return;
    }
    PUT(to, "{");
    put_ip_version(to, details->ipVersion);
    PUT(to, ",");
    put_sa_direction(to, details->saDirection);
    PUT(to, ",\"weaknesses\":");
    put_weaknesses(to, &details->saBundle, judged_by);
    PUT(to, ",\"ruleName\":"); /* as without names that must be looked up */
    put_string(to, details->transportFilter == NULL ? NULL
                                                    : details->transportFilter->displayData.name);
    PUT(to, ",\"traffic\":");
    put_traffic(to, &details->traffic);
    PUT(to, ",\"saBundle\":");
    put_bundle(to, &details->saBundle);
    PUT(to, ",\"udpEncapsulation\":");
    /* This member of the union is valid for IPv4 only. */
    if (details->ipVersion == FWP_IP_VERSION_V4 && details->udpEncapsulation != NULL) {
        put_udp_encapsulation(to, details->udpEncapsulation);
    } else {
        put_null(to);
    }
    PUT(to, ",\"transportFilter\":");
    if (details->transportFilter == NULL) {
        put_null(to);
    } else {
        put_filter(to, details->transportFilter);
    }
    PUT(to, ",\"virtualIfTunnelInfo\":{\"virtualIfTunnelId\":");
    put_unsigned_text(to, details->virtualIfTunnelInfo.virtualIfTunnelId);
    PUT(to, ",\"trafficSelectorId\":");
    put_unsigned_text(to, details->virtualIfTunnelInfo.trafficSelectorId);
    PUT(to, "}}");
}

static void put_context(writer *to, const IPSEC_SA_CONTEXT1 *context, const baseline *judged_by)
{
    PUT(to, "{\"saContextId\":");
    put_unsigned_text(to, context->saContextId);
    PUT(to, ",\"inboundSa\":");
    put_details(to, context->inboundSa, judged_by);
    PUT(to, ",\"outboundSa\":");
    put_details(to, context->outboundSa, judged_by);
    PUT(to, "}");
}

uint32_t encode_sa_contexts(const void *const *entries, uint32_t count, const baseline *judged_by,
                            char *buffer, size_t size, uint32_t *ends)
{
    writer to = {buffer, buffer + size, false};
    for (uint32_t done = 0; done < count; done++) {
        put_context(&to, entries[done], judged_by);
        if (to.is_full) {
            return done;
        }
        ends[done] = (uint32_t)(to.at - buffer);
    }
    return count;
}
