/* Notifications of changes of SA contexts. Callers hold LOCK_ENGINE. */

#ifndef SIMULATOR_SA_CONTEXT_EVENTS_H
#define SIMULATOR_SA_CONTEXT_EVENTS_H

#include "store.h"
#include "wfp.h"

/* Notify subscribers that a context was added or is about to be deleted, if their template matches
 * it. */
void publish_sa_context(IPSEC_SA_CONTEXT_EVENT_TYPE0 type, const sa_entry *entry);

/* Notify all subscribers of a change that did not happen. Any id and any type are allowed. */
void publish_spurious_sa_context(UINT32 type, UINT64 id);

#endif
