/* Announcing changes of SA contexts. Under LOCK_ENGINE. */

#ifndef SIMULATOR_SA_CONTEXT_EVENTS_H
#define SIMULATOR_SA_CONTEXT_EVENTS_H

#include "store.h"
#include "wfp.h"

/* Tells those whose template matches that a context was added, or will be deleted. */
void publish_sa_context(IPSEC_SA_CONTEXT_EVENT_TYPE0 type, const sa_entry *entry);

/* Tells everybody, of any id and any type. */
void publish_spurious_sa_context(UINT32 type, UINT64 id);

#endif
