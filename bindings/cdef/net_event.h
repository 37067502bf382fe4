/* Net events: failed IKE negotiations and packets dropped by IPsec (fwpmtypes.h, fwpmu.h).
 *
 * An event has a header and details. The header's `flags` mark the header fields that are
 * set. The details depend on the event's type. Generation 0 came with Windows Vista,
 * generation 1 with Windows 7, generation 2 with Windows 8, and generations 3, 4 and 5 with
 * releases of Windows 10. A subscription of generation n receives events of generation n + 1.
 *
 * Times are FILETIMEs in UTC. `failureErrorCode` is a Win32 code, and `failureStatus` is an
 * NTSTATUS. The `flags` of a main mode failure and of an extended mode failure have the same
 * two bits with swapped meanings. A quick mode failure has subnets only in tunnel mode. The
 * bindings ignore events of other traffic (classify, capability, lpm), so the details of
 * these events are not declared.
 */

#define FWPM_NET_EVENT_FLAG_IP_PROTOCOL_SET 0x00000001
#define FWPM_NET_EVENT_FLAG_LOCAL_ADDR_SET 0x00000002
#define FWPM_NET_EVENT_FLAG_REMOTE_ADDR_SET 0x00000004
#define FWPM_NET_EVENT_FLAG_LOCAL_PORT_SET 0x00000008
#define FWPM_NET_EVENT_FLAG_REMOTE_PORT_SET 0x00000010
#define FWPM_NET_EVENT_FLAG_APP_ID_SET 0x00000020
#define FWPM_NET_EVENT_FLAG_USER_ID_SET 0x00000040
#define FWPM_NET_EVENT_FLAG_SCOPE_ID_SET 0x00000080
#define FWPM_NET_EVENT_FLAG_IP_VERSION_SET 0x00000100
#define FWPM_NET_EVENT_FLAG_REAUTH_REASON_SET 0x00000200
#define FWPM_NET_EVENT_FLAG_PACKAGE_ID_SET 0x00000400
#define FWPM_NET_EVENT_FLAG_ENTERPRISE_ID_SET 0x00000800
#define FWPM_NET_EVENT_FLAG_POLICY_FLAGS_SET 0x00001000
#define FWPM_NET_EVENT_FLAG_EFFECTIVE_NAME_SET 0x00002000

#define FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_BENIGN 0x00000001
#define FWPM_NET_EVENT_IKEEXT_MM_FAILURE_FLAG_MULTIPLE 0x00000002
#define FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_MULTIPLE 0x00000001
#define FWPM_NET_EVENT_IKEEXT_EM_FAILURE_FLAG_BENIGN 0x00000002

typedef enum FWP_AF_ {
    FWP_AF_INET = 0,
    FWP_AF_INET6 = 1,
    FWP_AF_ETHER = 2,
    FWP_AF_NONE = 3
} FWP_AF;

typedef enum IPSEC_FAILURE_POINT_ {
    IPSEC_FAILURE_NONE = 0,
    IPSEC_FAILURE_ME = 1,
    IPSEC_FAILURE_PEER = 2,
    IPSEC_FAILURE_POINT_MAX = 3
} IPSEC_FAILURE_POINT;

typedef enum IKEEXT_MM_SA_STATE_ {
    IKEEXT_MM_SA_STATE_NONE = 0,
    IKEEXT_MM_SA_STATE_SA_SENT = 1,
    IKEEXT_MM_SA_STATE_SSPI_SENT = 2,
    IKEEXT_MM_SA_STATE_FINAL = 3,
    IKEEXT_MM_SA_STATE_FINAL_SENT = 4,
    IKEEXT_MM_SA_STATE_COMPLETE = 5,
    IKEEXT_MM_SA_STATE_MAX = 6
} IKEEXT_MM_SA_STATE;

typedef enum IKEEXT_QM_SA_STATE_ {
    IKEEXT_QM_SA_STATE_NONE = 0,
    IKEEXT_QM_SA_STATE_INITIAL = 1,
    IKEEXT_QM_SA_STATE_FINAL = 2,
    IKEEXT_QM_SA_STATE_COMPLETE = 3,
    IKEEXT_QM_SA_STATE_MAX = 4
} IKEEXT_QM_SA_STATE;

typedef enum IKEEXT_EM_SA_STATE_ {
    IKEEXT_EM_SA_STATE_NONE = 0,
    IKEEXT_EM_SA_STATE_SENT_ATTS = 1,
    IKEEXT_EM_SA_STATE_SSPI_SENT = 2,
    IKEEXT_EM_SA_STATE_AUTH_COMPLETE = 3,
    IKEEXT_EM_SA_STATE_FINAL = 4,
    IKEEXT_EM_SA_STATE_COMPLETE = 5,
    IKEEXT_EM_SA_STATE_MAX = 6
} IKEEXT_EM_SA_STATE;

typedef enum IKEEXT_SA_ROLE_ {
    IKEEXT_SA_ROLE_INITIATOR = 0,
    IKEEXT_SA_ROLE_RESPONDER = 1,
    IKEEXT_SA_ROLE_MAX = 2
} IKEEXT_SA_ROLE;

typedef enum FWPM_NET_EVENT_TYPE_ {
    FWPM_NET_EVENT_TYPE_IKEEXT_MM_FAILURE = 0,
    FWPM_NET_EVENT_TYPE_IKEEXT_QM_FAILURE = 1,
    FWPM_NET_EVENT_TYPE_IKEEXT_EM_FAILURE = 2,
    FWPM_NET_EVENT_TYPE_CLASSIFY_DROP = 3,
    FWPM_NET_EVENT_TYPE_IPSEC_KERNEL_DROP = 4,
    FWPM_NET_EVENT_TYPE_IPSEC_DOSP_DROP = 5,
    FWPM_NET_EVENT_TYPE_CLASSIFY_ALLOW = 6,
    FWPM_NET_EVENT_TYPE_CAPABILITY_DROP = 7,
    FWPM_NET_EVENT_TYPE_CAPABILITY_ALLOW = 8,
    FWPM_NET_EVENT_TYPE_CLASSIFY_DROP_MAC = 9,
    FWPM_NET_EVENT_TYPE_LPM_PACKET_ARRIVAL = 10,
    FWPM_NET_EVENT_TYPE_MAX = 11
} FWPM_NET_EVENT_TYPE;

typedef struct FWPM_NET_EVENT_HEADER0_ {
    FILETIME timeStamp;
    UINT32 flags;
    FWP_IP_VERSION ipVersion;
    UINT8 ipProtocol;
    union {
        UINT32 localAddrV4;
        FWP_BYTE_ARRAY16 localAddrV6;
    };
    union {
        UINT32 remoteAddrV4;
        FWP_BYTE_ARRAY16 remoteAddrV6;
    };
    UINT16 localPort;
    UINT16 remotePort;
    UINT32 scopeId;
    FWP_BYTE_BLOB appId;
    SID *userId;
} FWPM_NET_EVENT_HEADER0;

typedef struct FWPM_NET_EVENT_HEADER1_ {
    FILETIME timeStamp;
    UINT32 flags;
    FWP_IP_VERSION ipVersion;
    UINT8 ipProtocol;
    union {
        UINT32 localAddrV4;
        FWP_BYTE_ARRAY16 localAddrV6;
    };
    union {
        UINT32 remoteAddrV4;
        FWP_BYTE_ARRAY16 remoteAddrV6;
    };
    UINT16 localPort;
    UINT16 remotePort;
    UINT32 scopeId;
    FWP_BYTE_BLOB appId;
    SID *userId;
    FWP_AF reserved1;
    union {
        struct {
            FWP_BYTE_ARRAY6 reserved2;
            FWP_BYTE_ARRAY6 reserved3;
            UINT32 reserved4;
            UINT32 reserved5;
            UINT16 reserved6;
            UINT32 reserved7;
            UINT32 reserved8;
            UINT16 reserved9;
            UINT64 reserved10;
        };
    };
} FWPM_NET_EVENT_HEADER1;

typedef struct FWPM_NET_EVENT_HEADER2_ {
    FILETIME timeStamp;
    UINT32 flags;
    FWP_IP_VERSION ipVersion;
    UINT8 ipProtocol;
    union {
        UINT32 localAddrV4;
        FWP_BYTE_ARRAY16 localAddrV6;
    };
    union {
        UINT32 remoteAddrV4;
        FWP_BYTE_ARRAY16 remoteAddrV6;
    };
    UINT16 localPort;
    UINT16 remotePort;
    UINT32 scopeId;
    FWP_BYTE_BLOB appId;
    SID *userId;
    FWP_AF addressFamily;
    SID *packageSid;
} FWPM_NET_EVENT_HEADER2;

typedef struct FWPM_NET_EVENT_HEADER3_ {
    FILETIME timeStamp;
    UINT32 flags;
    FWP_IP_VERSION ipVersion;
    UINT8 ipProtocol;
    union {
        UINT32 localAddrV4;
        FWP_BYTE_ARRAY16 localAddrV6;
    };
    union {
        UINT32 remoteAddrV4;
        FWP_BYTE_ARRAY16 remoteAddrV6;
    };
    UINT16 localPort;
    UINT16 remotePort;
    UINT32 scopeId;
    FWP_BYTE_BLOB appId;
    SID *userId;
    FWP_AF addressFamily;
    SID *packageSid;
    char16_t *enterpriseId;
    UINT64 policyFlags;
    FWP_BYTE_BLOB effectiveName;
} FWPM_NET_EVENT_HEADER3;

typedef struct FWPM_NET_EVENT_IKEEXT_MM_FAILURE0_ {
    UINT32 failureErrorCode;
    IPSEC_FAILURE_POINT failurePoint;
    UINT32 flags;
    IKEEXT_KEY_MODULE_TYPE keyingModuleType;
    IKEEXT_MM_SA_STATE mmState;
    IKEEXT_SA_ROLE saRole;
    IKEEXT_AUTHENTICATION_METHOD_TYPE mmAuthMethod;
    UINT8 endCertHash[20];
    UINT64 mmId;
    UINT64 mmFilterId;
} FWPM_NET_EVENT_IKEEXT_MM_FAILURE0;

typedef struct FWPM_NET_EVENT_IKEEXT_MM_FAILURE1_ {
    UINT32 failureErrorCode;
    IPSEC_FAILURE_POINT failurePoint;
    UINT32 flags;
    IKEEXT_KEY_MODULE_TYPE keyingModuleType;
    IKEEXT_MM_SA_STATE mmState;
    IKEEXT_SA_ROLE saRole;
    IKEEXT_AUTHENTICATION_METHOD_TYPE mmAuthMethod;
    UINT8 endCertHash[20];
    UINT64 mmId;
    UINT64 mmFilterId;
    char16_t *localPrincipalNameForAuth;
    char16_t *remotePrincipalNameForAuth;
    UINT32 numLocalPrincipalGroupSids;
    LPWSTR *localPrincipalGroupSids;
    UINT32 numRemotePrincipalGroupSids;
    LPWSTR *remotePrincipalGroupSids;
} FWPM_NET_EVENT_IKEEXT_MM_FAILURE1;

typedef struct FWPM_NET_EVENT_IKEEXT_MM_FAILURE2_ {
    UINT32 failureErrorCode;
    IPSEC_FAILURE_POINT failurePoint;
    UINT32 flags;
    IKEEXT_KEY_MODULE_TYPE keyingModuleType;
    IKEEXT_MM_SA_STATE mmState;
    IKEEXT_SA_ROLE saRole;
    IKEEXT_AUTHENTICATION_METHOD_TYPE mmAuthMethod;
    UINT8 endCertHash[20];
    UINT64 mmId;
    UINT64 mmFilterId;
    char16_t *localPrincipalNameForAuth;
    char16_t *remotePrincipalNameForAuth;
    UINT32 numLocalPrincipalGroupSids;
    LPWSTR *localPrincipalGroupSids;
    UINT32 numRemotePrincipalGroupSids;
    LPWSTR *remotePrincipalGroupSids;
    GUID *providerContextKey;
} FWPM_NET_EVENT_IKEEXT_MM_FAILURE2;

typedef struct FWPM_NET_EVENT_IKEEXT_QM_FAILURE0_ {
    UINT32 failureErrorCode;
    IPSEC_FAILURE_POINT failurePoint;
    IKEEXT_KEY_MODULE_TYPE keyingModuleType;
    IKEEXT_QM_SA_STATE qmState;
    IKEEXT_SA_ROLE saRole;
    IPSEC_TRAFFIC_TYPE saTrafficType;
    FWP_CONDITION_VALUE0 localSubNet;
    FWP_CONDITION_VALUE0 remoteSubNet;
    UINT64 qmFilterId;
} FWPM_NET_EVENT_IKEEXT_QM_FAILURE0;

typedef struct FWPM_NET_EVENT_IKEEXT_QM_FAILURE1_ {
    UINT32 failureErrorCode;
    IPSEC_FAILURE_POINT failurePoint;
    IKEEXT_KEY_MODULE_TYPE keyingModuleType;
    IKEEXT_QM_SA_STATE qmState;
    IKEEXT_SA_ROLE saRole;
    IPSEC_TRAFFIC_TYPE saTrafficType;
    FWP_CONDITION_VALUE0 localSubNet;
    FWP_CONDITION_VALUE0 remoteSubNet;
    UINT64 qmFilterId;
    UINT64 mmSaLuid;
    GUID mmProviderContextKey;
} FWPM_NET_EVENT_IKEEXT_QM_FAILURE1;

typedef struct FWPM_NET_EVENT_IKEEXT_EM_FAILURE0_ {
    UINT32 failureErrorCode;
    IPSEC_FAILURE_POINT failurePoint;
    UINT32 flags;
    IKEEXT_EM_SA_STATE emState;
    IKEEXT_SA_ROLE saRole;
    IKEEXT_AUTHENTICATION_METHOD_TYPE emAuthMethod;
    UINT8 endCertHash[20];
    UINT64 mmId;
    UINT64 qmFilterId;
} FWPM_NET_EVENT_IKEEXT_EM_FAILURE0;

typedef struct FWPM_NET_EVENT_IKEEXT_EM_FAILURE1_ {
    UINT32 failureErrorCode;
    IPSEC_FAILURE_POINT failurePoint;
    UINT32 flags;
    IKEEXT_EM_SA_STATE emState;
    IKEEXT_SA_ROLE saRole;
    IKEEXT_AUTHENTICATION_METHOD_TYPE emAuthMethod;
    UINT8 endCertHash[20];
    UINT64 mmId;
    UINT64 qmFilterId;
    char16_t *localPrincipalNameForAuth;
    char16_t *remotePrincipalNameForAuth;
    UINT32 numLocalPrincipalGroupSids;
    LPWSTR *localPrincipalGroupSids;
    UINT32 numRemotePrincipalGroupSids;
    LPWSTR *remotePrincipalGroupSids;
    IPSEC_TRAFFIC_TYPE saTrafficType;
} FWPM_NET_EVENT_IKEEXT_EM_FAILURE1;

typedef struct FWPM_NET_EVENT_IPSEC_KERNEL_DROP0_ {
    INT32 failureStatus;
    FWP_DIRECTION direction;
    IPSEC_SA_SPI spi;
    UINT64 filterId;
    UINT16 layerId;
} FWPM_NET_EVENT_IPSEC_KERNEL_DROP0;

typedef struct FWPM_NET_EVENT_IPSEC_DOSP_DROP0_ {
    FWP_IP_VERSION ipVersion;
    union {
        UINT32 publicHostV4Addr;
        UINT8 publicHostV6Addr[16];
    };
    union {
        UINT32 internalHostV4Addr;
        UINT8 internalHostV6Addr[16];
    };
    INT32 failureStatus;
    FWP_DIRECTION direction;
} FWPM_NET_EVENT_IPSEC_DOSP_DROP0;

typedef struct FWPM_NET_EVENT0_ {
    FWPM_NET_EVENT_HEADER0 header;
    FWPM_NET_EVENT_TYPE type;
    union {
        FWPM_NET_EVENT_IKEEXT_MM_FAILURE0 *ikeMmFailure;
        FWPM_NET_EVENT_IKEEXT_QM_FAILURE0 *ikeQmFailure;
        FWPM_NET_EVENT_IKEEXT_EM_FAILURE0 *ikeEmFailure;
        void *classifyDrop;
        FWPM_NET_EVENT_IPSEC_KERNEL_DROP0 *ipsecDrop;
        FWPM_NET_EVENT_IPSEC_DOSP_DROP0 *idpDrop;
    };
} FWPM_NET_EVENT0;

typedef struct FWPM_NET_EVENT1_ {
    FWPM_NET_EVENT_HEADER1 header;
    FWPM_NET_EVENT_TYPE type;
    union {
        FWPM_NET_EVENT_IKEEXT_MM_FAILURE1 *ikeMmFailure;
        FWPM_NET_EVENT_IKEEXT_QM_FAILURE0 *ikeQmFailure;
        FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 *ikeEmFailure;
        void *classifyDrop;
        FWPM_NET_EVENT_IPSEC_KERNEL_DROP0 *ipsecDrop;
        FWPM_NET_EVENT_IPSEC_DOSP_DROP0 *idpDrop;
    };
} FWPM_NET_EVENT1;

typedef struct FWPM_NET_EVENT2_ {
    FWPM_NET_EVENT_HEADER2 header;
    FWPM_NET_EVENT_TYPE type;
    union {
        FWPM_NET_EVENT_IKEEXT_MM_FAILURE1 *ikeMmFailure;
        FWPM_NET_EVENT_IKEEXT_QM_FAILURE0 *ikeQmFailure;
        FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 *ikeEmFailure;
        void *classifyDrop;
        FWPM_NET_EVENT_IPSEC_KERNEL_DROP0 *ipsecDrop;
        FWPM_NET_EVENT_IPSEC_DOSP_DROP0 *idpDrop;
        void *classifyAllow;
        void *capabilityDrop;
        void *capabilityAllow;
        void *classifyDropMac;
    };
} FWPM_NET_EVENT2;

typedef struct FWPM_NET_EVENT3_ {
    FWPM_NET_EVENT_HEADER3 header;
    FWPM_NET_EVENT_TYPE type;
    union {
        FWPM_NET_EVENT_IKEEXT_MM_FAILURE1 *ikeMmFailure;
        FWPM_NET_EVENT_IKEEXT_QM_FAILURE0 *ikeQmFailure;
        FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 *ikeEmFailure;
        void *classifyDrop;
        FWPM_NET_EVENT_IPSEC_KERNEL_DROP0 *ipsecDrop;
        FWPM_NET_EVENT_IPSEC_DOSP_DROP0 *idpDrop;
        void *classifyAllow;
        void *capabilityDrop;
        void *capabilityAllow;
        void *classifyDropMac;
    };
} FWPM_NET_EVENT3;

typedef struct FWPM_NET_EVENT4_ {
    FWPM_NET_EVENT_HEADER3 header;
    FWPM_NET_EVENT_TYPE type;
    union {
        FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 *ikeMmFailure;
        FWPM_NET_EVENT_IKEEXT_QM_FAILURE1 *ikeQmFailure;
        FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 *ikeEmFailure;
        void *classifyDrop;
        FWPM_NET_EVENT_IPSEC_KERNEL_DROP0 *ipsecDrop;
        FWPM_NET_EVENT_IPSEC_DOSP_DROP0 *idpDrop;
        void *classifyAllow;
        void *capabilityDrop;
        void *capabilityAllow;
        void *classifyDropMac;
    };
} FWPM_NET_EVENT4;

typedef struct FWPM_NET_EVENT5_ {
    FWPM_NET_EVENT_HEADER3 header;
    FWPM_NET_EVENT_TYPE type;
    union {
        FWPM_NET_EVENT_IKEEXT_MM_FAILURE2 *ikeMmFailure;
        FWPM_NET_EVENT_IKEEXT_QM_FAILURE1 *ikeQmFailure;
        FWPM_NET_EVENT_IKEEXT_EM_FAILURE1 *ikeEmFailure;
        void *classifyDrop;
        FWPM_NET_EVENT_IPSEC_KERNEL_DROP0 *ipsecDrop;
        FWPM_NET_EVENT_IPSEC_DOSP_DROP0 *idpDrop;
        void *classifyAllow;
        void *capabilityDrop;
        void *capabilityAllow;
        void *classifyDropMac;
        void *lpmPacketArrival;
    };
} FWPM_NET_EVENT5;

typedef struct FWPM_NET_EVENT_ENUM_TEMPLATE0_ {
    FILETIME startTime;
    FILETIME endTime;
    UINT32 numFilterConditions;
    FWPM_FILTER_CONDITION0 *filterCondition;
} FWPM_NET_EVENT_ENUM_TEMPLATE0;

typedef struct FWPM_NET_EVENT_SUBSCRIPTION0_ {
    FWPM_NET_EVENT_ENUM_TEMPLATE0 *enumTemplate;
    UINT32 flags;
    GUID sessionKey;
} FWPM_NET_EVENT_SUBSCRIPTION0;

typedef void (WINAPI *FWPM_NET_EVENT_CALLBACK0)(void *context, const FWPM_NET_EVENT1 *event);
typedef void (WINAPI *FWPM_NET_EVENT_CALLBACK1)(void *context, const FWPM_NET_EVENT2 *event);
typedef void (WINAPI *FWPM_NET_EVENT_CALLBACK2)(void *context, const FWPM_NET_EVENT3 *event);
typedef void (WINAPI *FWPM_NET_EVENT_CALLBACK3)(void *context, const FWPM_NET_EVENT4 *event);
typedef void (WINAPI *FWPM_NET_EVENT_CALLBACK4)(void *context, const FWPM_NET_EVENT5 *event);

DWORD WINAPI FwpmNetEventCreateEnumHandle0(HANDLE engineHandle,
                                           const FWPM_NET_EVENT_ENUM_TEMPLATE0 *enumTemplate,
                                           HANDLE *enumHandle);
DWORD WINAPI FwpmNetEventEnum0(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT0 ***entries, UINT32 *numEntriesReturned);
DWORD WINAPI FwpmNetEventEnum1(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT1 ***entries, UINT32 *numEntriesReturned);
DWORD WINAPI FwpmNetEventEnum2(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT2 ***entries, UINT32 *numEntriesReturned);
DWORD WINAPI FwpmNetEventEnum3(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT3 ***entries, UINT32 *numEntriesReturned);
DWORD WINAPI FwpmNetEventEnum4(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT4 ***entries, UINT32 *numEntriesReturned);
DWORD WINAPI FwpmNetEventEnum5(HANDLE engineHandle, HANDLE enumHandle, UINT32 numEntriesRequested,
                               FWPM_NET_EVENT5 ***entries, UINT32 *numEntriesReturned);
DWORD WINAPI FwpmNetEventDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmNetEventSubscribe0(HANDLE engineHandle,
                                    const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                    FWPM_NET_EVENT_CALLBACK0 callback, void *context,
                                    HANDLE *eventsHandle);
DWORD WINAPI FwpmNetEventSubscribe1(HANDLE engineHandle,
                                    const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                    FWPM_NET_EVENT_CALLBACK1 callback, void *context,
                                    HANDLE *eventsHandle);
DWORD WINAPI FwpmNetEventSubscribe2(HANDLE engineHandle,
                                    const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                    FWPM_NET_EVENT_CALLBACK2 callback, void *context,
                                    HANDLE *eventsHandle);
DWORD WINAPI FwpmNetEventSubscribe3(HANDLE engineHandle,
                                    const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                    FWPM_NET_EVENT_CALLBACK3 callback, void *context,
                                    HANDLE *eventsHandle);
DWORD WINAPI FwpmNetEventSubscribe4(HANDLE engineHandle,
                                    const FWPM_NET_EVENT_SUBSCRIPTION0 *subscription,
                                    FWPM_NET_EVENT_CALLBACK4 callback, void *context,
                                    HANDLE *eventsHandle);
DWORD WINAPI FwpmNetEventUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle);
