/* Options that choose between two variants of undocumented behaviour. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_OPTIONS_H
#define SIMULATOR_OPTIONS_H

#include <stdint.h>

#include "sa_simulator.h"
#include "wfp.h"

int option_is_set(enum sa_simulator_option option);
int option_set(uint32_t option, int32_t value);

/* Convert an IPv6 address from network order to the engine's order, or back. Leave the address
 * unchanged if `version` is not IPv6. */
void option_order_v6(FWP_IP_VERSION version, UINT8 address[16]);

void options_reset(void);

#endif
