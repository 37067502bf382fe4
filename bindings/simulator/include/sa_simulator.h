/* The simulator's control functions. A test calls them to cause what happens on Windows by itself.
 *
 * The library implements the functions of the Windows Filtering Platform (fwpmu.h) for IPsec SA
 * contexts, main mode SAs, connections and net events. The functions here fill it, change it, make
 * it fail, and count the resources of its callers. They need no session, and may be called from any
 * thread at any time unless noted otherwise.
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

/* Canaries: each secret in a result is replaced by one of these. Byte blobs (authKey, cipherKey,
 * stateBlob, presharedKey, correlationKey) are filled with repetitions of the text; 64-bit secrets
 * (explicitCredentials, token) are the number. A program that reads the results must never output
 * either. */
#define SA_SIMULATOR_CANARY_TEXT "CANARY-KEY-MATERIAL"
#define SA_SIMULATOR_CANARY_NUMBER 0x4352414E41525921u

/* The memory of results and of delivered events is overwritten with this byte before it is
 * freed. */
#define SA_SIMULATOR_POISON 0xDD

/* ---- which library this is ---------------------------------------------- */

/* Return the version of the simulator, as text. This export distinguishes the simulator from
 * Windows' own library. */
const char *sa_simulator_version(void);

/* Restore the initial state: no contexts, failures or delays, default options, the engine running,
 * churn stopped, all counts 0, no pending notifications.
 *
 * Waits for running callbacks, so it must not be called from a callback. Open sessions become
 * invalid, with their enumerations and subscriptions: calls on them return ERROR_INVALID_HANDLE,
 * which is not counted as a misuse. Unfreed results stay readable and can be freed; they are no
 * longer counted. */
void sa_simulator_reset(void);

/* ---- the contexts --------------------------------------------------------- */

/* Replace all contexts with `count` generated ones. The contents of a context depend only on
 * `seed`, on its index and on the number of engine restarts since the last reset. If the engine has
 * issued no id since the last reset or restart, the ids depend only on `seed`. Otherwise they
 * continue after the last issued id: a running engine never reuses an id. */
void sa_simulator_populate(uint32_t count, uint64_t seed);

/* Crowds of the host that was populated last: many alike objects. */
enum sa_simulator_crowd {
    /* Identical SA contexts with one peer, under one main mode SA: only ids and SPIs differ. */
    SA_SIMULATOR_CROWD_STORM = 1,
    /* IKEv2 clients behind one NAT: one remote address, with a UDP port and a user name each. */
    SA_SIMULATOR_CROWD_NAT = 2,
    /* Peers whose SA context never gets its outbound SA, unless churn attaches it. */
    SA_SIMULATOR_CROWD_HALF_OPEN = 3,
    /* IKEv2 clients with an address and a user name each. */
    SA_SIMULATOR_CROWD_USERS = 4,
    /* Peers that only fail: a main mode failure from an address each, and no SA. */
    SA_SIMULATOR_CROWD_SPOOFED = 5,
};

/* Add the next `count` objects of a crowd; each is one SA context with its main mode SA, or one net
 * event. They depend only on the seed of the last population and on the number of objects that the
 * crowd already has. A crowd has at most 2^20 objects. Return how many were added: fewer if the
 * crowd is full, memory ran out, the engine is stopped or, for net events, does not collect them;
 * 0 if there is no such crowd. */
uint32_t sa_simulator_add_crowd(uint32_t crowd, uint32_t count);

/* Add a copy of the IPSEC_SA_CONTEXT1 at `tree`, whose values are not checked. The copy replaces
 * the context that has its saContextId, if there is one; if its saContextId is 0, the copy gets a
 * new id. Return the id, or 0 if `tree` is NULL or memory ran out. The copy has canaries in place
 * of secrets. Churn does not change it. */
uint64_t sa_simulator_put(const void *tree);

/* Remove a context. Return 1, or 0 if no context has this id. */
int32_t sa_simulator_delete(uint64_t id);

/* Return the number of contexts. */
uint32_t sa_simulator_count(void);

/* Write the ids to `out`, ascending, at most `capacity` of them. Return the number of contexts.
 * `out` may be NULL if `capacity` is 0. */
uint32_t sa_simulator_ids(uint64_t *out, uint32_t capacity);

/* ---- the connections ------------------------------------------------------ */

/* A connection (FWPM_CONNECTION0) groups the complete contexts that have the same two addresses and
 * the same traffic mode. It begins when the first of these contexts is complete, and ends when none
 * is left. Its byte counts grow in simulated time, which starts at 2026-01-01 and advances by one
 * second with each change that churn makes. The connections of a new population began up to 30 days
 * earlier.
 *
 * Until an enumeration queries the driver (FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED), the
 * engine reports 0 bytes for a connection. From then on, it reports the counts of the last
 * query. */

/* Write the ids of the connections to `out`, ascending, at most `capacity` of them. Return the
 * number of connections. `out` may be NULL if `capacity` is 0. */
uint32_t sa_simulator_connections(uint64_t *out, uint32_t capacity);

/* Add a copy of the FWPM_CONNECTION0 at `tree`, whose values are not checked. The copy replaces the
 * connection that has its connectionId, if there is one, and does not depend on contexts. It stays
 * until it is deleted, contexts are populated or the engine is started again. Return the
 * connectionId, or 0 if it is 0, `tree` is NULL or memory ran out. */
uint64_t sa_simulator_put_connection(const void *tree);

/* End a connection, even if its contexts still exist. Return 1, or 0 if no connection has this
 * id. */
int32_t sa_simulator_delete_connection(uint64_t id);

/* Set the driver's byte counts of a connection; they grow from there. A connection that was put
 * always reports the counts of its tree. Return 1, or 0 if no connection has this id. */
int32_t sa_simulator_set_connection_bytes(uint64_t id, uint64_t in, uint64_t out);

/* Set whether the engine tracks connections (FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS): 1 (default)
 * or 0. */
void sa_simulator_monitor_connections(int32_t is_on);

/* ---- the main mode SAs ------------------------------------------------------ */

/* The main mode SAs of generated contexts are generated, too: a context's mmSaId is the saId of an
 * SA with the same addresses, key module and peer. About one SA in 64 is missing. The eight SAs
 * that lost their last context most recently remain. Churn also rekeys and expires main mode SAs.
 * No SA is generated for a context that was put. */

/* Add a copy of the IKEEXT_SA_DETAILS2 at `tree`, whose values are not checked. The copy replaces
 * the SA that has its saId, if there is one. It stays until it is deleted, contexts are populated
 * or the engine is started again. Return the saId, or 0 if it is 0, `tree` is NULL or memory ran
 * out. The copy has canaries in place of secrets and certificates. */
uint64_t sa_simulator_put_ike_sa(const void *tree);

/* Remove a main mode SA, even if contexts refer to it. Return 1, or 0 if no SA has this id. */
int32_t sa_simulator_delete_ike_sa(uint64_t id);

/* Return the number of main mode SAs. */
uint32_t sa_simulator_count_ike_sas(void);

/* ---- policy ------------------------------------------------------------------- */

/* The filters and provider contexts that generated contexts and net events name are generated, too:
 * a filter has the name of the rule, the provider context of a tunnel has the tunnel's flags,
 * endpoints and idle timeouts. The other parts of a provider context's policy, preshared keys among
 * them, consist of canaries. Some filters are missing, as those are on Windows that IKE added for a
 * time, and some names are indirect strings. Ids belong to the last population and to the run of
 * the engine.
 *
 * Enumerations return the provider contexts of main mode and of quick mode of the first 2000
 * contexts of the population, whether these contexts still exist or not; those of the contexts
 * among the first 2000 of churn that exist; those that were put; and, unless the population is
 * empty, eight tunnels that no context belongs to: four with their peers' addresses, and four
 * templates, one of whose endpoints is any address. All other provider contexts can only be read by
 * their ids and keys. */

/* Add a copy of the FWPM_FILTER0 or the FWPM_PROVIDER_CONTEXT3 at `tree`, whose values are not
 * checked. The copy replaces the object that has its filterId or providerContextId, if there is
 * one, and stays until a reset. Return the id, or 0 if it is 0, `tree` is NULL or memory ran out. */
uint64_t sa_simulator_put_filter(const void *tree);
uint64_t sa_simulator_put_provider_context(const void *tree);

/* Remove a filter or a provider context, generated or put. Return 1, or 0 if none has this id. */
int32_t sa_simulator_delete_filter(uint64_t id);
int32_t sa_simulator_delete_provider_context(uint64_t id);

/* Leave a provider context that was put out of enumerations, as one that is deleted before it is
 * enumerated. Return 1, or 0 if none with this id was put. */
int32_t sa_simulator_hide_provider_context(uint64_t id);

/* ---- the certificates ----------------------------------------------------------- */

/* The store LocalMachine\MY (CertOpenStore and related functions of crypt32.dll) begins with the
 * certificates by which generated main mode SAs authenticate this host, and one that has ended.
 * Functions that fail set errno to the code that GetLastError returns on Windows. */

/* Put a copy of the certificate of `size` bytes at `encoded` into the store, in place of the one
 * that has the thumbprint, of 20 bytes. Neither is checked. The copy stays until a reset. Return 1,
 * or 0 if a pointer is NULL or memory ran out. */
int32_t sa_simulator_put_certificate(const uint8_t *thumbprint, const uint8_t *encoded,
                                     uint32_t size);

/* Remove a certificate. Return 1, or 0 if none has this thumbprint. */
int32_t sa_simulator_delete_certificate(const uint8_t *thumbprint);

/* ---- statistics --------------------------------------------------------------- */

/* The counts follow from the changes of the contexts, so equal seeds and changes give equal counts.
 * They restart from 0 when contexts are populated and when the engine is started again. */

/* Replace the current counts with the IPSEC_STATISTICS1 or IKEEXT_STATISTICS1 at `counts`, which
 * must not be NULL. Counting continues from there. */
void sa_simulator_put_ipsec_statistics(const void *counts);
void sa_simulator_put_ike_statistics(const void *counts);

/* ---- change ---------------------------------------------------------------- */

/* Make `changes` changes now: begin, complete, modify, rekey, expire and delete contexts. A rekey
 * adds a new context, and the old one loses its outbound SA. The number of contexts stays near the
 * number that the last population, put or deletion left. While the engine is stopped, nothing
 * changes. */
void sa_simulator_churn(uint32_t changes);

/* Make changes in the background, in small batches about every 10 ms, until stopped. From equal
 * contexts, equal seeds give equal sequences of changes. Replaces a churn that is already running.
 * Return 1, or 0 if no thread could be started. */
int32_t sa_simulator_start_churn(double changes_per_second, uint64_t seed);

/* Stop the churn. No context changes in the background after the return. */
void sa_simulator_stop_churn(void);

/* ---- net events --------------------------------------------------------------- */

/* Collect a net event now. `type` is its FWPM_NET_EVENT_TYPE, `code` its failureErrorCode or
 * failureStatus. Everything else, except its time, follows from `seed` and from the seed of the
 * last population: the event concerns a peer of the first 120 contexts of that seed, even if fewer
 * were generated. The last 128 generated events are kept until the engine stops. Any type is
 * allowed; the details of an event that does not concern IPsec cannot be read. Return 1, or 0 if
 * the engine is stopped or does not collect net events. */
int32_t sa_simulator_net_event(uint32_t type, uint32_t code, uint64_t seed);

/* Collect a copy of the FWPM_NET_EVENT5 at `tree`. The copy keeps the event's time. All events that
 * were put are kept until the engine stops. The copy has canaries in place of the application, the
 * enterprise, the effective name and the groups of the peer; it lacks the user, the package and the
 * local groups. Return 1, or 0 if `tree` is NULL, the engine is stopped or does not collect net
 * events, or memory ran out. */
int32_t sa_simulator_put_net_event(const void *tree);

/* Collect `count` net events of realistic types and codes. Return the number of events that were
 * collected. */
uint32_t sa_simulator_net_events(uint32_t count, uint64_t seed);

/* Collect realistic net events in the background at this rate, until stopped. Equal seeds give
 * equal sequences. Replaces a thread that is already running. Return 1, or 0 if no thread could be
 * started. */
int32_t sa_simulator_start_net_events(double per_second, uint64_t seed);

/* Stop the background net events. None is collected in the background after the return. */
void sa_simulator_stop_net_events(void);

/* Set whether net events are collected (FWPM_ENGINE_COLLECT_NET_EVENTS): 1 (default) or 0. If it is
 * 0, beginning an enumeration of net events and subscribing to them fail with
 * FWP_E_NET_EVENTS_DISABLED. */
void sa_simulator_collect_net_events(int32_t is_collected);

/* ---- notifications -------------------------------------------------------- */

/* Subscribers are notified of contexts that are added or deleted, but not of modifications; of
 * connections that begin or end, while the engine tracks connections; and of net events. Callbacks
 * run on native threads of the library, which hold none of its locks. At most 262144 notifications
 * are queued; further ones are lost. */

/* Notify all subscribers to SA contexts, regardless of their templates, of a change that did not
 * happen. Any type and any id are allowed. */
void sa_simulator_announce(uint32_t type, uint64_t id);

/* Lose the next `times` notifications instead of delivering them. */
void sa_simulator_lose(uint32_t times);

/* Lose `per_million` of a million notifications, at random; 0 turns this off. */
void sa_simulator_lose_randomly(uint32_t per_million, uint64_t seed);

/* Deliver notifications at least `milliseconds` after the change; 0 turns the delay off. */
void sa_simulator_delay_notifications(uint32_t milliseconds);

/* Set the number of threads that deliver, 1 (default) to 8. With more than one thread,
 * notifications may overtake each other, and callbacks of one subscription may run concurrently.
 * Waits for running callbacks, so it must not be called from a callback. Return 1, or 0 if the
 * number is out of range or no thread could be started. */
int32_t sa_simulator_deliver_from(uint32_t threads);

/* Wait until all notifications are delivered and no callback is running, but at most
 * `milliseconds`. Return 1, or 0 if the time ran out. */
int32_t sa_simulator_flush(uint32_t milliseconds);

/* ---- failures --------------------------------------------------------------- */

/* Let the next `after` calls of `function` pass. The `times` calls after them (0: all, until
 * cleared) return `code` and do nothing else. FwpmEngineClose0 and the functions that destroy an
 * enumeration or unsubscribe release their handle even then: the client's side of it is gone in any
 * case. If several failures of a function are due, the oldest is returned. Return 1, or 0 if there
 * is no such function (FwpmFreeMemory0 returns no code), `code` is 0, or too many failures are
 * set. */
int32_t sa_simulator_fail(const char *function, uint32_t code, uint32_t after, uint32_t times);

/* Make `per_million` of a million WFP calls fail, at random, with codes that occur on real hosts
 * (such as RPC errors, access denied and timeouts); 0 turns this off. */
void sa_simulator_fail_randomly(uint32_t per_million, uint64_t seed);

/* Clear all failures, including random ones. Delays stay. */
void sa_simulator_clear_failures(void);

/* Delay each call of `function` by `milliseconds`; 0 turns the delay off. Other calls are not
 * blocked meanwhile. Return 1, or 0 if there is no such function. */
int32_t sa_simulator_delay(const char *function, uint32_t milliseconds);

/* Stop the engine, as if the Base Filtering Engine were stopped: opening a session fails with
 * EPT_S_NOT_REGISTERED (1753), and calls on open sessions fail with RPC_S_SERVER_UNAVAILABLE
 * (1722). Sessions can still be closed. Enumerations and subscriptions end without notice, and net
 * events are removed. */
void sa_simulator_stop_engine(void);

/* Start the engine again, if it is stopped. The contexts are negotiated again with the same peers,
 * and ids start again where they first started. Calls on earlier sessions fail with
 * FWP_E_SESSION_ABORTED; the sessions can only be closed. */
void sa_simulator_start_engine(void);

/* ---- what Microsoft leaves open ----------------------------------------------- */

enum sa_simulator_option {
    /* `entries` of a page without entries: 0 (default) NULL, 1 a block, which must be freed. */
    SA_SIMULATOR_OPTION_EMPTY_BLOCK = 1,
    /* The order of an enumeration, except of net events: 0 (default) by id, 1 shuffled. */
    SA_SIMULATOR_OPTION_SHUFFLE = 2,
    /* What the snapshot of an enumeration fixes. 0 (default): only the set of objects. Each object
     * is read when it is returned, and skipped if it was deleted meanwhile. 1: also the contents of
     * the objects, except of connections that were put. The contents of net events never change. */
    SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS = 3,
    /* When subscribers are notified of a context that is added without both its SAs: 0 (default)
     * immediately, 1 when both are attached. */
    SA_SIMULATOR_OPTION_ANNOUNCE_COMPLETE = 4,
    /* What the functions for connections return while the engine does not track connections: 0
     * (default) FWP_E_CONNECTIONS_DISABLED, 1 no connections. */
    SA_SIMULATOR_OPTION_UNMONITORED_IS_EMPTY = 5,
    /* The time of net events that subscribers receive: 0 (default) set, 1 zero. In enumerations, it
     * is always set. */
    SA_SIMULATOR_OPTION_UNTIMED_NOTIFICATIONS = 6,
    /* The byte order of IPv6 addresses: 0 (default) network order, 1 reversed. Addresses in
     * transport filters and in the subnets of net events are always in network order. The trees
     * that the put functions take are in network order, too, but results contain the addresses of
     * the put objects in the order that this option sets, as for other objects. */
    SA_SIMULATOR_OPTION_REVERSED_IPV6 = 7,
    /* The connections that the template of an enumeration matches if its connectionId is 0: 0
     * (default) all, 1 none. */
    SA_SIMULATOR_OPTION_ZERO_MATCHES_NONE = 8
};

/* Set an option. Return 1, or 0 if there is no such option or it has no such value. */
int32_t sa_simulator_set_option(uint32_t option, int32_t value);

/* ---- counts -------------------------------------------------------------------- */

/* Return the number of sessions that were opened since the last reset and not closed. */
uint32_t sa_simulator_open_sessions(void);

/* Return the number of enumeration handles that were created and neither destroyed nor closed
 * together with their session or the engine. */
uint32_t sa_simulator_open_enumerations(void);

/* Return the number of subscriptions that were made and neither cancelled nor ended together with
 * their session or the engine. */
uint32_t sa_simulator_open_subscriptions(void);

/* Return the number of notifications that were delivered since the last reset (their callback
 * returned), or that were lost. */
uint64_t sa_simulator_delivered(void);
uint64_t sa_simulator_lost(void);

/* Return the number of results that were returned since the last reset and not freed. */
uint32_t sa_simulator_unfreed_blocks(void);

/* Return the number of misuses since the last reset. A misuse is a call that may crash or leak on
 * Windows: freeing memory that is not, or is no longer, a result; using a handle that is closed,
 * never existed or belongs to another session; passing NULL where it is not allowed; closing a
 * session with open enumerations (one misuse for each enumeration); unsubscribing from within the
 * callback. */
uint64_t sa_simulator_misuses(void);

/* Return the number of calls of a WFP function since the last reset, including failed ones; "*"
 * returns the sum. Return UINT64_MAX if there is no such function. */
uint64_t sa_simulator_calls(const char *function);

#ifdef __cplusplus
}
#endif

#endif
