/* Control of the simulator: functions by which a test causes what happens by itself on Windows.
 *
 * The library implements the functions of the Windows Filtering Platform (fwpmu.h) for IPsec SA
 * contexts, main mode SAs, connections and net events. The functions here fill it, change it,
 * make it fail, and count the resources of its callers. They may be called from any thread at
 * any time and need no session.
 *
 * A parameter `function` is the name of a WFP function as exported, for example
 * "IPsecSaContextEnum1", or "*" for all of them.
 */

#ifndef SA_SIMULATOR_H
#define SA_SIMULATOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Canaries: every secret in every result is one of these. Byte blobs (authKey, cipherKey,
 * stateBlob, presharedKey, correlationKey) repeat the text up to their size; 64-bit secrets
 * (explicitCredentials, token) are the number. Neither may ever leave the process. */
#define SA_SIMULATOR_CANARY_TEXT "CANARY-KEY-MATERIAL"
#define SA_SIMULATOR_CANARY_NUMBER 0x4352414E41525921u

/* Results are filled with this byte before their memory is freed. */
#define SA_SIMULATOR_POISON 0xDD

/* ---- which library this is ---------------------------------------------- */

/* Return the version of the simulator, as text. This export distinguishes the simulator from
 * Windows' own library. */
const char *sa_simulator_version(void);

/* Restore the initial state: no contexts, failures or delays, default options, the engine
 * running, churn stopped, all counts 0, no pending notifications.
 *
 * Waits for running callbacks, so it must not be called from one. Open sessions, enumerations
 * and subscriptions become invalid (ERROR_INVALID_HANDLE, not counted as a misuse). Unfreed
 * results stay readable and can be freed; they are no longer counted. */
void sa_simulator_reset(void);

/* ---- the contexts --------------------------------------------------------- */

/* Replace all contexts by `count` generated ones. The contents of each depend only on `seed`, on
 * its index and on the number of engine restarts since the last reset. The ids depend only on
 * `seed` if the engine has issued none since the last reset or restart; otherwise they follow the
 * issued ones: a running engine never reuses an id. */
void sa_simulator_populate(uint32_t count, uint64_t seed);

/* Copy the IPSEC_SA_CONTEXT1 at `tree`, valid or not. The copy replaces the context that has
 * its saContextId, if there is one; if its saContextId is 0, it gets a new one. Return the id, or
 * 0 if memory ran out. The copy has canaries in place of secrets. Churn does not change it. */
uint64_t sa_simulator_put(const void *tree);

/* Remove a context. Return 1, or 0 if no context has this id. */
int32_t sa_simulator_delete(uint64_t id);

/* Return the number of contexts. */
uint32_t sa_simulator_count(void);

/* Write the ids to `out`, ascending, at most `capacity` of them. Return the number of contexts.
 * `out` may be NULL if `capacity` is 0. */
uint32_t sa_simulator_ids(uint64_t *out, uint32_t capacity);

/* ---- the connections ------------------------------------------------------ */

/* A connection (FWPM_CONNECTION0) groups the complete contexts that have the same two addresses
 * and the same traffic mode. It begins with the first of these contexts and ends with the last.
 * Its byte counts grow in simulated time, which starts at 2026-01-01: each change by churn takes
 * one second. The connections of a new population began up to 30 days earlier.
 *
 * The engine reports 0 bytes for a connection until an enumeration queries the driver
 * (FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED), and the counts of the last query
 * from then on. */

/* Write the ids of the connections to `out`, ascending, at most `capacity` of them. Return the
 * number of connections. `out` may be NULL if `capacity` is 0. */
uint32_t sa_simulator_connections(uint64_t *out, uint32_t capacity);

/* Copy the FWPM_CONNECTION0 at `tree`, valid or not. The copy replaces the connection that has its
 * connectionId, if there is one, and does not depend on contexts. It stays until it is deleted,
 * contexts are populated or the engine is started again. Return the id, or 0 if that is 0 or memory
 * ran out. */
uint64_t sa_simulator_put_connection(const void *tree);

/* End a connection, even if its contexts exist. Return 1, or 0 if none has this id. */
int32_t sa_simulator_delete_connection(uint64_t id);

/* Set the driver's byte counts; they grow from there. A connection that was put keeps its own.
 * Return 1, or 0 if no connection has this id. */
int32_t sa_simulator_set_connection_bytes(uint64_t id, uint64_t in, uint64_t out);

/* Set whether the engine tracks connections (FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS): 1 (default)
 * or 0. */
void sa_simulator_monitor_connections(int32_t is_on);

/* ---- the main mode SAs ------------------------------------------------------ */

/* Generated contexts come with their main mode SAs: mmSaId names one with the same addresses,
 * key module and peer. About one in sixty is missing. The last eight that lost their contexts
 * remain. Churn rekeys and expires main mode SAs, too. A context that was put has none. */

/* Copy the IKEEXT_SA_DETAILS2 at `tree`, valid or not. The copy replaces the SA that has its
 * saId, if there is one, and stays until contexts are populated or the engine is started again.
 * Return the id, or 0 if that is 0 or memory ran out. The copy has canaries in place of secrets
 * and of the certificate. */
uint64_t sa_simulator_put_ike_sa(const void *tree);

/* Remove a main mode SA, even if contexts name it. Return 1, or 0 if none has this id. */
int32_t sa_simulator_delete_ike_sa(uint64_t id);

/* Return the number of main mode SAs. */
uint32_t sa_simulator_count_ike_sas(void);

/* ---- statistics --------------------------------------------------------------- */

/* The counts follow from what happens to the contexts, so equal seeds and changes give equal
 * counts. They start from 0 when contexts are populated and when the engine is started. */

/* Copy the IPSEC_STATISTICS1, or the IKEEXT_STATISTICS1, at `counts` as the current counts;
 * counting continues from there. */
void sa_simulator_put_ipsec_statistics(const void *counts);
void sa_simulator_put_ike_statistics(const void *counts);

/* ---- change ---------------------------------------------------------------- */

/* Make `changes` changes now: begin, complete, modify, rekey and delete contexts. A rekey adds a
 * new context, and the old one loses its outbound SA. The number of contexts stays near what the
 * last population, put or deletion left. While the engine is stopped, nothing changes. */
void sa_simulator_churn(uint32_t changes);

/* Make changes in the background, in small batches about every 10 ms, until stopped. Equal seeds
 * give equal sequences of changes. Replaces a running churn. Return 1, or 0 if no thread could be
 * started. */
int32_t sa_simulator_start_churn(double changes_per_second, uint64_t seed);

/* Stop the churn. After the return nothing changes in the background. */
void sa_simulator_stop_churn(void);

/* ---- net events --------------------------------------------------------------- */

/* Collect a net event of this FWPM_NET_EVENT_TYPE now. `code` is its failureErrorCode or
 * failureStatus; everything else but the time follows from `seed` and from the last population,
 * whose peers it concerns. The last 128 events are kept until the engine stops. Any type is
 * allowed; those that are not IPsec's have no readable details. Return 1, or 0 if the engine is
 * stopped or does not collect net events. */
int32_t sa_simulator_net_event(uint32_t type, uint32_t code, uint64_t seed);

/* Copy the FWPM_NET_EVENT5 at `tree`, with its own time. Events that were put are kept until the
 * engine stops. The copy has canaries in place of its application, users and groups. Return 1, or 0
 * if the engine is stopped or does not collect net events, or memory ran out. */
int32_t sa_simulator_put_net_event(const void *tree);

/* Collect `count` net events of realistic types and codes. Return how many were collected. */
uint32_t sa_simulator_net_events(uint32_t count, uint64_t seed);

/* Collect realistic net events in the background at this rate, until stopped. Equal seeds give
 * equal sequences. Replaces a running thread. Return 1, or 0 if no thread could be started. */
int32_t sa_simulator_start_net_events(double per_second, uint64_t seed);

/* Stop the background net events. After the return none is collected in the background. */
void sa_simulator_stop_net_events(void);

/* Set whether net events are collected (FWPM_ENGINE_COLLECT_NET_EVENTS): 1 (default) or 0. If
 * not, enumerating and subscribing to them fails with FWP_E_NET_EVENTS_DISABLED. */
void sa_simulator_collect_net_events(int32_t is_collected);

/* ---- notifications -------------------------------------------------------- */

/* Subscribers are notified of contexts that are added and deleted, but not of modified ones, and
 * of connections that begin and end, unless the engine does not track them. Callbacks run on
 * native threads of the library, which hold none of its locks. At most 262144 notifications are
 * queued; more are lost. */

/* Notify all subscribers to SA contexts, regardless of their templates, of a change that did not
 * happen. Any type and any id are allowed. */
void sa_simulator_announce(uint32_t type, uint64_t id);

/* Lose the next `times` notifications instead of delivering them. */
void sa_simulator_lose(uint32_t times);

/* Lose notifications at a rate of `per_million`; 0 turns it off. */
void sa_simulator_lose_randomly(uint32_t per_million, uint64_t seed);

/* Deliver notifications at least `milliseconds` after the change; 0 turns the delay off. */
void sa_simulator_delay_notifications(uint32_t milliseconds);

/* Set the number of threads that deliver, 1 (default) to 8. With more than one, notifications
 * overtake each other, and callbacks of one subscription run concurrently. Waits for running
 * callbacks, so it must not be called from one. Return 1, or 0 if the number is out of range or
 * no thread could be started. */
int32_t sa_simulator_deliver_from(uint32_t threads);

/* Wait until everything is delivered and no callback is running, but at most `milliseconds`.
 * Return 1, or 0 if the time ran out. */
int32_t sa_simulator_flush(uint32_t milliseconds);

/* ---- failures --------------------------------------------------------------- */

/* Let `after` calls of `function` pass; the next `times` (0: all, until cleared) return `code`
 * and do nothing. FwpmEngineClose0 and the functions that destroy an enumeration or unsubscribe
 * release their handle even then: the client's side is gone either way. If several failures of
 * a function are due, the oldest is returned. Return 1, or 0 if there is no such function
 * (FwpmFreeMemory0 returns no code), `code` is 0, or too many failures are set. */
int32_t sa_simulator_fail(const char *function, uint32_t code, uint32_t after, uint32_t times);

/* Make WFP calls fail at a rate of `per_million`, with codes that occur on real hosts (RPC
 * errors, access denied, timeouts); 0 turns it off. */
void sa_simulator_fail_randomly(uint32_t per_million, uint64_t seed);

/* Clear all failures, including random ones. Delays stay. */
void sa_simulator_clear_failures(void);

/* Delay each call of `function` by `milliseconds`; 0 turns it off. Other calls are not blocked
 * meanwhile. Return 1, or 0 if there is no such function. */
int32_t sa_simulator_delay(const char *function, uint32_t milliseconds);

/* Stop the engine, as if the Base Filtering Engine were stopped: opening a session fails with
 * 1753, calls on open sessions with 1722. Closing still works. Subscriptions end without notice. */
void sa_simulator_stop_engine(void);

/* Start the stopped engine again. The same peers negotiate the same kinds of contexts, with ids
 * that start from their base again. Earlier sessions fail with FWP_E_SESSION_ABORTED until they
 * are closed. */
void sa_simulator_start_engine(void);

/* ---- what Microsoft leaves open ----------------------------------------------- */

enum sa_simulator_option {
    /* `entries` of an enumeration that returns nothing: 0 (default) NULL, 1 a block without
     * entries, which must be freed. */
    SA_SIMULATOR_OPTION_EMPTY_BLOCK = 1,
    /* The order of an enumeration: 0 (default) by id, 1 shuffled. */
    SA_SIMULATOR_OPTION_SHUFFLE = 2,
    /* What the snapshot of an enumeration fixes: 0 (default) only the set of objects, which are
     * read when they are returned and skipped if deleted meanwhile, 1 their contents, too, except
     * of connections that were put. */
    SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS = 3,
    /* When subscribers are notified of a context that churn begins: 0 (default) at once, before
     * its SAs are attached, 1 when both are attached. */
    SA_SIMULATOR_OPTION_ANNOUNCE_COMPLETE = 4,
    /* The result of an engine that does not track connections: 0 (default)
     * FWP_E_CONNECTIONS_DISABLED, 1 no connections. */
    SA_SIMULATOR_OPTION_UNMONITORED_IS_EMPTY = 5,
    /* The time of net events that subscribers receive: 0 (default) set, 1 not set. In enumerations
     * it is always set. */
    SA_SIMULATOR_OPTION_UNTIMED_NOTIFICATIONS = 6,
    /* The byte order of IPv6 addresses, except in filters, whose addresses are in network order:
     * 0 (default) network order, 1 reversed. Trees that are put are in network order. */
    SA_SIMULATOR_OPTION_REVERSED_IPV6 = 7,
    /* The connections that a template with the connectionId 0 matches: 0 (default) all, 1 none. */
    SA_SIMULATOR_OPTION_ZERO_MATCHES_NONE = 8
};

/* Set an option. Return 1, or 0 if there is no such option or it has no such value. */
int32_t sa_simulator_set_option(uint32_t option, int32_t value);

/* ---- counts -------------------------------------------------------------------- */

/* Return the number of sessions that were opened and not closed. */
uint32_t sa_simulator_open_sessions(void);

/* Return the number of enumeration handles that were created and neither destroyed nor released
 * with their session or engine. */
uint32_t sa_simulator_open_enumerations(void);

/* Return the number of subscriptions that were made and neither cancelled nor ended with their
 * session or engine. */
uint32_t sa_simulator_open_subscriptions(void);

/* Return the number of notifications since the last reset that were delivered (their callback
 * returned), or that were lost. */
uint64_t sa_simulator_delivered(void);
uint64_t sa_simulator_lost(void);

/* Return the number of results that were returned and not freed. */
uint32_t sa_simulator_unfreed_blocks(void);

/* Return the number of misuses, with which a caller may crash or leak on Windows: freeing memory
 * that is not, or no longer, a result; using a handle that is closed or never existed, or that
 * belongs to another session; passing an invalid NULL; closing a session with open enumerations
 * (one misuse each); unsubscribing from within the callback. */
uint64_t sa_simulator_misuses(void);

/* Return the number of calls of a WFP function since the last reset, including failed ones; "*"
 * returns the sum. Return UINT64_MAX if there is no such function. */
uint64_t sa_simulator_calls(const char *function);

#ifdef __cplusplus
}
#endif

#endif
