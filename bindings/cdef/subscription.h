/* Subscriptions to changes of SA contexts (ipsectypes.h, fwpmu.h; Windows 8 and later).
 *
 * A notification has the id of a context that was added or deleted. The engine does not
 * announce modified contexts. The callback runs on a thread of the library.
 * IPsecSaContextUnsubscribe0 waits until running callbacks return, so a callback must not
 * call it.
 */

typedef enum IPSEC_SA_CONTEXT_EVENT_TYPE0_ {
    IPSEC_SA_CONTEXT_EVENT_ADD = 1,
    IPSEC_SA_CONTEXT_EVENT_DELETE = 2,
    IPSEC_SA_CONTEXT_EVENT_MAX = 3
} IPSEC_SA_CONTEXT_EVENT_TYPE0;

typedef struct IPSEC_SA_CONTEXT_SUBSCRIPTION0_ {
    IPSEC_SA_CONTEXT_ENUM_TEMPLATE0 *enumTemplate;
    UINT32 flags;
    GUID sessionKey;
} IPSEC_SA_CONTEXT_SUBSCRIPTION0;

typedef struct IPSEC_SA_CONTEXT_CHANGE0_ {
    IPSEC_SA_CONTEXT_EVENT_TYPE0 changeType;
    UINT64 saContextId;
} IPSEC_SA_CONTEXT_CHANGE0;

typedef void (WINAPI *IPSEC_SA_CONTEXT_CALLBACK0)(void *context,
                                                  const IPSEC_SA_CONTEXT_CHANGE0 *change);

DWORD WINAPI IPsecSaContextSubscribe0(HANDLE engineHandle,
                                      const IPSEC_SA_CONTEXT_SUBSCRIPTION0 *subscription,
                                      IPSEC_SA_CONTEXT_CALLBACK0 callback, void *context,
                                      HANDLE *eventsHandle);
DWORD WINAPI IPsecSaContextUnsubscribe0(HANDLE engineHandle, HANDLE eventsHandle);
