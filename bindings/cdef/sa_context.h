/* The SA context: an inbound and an outbound SA with their traffic (ipsectypes.h, fwpmu.h).
 *
 * Generation 0 came with Windows Vista, generation 1 with Windows 7.
 * IPSEC_SA_DETAILS1 embeds virtualIfTunnelInfo; the ipsectypes.h of mingw-w64 wrongly
 * declares it as a pointer.
 */

typedef enum IPSEC_TRAFFIC_TYPE_ {
    IPSEC_TRAFFIC_TYPE_TRANSPORT = 0,
    IPSEC_TRAFFIC_TYPE_TUNNEL = 1,
    IPSEC_TRAFFIC_TYPE_MAX = 2
} IPSEC_TRAFFIC_TYPE;

typedef struct IPSEC_TRAFFIC0_ {
    FWP_IP_VERSION ipVersion;
    union {
        UINT32 localV4Address;
        UINT8 localV6Address[16];
    };
    union {
        UINT32 remoteV4Address;
        UINT8 remoteV6Address[16];
    };
    IPSEC_TRAFFIC_TYPE trafficType;
    union {
        UINT64 ipsecFilterId;
        UINT64 tunnelPolicyId;
    };
    UINT16 remotePort;
} IPSEC_TRAFFIC0;

typedef struct IPSEC_TRAFFIC1_ {
    FWP_IP_VERSION ipVersion;
    union {
        UINT32 localV4Address;
        UINT8 localV6Address[16];
    };
    union {
        UINT32 remoteV4Address;
        UINT8 remoteV6Address[16];
    };
    IPSEC_TRAFFIC_TYPE trafficType;
    union {
        UINT64 ipsecFilterId;
        UINT64 tunnelPolicyId;
    };
    UINT16 remotePort;
    UINT16 localPort;
    UINT8 ipProtocol;
    UINT64 localIfLuid;
    UINT32 realIfProfileId;
} IPSEC_TRAFFIC1;

typedef struct IPSEC_V4_UDP_ENCAPSULATION0_ {
    UINT16 localUdpEncapPort;
    UINT16 remoteUdpEncapPort;
} IPSEC_V4_UDP_ENCAPSULATION0;

typedef struct IPSEC_VIRTUAL_IF_TUNNEL_INFO0_ {
    UINT64 virtualIfTunnelId;
    UINT64 trafficSelectorId;
} IPSEC_VIRTUAL_IF_TUNNEL_INFO0;

typedef struct IPSEC_SA_DETAILS0_ {
    FWP_IP_VERSION ipVersion;
    FWP_DIRECTION saDirection;
    IPSEC_TRAFFIC0 traffic;
    IPSEC_SA_BUNDLE0 saBundle;
    IPSEC_V4_UDP_ENCAPSULATION0 *udpEncapsulation;
    FWPM_FILTER0 *transportFilter;
} IPSEC_SA_DETAILS0;

typedef struct IPSEC_SA_DETAILS1_ {
    FWP_IP_VERSION ipVersion;
    FWP_DIRECTION saDirection;
    IPSEC_TRAFFIC1 traffic;
    IPSEC_SA_BUNDLE1 saBundle;
    IPSEC_V4_UDP_ENCAPSULATION0 *udpEncapsulation;
    FWPM_FILTER0 *transportFilter;
    IPSEC_VIRTUAL_IF_TUNNEL_INFO0 virtualIfTunnelInfo;
} IPSEC_SA_DETAILS1;

typedef struct IPSEC_SA_CONTEXT0_ {
    UINT64 saContextId;
    IPSEC_SA_DETAILS0 *inboundSa;
    IPSEC_SA_DETAILS0 *outboundSa;
} IPSEC_SA_CONTEXT0;

typedef struct IPSEC_SA_CONTEXT1_ {
    UINT64 saContextId;
    IPSEC_SA_DETAILS1 *inboundSa;
    IPSEC_SA_DETAILS1 *outboundSa;
} IPSEC_SA_CONTEXT1;

typedef struct IPSEC_SA_CONTEXT_ENUM_TEMPLATE0_ {
    FWP_CONDITION_VALUE0 localSubNet;
    FWP_CONDITION_VALUE0 remoteSubNet;
} IPSEC_SA_CONTEXT_ENUM_TEMPLATE0;

DWORD WINAPI IPsecSaContextCreateEnumHandle0(HANDLE engineHandle,
                                             const IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 *enumTemplate,
                                             HANDLE *enumHandle);
DWORD WINAPI IPsecSaContextEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                 UINT32 numEntriesRequested, IPSEC_SA_CONTEXT0 ***entries,
                                 UINT32 *numEntriesReturned);
DWORD WINAPI IPsecSaContextEnum1(HANDLE engineHandle, HANDLE enumHandle,
                                 UINT32 numEntriesRequested, IPSEC_SA_CONTEXT1 ***entries,
                                 UINT32 *numEntriesReturned);
DWORD WINAPI IPsecSaContextDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI IPsecSaContextGetById0(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT0 **saContext);
DWORD WINAPI IPsecSaContextGetById1(HANDLE engineHandle, UINT64 id, IPSEC_SA_CONTEXT1 **saContext);
