/* Services as advapi32.dll reports them (winsvc.h): BFE and IKEEXT are stopped, W32Time runs,
 * and what a caller must do is checked. */

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <uchar.h>

enum { BFE = 1, IKEEXT, W32TIME, MANAGER, QUERY_CONFIG = 1, QUERY_STATUS = 4 };

static int open_handles;

static int is(const char16_t *name, const char *wanted)
{
    while (*wanted && *name == (unsigned char)*wanted) {
        name++, wanted++;
    }
    return *name == 0 && *wanted == 0;
}

void *OpenSCManagerW(const char16_t *machine, const char16_t *database, uint32_t access)
{
    if (machine || database || access != 1) {
        errno = 5;
        return NULL;
    }
    open_handles++;
    return (void *)(uintptr_t)MANAGER;
}

void *OpenServiceW(void *manager, const char16_t *name, uint32_t access)
{
    uintptr_t found = is(name, "BFE") ? BFE : is(name, "IKEEXT") ? IKEEXT : is(name, "W32Time") ? W32TIME : 0;
    if (manager != (void *)(uintptr_t)MANAGER || (access != QUERY_CONFIG && access != QUERY_STATUS)) {
        errno = 5;
        return NULL;
    }
    if (!found) {
        errno = 1060;
        return NULL;
    }
    open_handles++;
    return (void *)found;
}

int32_t QueryServiceStatusEx(void *service, uint32_t level, void *buffer, uint32_t size, uint32_t *needed)
{
    uint32_t status[9] = {0x20, service == (void *)(uintptr_t)W32TIME ? 4 : 1};
    *needed = sizeof status;
    if (level != 0 || size < sizeof status) {
        errno = 122;
        return 0;
    }
    memcpy(buffer, status, sizeof status);
    return 1;
}

int32_t QueryServiceConfigW(void *service, void *buffer, uint32_t size, uint32_t *needed)
{
    uint32_t config[16] = {0x20, service == (void *)(uintptr_t)IKEEXT ? 4 : 2};
    *needed = sizeof config;
    if (size < sizeof config) {
        errno = 122;
        return 0;
    }
    memcpy(buffer, config, sizeof config);
    return 1;
}

int32_t CloseServiceHandle(void *handle)
{
    return handle && open_handles-- > 0;
}
