/* All connections. Callers hold LOCK_ENGINE.
 *
 * Complete SA contexts with the same two addresses and the same traffic mode form a group; each
 * group has one connection. It begins when the first context joins the group, and ends when the
 * last one leaves it. Subscribers are notified of both. The byte counters grow with simulated time,
 * and so follow from the seed, too. Each change (sa_simulator_churn) advances that time by one
 * second.
 *
 * A connection that was put belongs to no group: it does not depend on contexts.
 */

#ifndef SIMULATOR_CONNECTION_STORE_H
#define SIMULATOR_CONNECTION_STORE_H

#include <stddef.h>

#include "generator_parts.h"
#include "put_tree.h"
#include "store.h"
#include "wfp.h"

/* The bytes of one direction: `bytes` at the time `second`, and `per_second` more in each later
 * second. */
typedef struct byte_counter {
    UINT64 bytes;
    UINT64 second; /* of simulated time */
    UINT32 per_second;
    UINT64 reported; /* the result of the last query, which the engine returns */
} byte_counter;

typedef struct connection {
    UINT64 id;
    peer peer;
    UINT32 contexts; /* the number of complete contexts of the group */
    UINT64 started;  /* as a FILETIME */
    byte_counter in;
    byte_counter out;
    struct connection *next; /* in its bucket */
    put_tree *tree;          /* a FWPM_CONNECTION0 that was put; otherwise NULL */
} connection;

/* Add a context to the connection of its group, or remove it. The store calls these functions for
 * every entry; they ignore a context that is not complete, which belongs to no group. */
void connections_add_context(const sa_entry *entry);
void connections_remove_context(const sa_entry *entry);

/* Return all connections, ascending by id. The array is valid until the next change. */
connection **connections_list(size_t *count);
connection *connections_find(UINT64 id); /* NULL if there is none */

/* Copy a tree. The copy replaces the connection that has its connectionId, if there is one. Return
 * the connectionId, or 0 if it is 0 or memory ran out. */
UINT64 connections_put(const FWPM_CONNECTION0 *tree);
/* End a connection, even if its contexts still exist. Return whether the connection existed. */
int connections_delete(UINT64 id);

/* Query the driver: set the reported bytes to the current ones. */
void connection_query_bytes(connection *connection);
/* Set the current bytes; they grow from there. */
void connection_set_bytes(connection *connection, UINT64 in, UINT64 out);

/* Return, or set, whether the engine tracks connections (FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS). */
int connections_are_monitored(void);
void connections_monitor(int is_on);

/* Advance the simulated time. */
void connections_advance_time(UINT32 seconds);
/* Set whether new connections get a start time in the past, as on a host that has run for some
 * time. */
void connections_backdate(int is_backdating);

/* End all connections. */
void connections_clear(void);
/* Restore the initial state: no connections, tracking on, simulated time at its start. */
void connections_reset(void);

#endif
