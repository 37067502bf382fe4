/* Addresses, and subnets. Those of IPv6 are written by the system, as in Python: Windows writes
 * some otherwise than others do. */

#include "json.h"

#ifdef _WIN32
/* ws2tcpip.h, which needs windows.h, whose types wfp.h declares itself. */
#define AF_INET6 23
__declspec(dllimport) const char *WINAPI
    inet_ntop(int family, const void *address, char *buffer, size_t size);
#else
#include <arpa/inet.h>
#endif

void put_v4_address(writer *to, UINT32 host_order)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        put_unsigned(to, host_order >> shift & 0xFF);
        if (shift != 0) {
            PUT(to, ".");
        }
    }
}

void put_v6_address(writer *to, const UINT8 address[16])
{
    char written[46]; /* INET6_ADDRSTRLEN */
    inet_ntop(AF_INET6, address, written, sizeof written);
    put(to, written, strlen(written));
}

void put_v4_subnet(writer *to, const FWP_V4_ADDR_AND_MASK *subnet)
{
    put_v4_address(to, subnet->addr);
    PUT(to, "/");
    UINT32 holes = ~subnet->mask;
    if ((holes & (holes + 1)) != 0) {
        put_v4_address(to, subnet->mask);
        return;
    }
    unsigned prefix = 32;
    for (; holes != 0; holes >>= 1) {
        prefix--;
    }
    put_unsigned(to, prefix);
}

void put_v6_subnet(writer *to, const FWP_V6_ADDR_AND_MASK *subnet)
{
    put_v6_address(to, subnet->addr);
    PUT(to, "/");
    put_unsigned(to, subnet->prefixLength);
}
