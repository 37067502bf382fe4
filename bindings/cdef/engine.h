/* Sessions with the filter engine, and the release of its results (fwpmtypes.h, fwpmu.h).
 *
 * Every function except FwpmFreeMemory0 returns 0 or an error code, an unsigned 32-bit
 * number. FwpmFreeMemory0 takes the address of the caller's pointer to a result, and frees
 * the result and everything that it points to.
 */

#define FWPM_SESSION_FLAG_DYNAMIC 0x00000001

typedef struct FWPM_DISPLAY_DATA0_ {
    char16_t *name;
    char16_t *description;
} FWPM_DISPLAY_DATA0;

typedef struct FWPM_SESSION0_ {
    GUID sessionKey;
    FWPM_DISPLAY_DATA0 displayData;
    UINT32 flags;
    UINT32 txnWaitTimeoutInMSec;
    DWORD processId;
    SID *sid;
    char16_t *username;
    BOOL kernelMode;
} FWPM_SESSION0;

DWORD WINAPI FwpmEngineOpen0(const char16_t *serverName, UINT32 authnService, void *authIdentity,
                             const FWPM_SESSION0 *session, HANDLE *engineHandle);
DWORD WINAPI FwpmEngineClose0(HANDLE engineHandle);
void WINAPI FwpmFreeMemory0(void **p);
