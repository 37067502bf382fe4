/* Base types of the Windows API, in fixed widths (wtypes.h, guiddef.h, winnt.h, minwinbase.h).
 *
 * These headers are read twice: by cffi, for the Python bindings, and by the C
 * compiler, for the simulator. Widths are therefore spelled out: a DWORD has
 * 32 bits everywhere, a wide character 16 (wchar_t has 32 on Linux).
 */

typedef uint8_t UINT8;
typedef uint16_t UINT16;
typedef uint32_t UINT32;
typedef uint64_t UINT64;
typedef int8_t INT8;
typedef int16_t INT16;
typedef int32_t INT32;
typedef int64_t INT64;
typedef uint32_t DWORD;
typedef uint32_t ULONG;
typedef int32_t BOOL;
typedef void *HANDLE;
typedef char16_t *LPWSTR;

typedef struct GUID_ {
    UINT32 Data1;
    UINT16 Data2;
    UINT16 Data3;
    UINT8 Data4[8];
} GUID;

/* A time in UTC, in 100 ns since 1601-01-01, as two halves. */
typedef struct FILETIME_ {
    DWORD dwLowDateTime;
    DWORD dwHighDateTime;
} FILETIME;

/* The security identifier (winnt.h). SubAuthorityCount is the length of
 * SubAuthority, of which only the first element is declared. */
typedef struct SID_ {
    UINT8 Revision;
    UINT8 SubAuthorityCount;
    UINT8 IdentifierAuthority[6];
    UINT32 SubAuthority[1];
} SID;

typedef struct SID_AND_ATTRIBUTES_ {
    SID *Sid;
    DWORD Attributes;
} SID_AND_ATTRIBUTES;

typedef SID_AND_ATTRIBUTES *PSID_AND_ATTRIBUTES;
