/* One flag per option. */

#include "options.h"

#include <string.h>

enum { OPTION_END = SA_SIMULATOR_OPTION_ZERO_MATCHES_NONE + 1 };

static int32_t options[OPTION_END];

int option_is_set(enum sa_simulator_option option)
{
    return options[option] != 0;
}

int option_set(uint32_t option, int32_t value)
{
    if (option == 0 || option >= OPTION_END || value < 0 || value > 1) {
        return 0;
    }
    options[option] = value;
    return 1;
}

void option_order_v6(FWP_IP_VERSION version, UINT8 address[16])
{
    if (version != FWP_IP_VERSION_V6 || !option_is_set(SA_SIMULATOR_OPTION_REVERSED_IPV6)) {
        return;
    }
    for (int i = 0; i < 8; i++) {
        UINT8 byte = address[i];
        address[i] = address[15 - i];
        address[15 - i] = byte;
    }
}

void options_reset(void)
{
    memset(options, 0, sizeof options);
}
