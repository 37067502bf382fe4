/* Functions outside WFP, for the system folder (sysinfoapi.h), the name of an interface
 * (netioapi.h), indirect strings (shlwapi.h) and console events (consoleapi.h), and the function
 * that marks a simulator. */

UINT32 WINAPI GetSystemDirectoryW(char16_t *buffer, UINT32 size);
DWORD WINAPI ConvertInterfaceLuidToAlias(const UINT64 *interfaceLuid, char16_t *interfaceAlias,
                                         UINT64 length);
INT32 WINAPI SHLoadIndirectString(const char16_t *source, char16_t *outBuf, UINT32 length,
                                  void **reserved);
typedef BOOL(WINAPI *PHANDLER_ROUTINE)(DWORD ctrlType);
BOOL WINAPI SetConsoleCtrlHandler(PHANDLER_ROUTINE handlerRoutine, BOOL add);
const char *sa_simulator_version(void);
