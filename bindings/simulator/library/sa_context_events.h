/* Announcing changes of SA contexts. Under LOCK_ENGINE. */

#ifndef SIMULATOR_SA_CONTEXT_EVENTS_H
#define SIMULATOR_SA_CONTEXT_EVENTS_H

#include "store.h"
#include "wfp.h"

/* Tells those whose template matches that a context was added, or will be deleted. */
void announce_sa_context(IPSEC_SA_CONTEXT_EVENT_TYPE0 type, const entry *which);

/* Tells everybody, of any id and any type. */
void announce_sa_context_by_hand(UINT32 type, UINT64 id);

#endif
