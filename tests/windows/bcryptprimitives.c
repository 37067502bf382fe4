/* ProcessPrng for Wine 8, which has no bcryptprimitives.dll.
 *
 * Some wheels built with Rust import it (pydantic_core and rpds do). Its callers
 * expect it to succeed always. advapi32 exports RtlGenRandom under the name
 * SystemFunction036 (RtlGenRandom, ntsecapi.h).
 */
#include <windows.h>

BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG length);

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE buffer, SIZE_T length)
{
    while (length > 0) {
        ULONG step = length > MAXLONG ? MAXLONG : (ULONG)length;
        if (!SystemFunction036(buffer, step))
            RaiseFailFastException(NULL, NULL, 0);
        buffer += step;
        length -= step;
    }
    return TRUE;
}
