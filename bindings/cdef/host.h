/* What is needed around WFP: the system folder (sysinfoapi.h), an interface's
 * name (netioapi.h), and the marker by which a simulator says that it is one. */

UINT32 WINAPI GetSystemDirectoryW(char16_t *buffer, UINT32 size);
DWORD WINAPI ConvertInterfaceLuidToAlias(const UINT64 *interfaceLuid, char16_t *interfaceAlias,
                                         UINT64 length);
const char *sa_simulator_version(void);
