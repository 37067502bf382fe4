/* Connections: pairs of hosts that communicate under IPsec, with byte counters
 * (fwpmtypes.h, fwpmu.h; Windows 8, Windows Server 2012 and later).
 *
 * A notification points to the connection that began or ended. The pointer is valid only
 * until the callback returns. The callback runs on a thread of the library.
 */

#define FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED 0x00000001

typedef struct FWPM_CONNECTION0_ {
    UINT64 connectionId;
    FWP_IP_VERSION ipVersion;
    union {
        UINT32 localV4Address;
        UINT8 localV6Address[16];
    };
    union {
        UINT32 remoteV4Address;
        UINT8 remoteV6Address[16];
    };
    GUID *providerKey;
    IPSEC_TRAFFIC_TYPE ipsecTrafficModeType;
    IKEEXT_KEY_MODULE_TYPE keyModuleType;
    IKEEXT_PROPOSAL0 mmCrypto;
    IKEEXT_CREDENTIAL2 mmPeer;
    IKEEXT_CREDENTIAL2 emPeer;
    UINT64 bytesTransferredIn;
    UINT64 bytesTransferredOut;
    UINT64 bytesTransferredTotal;
    FILETIME startSysTime;
} FWPM_CONNECTION0;

/* The documentation does not say what a connectionId of 0 means. The bindings use it for
 * all connections: otherwise, QUERY_BYTES_TRANSFERRED could be set for only one at a time. */
typedef struct FWPM_CONNECTION_ENUM_TEMPLATE0_ {
    UINT64 connectionId;
    UINT32 flags;
} FWPM_CONNECTION_ENUM_TEMPLATE0;

typedef enum FWPM_CONNECTION_EVENT_TYPE_ {
    FWPM_CONNECTION_EVENT_ADD = 0,
    FWPM_CONNECTION_EVENT_DELETE = 1,
    FWPM_CONNECTION_EVENT_MAX = 2
} FWPM_CONNECTION_EVENT_TYPE;

typedef struct FWPM_CONNECTION_SUBSCRIPTION0_ {
    FWPM_CONNECTION_ENUM_TEMPLATE0 *enumTemplate;
    UINT32 flags;
    GUID sessionKey;
} FWPM_CONNECTION_SUBSCRIPTION0;

typedef void (WINAPI *FWPM_CONNECTION_CALLBACK0)(void *context,
                                                 FWPM_CONNECTION_EVENT_TYPE eventType,
                                                 const FWPM_CONNECTION0 *connection);

DWORD WINAPI FwpmConnectionCreateEnumHandle0(HANDLE engineHandle,
                                             const FWPM_CONNECTION_ENUM_TEMPLATE0 *enumTemplate,
                                             HANDLE *enumHandle);
DWORD WINAPI FwpmConnectionEnum0(HANDLE engineHandle, HANDLE enumHandle,
                                 UINT32 numEntriesRequested, FWPM_CONNECTION0 ***entries,
                                 UINT32 *numEntriesReturned);
DWORD WINAPI FwpmConnectionDestroyEnumHandle0(HANDLE engineHandle, HANDLE enumHandle);
DWORD WINAPI FwpmConnectionGetById0(HANDLE engineHandle, UINT64 id, FWPM_CONNECTION0 **connection);
DWORD WINAPI FwpmConnectionSubscribe0(HANDLE engineHandle,
                                      const FWPM_CONNECTION_SUBSCRIPTION0 *subscription,
                                      FWPM_CONNECTION_CALLBACK0 callback, void *context,
                                      HANDLE *eventsHandle);
DWORD WINAPI FwpmConnectionUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle);
