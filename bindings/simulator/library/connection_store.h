/* All connections: one for each two addresses and mode of traffic that have a
 * complete SA context between them. Callers hold LOCK_ENGINE.
 *
 * A connection begins with the first complete context of its group and ends with
 * the last. Its counters grow in simulated time, which is counted in changes (see
 * sa_simulator_churn), so that they too follow from the seed. What begins and ends
 * is announced.
 */

#ifndef SIMULATOR_CONNECTION_STORE_H
#define SIMULATOR_CONNECTION_STORE_H

#include <stddef.h>

#include "generator_parts.h"
#include "store.h"
#include "wfp.h"

/* The bytes of one direction, as the driver counts them. */
typedef struct byte_counter {
    UINT64 bytes;      /* at `second` */
    UINT64 second;     /* of simulated time */
    UINT32 per_second; /* from then on */
    UINT64 reported;   /* what the engine knows: the number when the driver was last asked */
} byte_counter;

typedef struct connection {
    UINT64 id;
    peer peer;
    UINT32 contexts; /* complete ones, of this group */
    UINT64 started;  /* as a FILETIME */
    byte_counter in;
    byte_counter out;
    struct connection *next; /* in its bucket */
} connection;

/* Told by the store: of each entry that is there from now on, or no more. One that
 * is not complete belongs to no connection. */
void connections_add_context(const sa_entry *entry);
void connections_remove_context(const sa_entry *entry);

/* All connections ascending by id. Valid until the next change. */
connection **connections_list(size_t *count);
connection *connections_find(UINT64 id); /* NULL if there is none */

/* Asks the driver: what the engine knows is up to date. */
void connection_query_bytes(connection *connection);
void connection_set_bytes(connection *connection, UINT64 in, UINT64 out);

/* Whether the engine keeps track of connections at all (FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS). */
int connections_are_monitored(void);
void connections_monitor(int is_on);

void connections_advance_time(UINT32 seconds);
/* Whether those that begin from now on began in the past, as on a host that has run
 * for a while. */
void connections_backdate(int is_backdating);

/* Ends all of them. */
void connections_clear(void);
/* No connections, no memory of any, monitored, at the begin of simulated time. */
void connections_reset(void);

#endif
