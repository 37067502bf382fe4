/* Base types of the Windows API, with fixed widths (wtypes.h, guiddef.h, winnt.h, minwinbase.h).
 *
 * cffi reads the headers in this folder for the Python bindings, and the C compiler reads
 * them for the simulator. Types have the same width on every system: a DWORD has 32 bits,
 * and a wide character has 16 bits, although wchar_t has 32 bits on Linux.
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

/* A time in UTC, in units of 100 ns since 1601-01-01, as two 32-bit halves. */
typedef struct FILETIME_ {
    DWORD dwLowDateTime;
    DWORD dwHighDateTime;
} FILETIME;

/* A security identifier (winnt.h). SubAuthority has SubAuthorityCount elements, of which
 * only the first is declared. */
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
