/* A flag for each option. */

#include "options.h"

#include <string.h>

enum { OPTION_END = SA_SIMULATOR_OPTION_UNMONITORED_IS_EMPTY + 1 };

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

void options_reset(void)
{
    memset(options, 0, sizeof options);
}
