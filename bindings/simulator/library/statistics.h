/* What the engine counts. Callers hold LOCK_ENGINE.
 *
 * Everything counted follows from what happens to the contexts, so equal seeds
 * and changes give equal counts.
 */

#ifndef SIMULATOR_STATISTICS_H
#define SIMULATOR_STATISTICS_H

#include "generator_parts.h"
#include "wfp.h"

/* Begins from 0, as an engine that was just started. */
void statistics_reset(void);

/* A context was negotiated with a peer, or ended. */
void statistics_quick_mode(const peer *peer);
void statistics_quick_mode_ended(const peer *peer);
/* The same of a main mode SA. */
void statistics_main_mode(const peer *peer);
void statistics_main_mode_ended(const peer *peer);

void statistics_rekeyed(void);
/* Some SAs of a context ended. */
void statistics_sas_deleted(UINT32 sas);
/* Packets went by, and now and then one was dropped, or a negotiation failed: what
 * comes with each change. */
void statistics_traffic(random_source *rng);

/* Takes all counts as they are given, to go on from there. */
void statistics_put_ipsec(const IPSEC_STATISTICS1 *counts);
void statistics_put_ike(const IKEEXT_STATISTICS1 *counts);

#endif
