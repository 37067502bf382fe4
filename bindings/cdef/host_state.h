/* The state of the host: services (winsvc.h), the token of this process (securitybaseapi.h,
 * winnt.h), and the processes that listen on a TCP port (iphlpapi.h, tcpmib.h, winbase.h).
 *
 * The strings of a QUERY_SERVICE_CONFIGW follow the struct in the same buffer. Each TCP
 * table has dwNumEntries rows, of which only the first is declared.
 */

typedef struct SERVICE_STATUS_PROCESS_ {
    DWORD dwServiceType;
    DWORD dwCurrentState;
    DWORD dwControlsAccepted;
    DWORD dwWin32ExitCode;
    DWORD dwServiceSpecificExitCode;
    DWORD dwCheckPoint;
    DWORD dwWaitHint;
    DWORD dwProcessId;
    DWORD dwServiceFlags;
} SERVICE_STATUS_PROCESS;

typedef struct QUERY_SERVICE_CONFIGW_ {
    DWORD dwServiceType;
    DWORD dwStartType;
    DWORD dwErrorControl;
    char16_t *lpBinaryPathName;
    char16_t *lpLoadOrderGroup;
    DWORD dwTagId;
    char16_t *lpDependencies;
    char16_t *lpServiceStartName;
    char16_t *lpDisplayName;
} QUERY_SERVICE_CONFIGW;

HANDLE WINAPI OpenSCManagerW(const char16_t *machineName, const char16_t *databaseName,
                             DWORD desiredAccess);
HANDLE WINAPI OpenServiceW(HANDLE manager, const char16_t *serviceName, DWORD desiredAccess);
BOOL WINAPI QueryServiceStatusEx(HANDLE service, UINT32 infoLevel, void *buffer, DWORD size,
                                 DWORD *needed);
BOOL WINAPI QueryServiceConfigW(HANDLE service, void *buffer, DWORD size, DWORD *needed);
BOOL WINAPI CloseServiceHandle(HANDLE handle);

HANDLE WINAPI GetCurrentProcess(void);
BOOL WINAPI CloseHandle(HANDLE object);
BOOL WINAPI OpenProcessToken(HANDLE process, DWORD desiredAccess, HANDLE *token);
BOOL WINAPI GetTokenInformation(HANDLE token, UINT32 informationClass, void *information,
                                DWORD length, DWORD *returnLength);
BOOL WINAPI CheckTokenMembership(HANDLE token, SID *sid, BOOL *isMember);

typedef struct MIB_TCPROW_OWNER_PID_ {
    DWORD dwState;
    DWORD dwLocalAddr;
    DWORD dwLocalPort;
    DWORD dwRemoteAddr;
    DWORD dwRemotePort;
    DWORD dwOwningPid;
} MIB_TCPROW_OWNER_PID;

typedef struct MIB_TCPTABLE_OWNER_PID_ {
    DWORD dwNumEntries;
    MIB_TCPROW_OWNER_PID table[1];
} MIB_TCPTABLE_OWNER_PID;

typedef struct MIB_TCP6ROW_OWNER_PID_ {
    UINT8 ucLocalAddr[16];
    DWORD dwLocalScopeId;
    DWORD dwLocalPort;
    UINT8 ucRemoteAddr[16];
    DWORD dwRemoteScopeId;
    DWORD dwRemotePort;
    DWORD dwState;
    DWORD dwOwningPid;
} MIB_TCP6ROW_OWNER_PID;

typedef struct MIB_TCP6TABLE_OWNER_PID_ {
    DWORD dwNumEntries;
    MIB_TCP6ROW_OWNER_PID table[1];
} MIB_TCP6TABLE_OWNER_PID;

DWORD WINAPI GetExtendedTcpTable(void *table, DWORD *size, BOOL order, ULONG family,
                                 UINT32 tableClass, ULONG reserved);
HANDLE WINAPI OpenProcess(DWORD desiredAccess, BOOL inheritHandle, DWORD processId);
BOOL WINAPI QueryFullProcessImageNameW(HANDLE process, DWORD flags, char16_t *name, DWORD *size);
