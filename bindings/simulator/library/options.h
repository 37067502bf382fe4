/* Undocumented behaviour: the simulator supports both variants. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_OPTIONS_H
#define SIMULATOR_OPTIONS_H

#include <stdint.h>

#include "sa_simulator.h"

int option_is_set(enum sa_simulator_option option);
int option_set(uint32_t option, int32_t value);
void options_reset(void);

#endif
