/* Makes the simulator hold SA contexts from the moment that it is loaded: the standalone program has
 * no control of a simulator. Linked into its library by tests/windows/run. */

#include "sa_simulator.h"

__attribute__((constructor)) static void fill(void)
{
    sa_simulator_populate(250, 1);
}
