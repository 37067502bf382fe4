/* The engine's statistics. Callers hold LOCK_ENGINE.
 *
 * All counts follow from the changes of the contexts, so equal seeds and changes give equal counts.
 */

#ifndef SIMULATOR_STATISTICS_H
#define SIMULATOR_STATISTICS_H

#include "generator_parts.h"
#include "wfp.h"

/* Reset all counts to 0, as when the engine has just been started. */
void statistics_reset(void);

/* Count that a context with this peer was negotiated, or that it ended. */
void statistics_quick_mode(const peer *peer);
void statistics_quick_mode_ended(const peer *peer);
/* Count that a main mode SA with this peer was negotiated, or that it ended. */
void statistics_main_mode(const peer *peer);
void statistics_main_mode_ended(const peer *peer);

/* Count a rekey of quick mode. */
void statistics_rekeyed(void);
/* Count deleted SAs. */
void statistics_sas_deleted(UINT32 sas);
/* Count some traffic, and occasionally a dropped packet or a failed negotiation. Churn calls this
 * function once for each change. */
void statistics_traffic(random_source *rng);

/* Set all counts; counting continues from there. */
void statistics_put_ipsec(const IPSEC_STATISTICS1 *counts);
void statistics_put_ike(const IKEEXT_STATISTICS1 *counts);

#endif
