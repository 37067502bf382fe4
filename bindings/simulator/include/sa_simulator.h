/* Control of the simulator: what a test does that Windows would do by itself.
 *
 * The library answers the functions of the Windows Filtering Platform (fwpmu.h) about
 * IPsec SA contexts, main mode SAs and connections from ones of its own. The functions here fill it,
 * change it, make it fail and count what its callers hold. They may be called
 * from any thread at any time; none of them needs a session.
 *
 * Wherever a `function` is asked for, it is the name of a WFP function as
 * exported, "IPsecSaContextEnum1" for instance, or "*" for all of them.
 */

#ifndef SA_SIMULATOR_H
#define SA_SIMULATOR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What every secret holds in everything handed out. Byte blobs (authKey,
 * cipherKey, stateBlob, presharedKey, correlationKey) repeat the text, cut to the blob's size;
 * 64-bit secrets (explicitCredentials, token) are the number. Neither may ever be seen outside the
 * process. */
#define SA_SIMULATOR_CANARY_TEXT "CANARY-KEY-MATERIAL"
#define SA_SIMULATOR_CANARY_NUMBER 0x4352414E41525921u

/* Freed memory is filled with this byte before it is given back. */
#define SA_SIMULATOR_POISON 0xDD

/* ---- which library this is ---------------------------------------------- */

/* The version of the simulator, as text. That this export exists is how one
 * tells the simulator from Windows' own library. */
const char *sa_simulator_version(void);

/* As freshly loaded: no contexts, no failures or delays, default options, the
 * engine running, churn stopped, all counts 0, no notifications on their way.
 * Waits until no callback is under way, so it must not be called from one.
 * Sessions, enumerations and subscriptions that were open become invalid (ERROR_INVALID_HANDLE, not
 * counted as a misuse); results that were not freed stay readable and can be freed, uncounted. */
void sa_simulator_reset(void);

/* ---- the contexts --------------------------------------------------------- */

/* Replaces all contexts by `count` generated ones. Their content follows from
 * `seed` and their number alone, and their ids too for the first population
 * after a reset or an engine restart; a later one takes the ids that follow,
 * for the engine never gives an id twice while it runs. */
void sa_simulator_populate(uint32_t count, uint64_t seed);

/* Copies the IPSEC_SA_CONTEXT1 at `tree` (any tree, however odd) and returns
 * the id under which it is kept: its saContextId, whose context it replaces if
 * there is one, or a new id if that is 0. Returns 0 if memory ran out.
 * The copy holds canaries in place of secrets. Churn leaves it alone. */
uint64_t sa_simulator_put(const void *tree);

/* Removes a context. Returns 1, or 0 if there is none of that id. */
int32_t sa_simulator_delete(uint64_t id);

/* How many contexts there are. */
uint32_t sa_simulator_count(void);

/* Writes the ids to `out`, ascending, at most `capacity` of them, and returns
 * how many contexts there are. `out` may be NULL if `capacity` is 0. */
uint32_t sa_simulator_ids(uint64_t *out, uint32_t capacity);

/* ---- the connections ------------------------------------------------------ */

/* There is one connection (FWPM_CONNECTION0) for each two addresses and mode of
 * traffic that have a complete context between them, with an id of its own. It
 * begins with the first of these contexts and ends with the last. Its bytes grow
 * in simulated time: each change that churn makes takes a second, from 2026-01-01
 * on. Those of a new population began up to 30 days before.
 *
 * The engine knows no byte of a connection until an enumeration asks the driver
 * (FWPM_CONNECTION_ENUM_FLAG_QUERY_BYTES_TRANSFERRED), and from then on what the
 * driver said last. */

/* Writes the ids of the connections to `out`, ascending, at most `capacity` of
 * them, and returns how many there are. `out` may be NULL if `capacity` is 0. */
uint32_t sa_simulator_connections(uint64_t *out, uint32_t capacity);

/* Sets what the driver has counted; it goes on from there. Returns 1, or 0 if there
 * is no such connection. */
int32_t sa_simulator_set_connection_bytes(uint64_t id, uint64_t in, uint64_t out);

/* Whether the engine keeps track of connections (FWPM_ENGINE_MONITOR_IPSEC_CONNECTIONS);
 * it does by default. */
void sa_simulator_monitor_connections(int32_t is_on);
/* ---- the main mode SAs ------------------------------------------------------ */

/* Generated contexts bring their main mode SAs with them: mmSaId names one with
 * the same addresses, key module and peer, except for one in some sixty that is
 * gone. The last eight whose contexts went stay; churn rekeys and expires them.
 * A context that was put brings none. */

/* Copies the IKEEXT_SA_DETAILS2 at `tree` (any tree, however odd) and keeps it
 * under its saId, in place of the one that has it, until contexts are populated
 * anew or the engine is started. Returns the id, or 0 if that is 0 or memory
 * ran out. The copy holds canaries in place of secrets and of the certificate. */
uint64_t sa_simulator_put_ike_sa(const void *tree);

/* Removes a main mode SA, whatever contexts name it. Returns 1, or 0 if there is none. */
int32_t sa_simulator_delete_ike_sa(uint64_t id);

/* How many there are. */
uint32_t sa_simulator_count_ike_sas(void);

/* ---- statistics --------------------------------------------------------------- */

/* What is counted follows from what happens to the contexts, changes by churn
 * above all: equal seeds and changes give equal counts. It begins from 0 when
 * contexts are populated and when the engine is started. */

/* Takes the IPSEC_STATISTICS1, or the IKEEXT_STATISTICS1, at `counts` for what
 * has been counted so far; it goes on from there. */
void sa_simulator_put_ipsec_statistics(const void *counts);
void sa_simulator_put_ike_statistics(const void *counts);

/* ---- change ---------------------------------------------------------------- */

/* Makes that many changes now: contexts are begun, completed, modified,
 * rekeyed (a new one is added, the old one loses its outbound SA), and deleted.
 * The number of contexts stays near what the last population, put or deletion
 * left. Changes nothing while the engine is stopped. */
void sa_simulator_churn(uint32_t changes);

/* Makes changes in the background, in small batches about every 10 ms, until
 * stopped; the same seed gives the same order of changes. Replaces a churn that
 * runs. Returns 1, or 0 if no thread could be started. */
int32_t sa_simulator_start_churn(double changes_per_second, uint64_t seed);

/* Ends the churn; after it returns, nothing changes any more. */
void sa_simulator_stop_churn(void);

/* ---- net events --------------------------------------------------------------- */

/* Notes a net event of this FWPM_NET_EVENT_TYPE now: `code` is its failureErrorCode or
 * failureStatus, and everything else follows from `seed` and from the seed of the last
 * population, with whose peers it is. The last 128 are kept, until the engine stops.
 * Any type will do: of those that are not IPsec's nothing is said that can be read.
 * Returns 1, or 0 if the engine is stopped or does not collect. */
int32_t sa_simulator_net_event(uint32_t type, uint32_t code, uint64_t seed);

/* Notes that many of types and codes that are likely; tells how many were noted. */
uint32_t sa_simulator_net_events(uint32_t count, uint64_t seed);

/* Notes likely ones in the background at this rate, until stopped; the same seed gives
 * the same order. Replaces one that runs. Returns 1, or 0 if no thread could be started. */
int32_t sa_simulator_start_net_events(double per_second, uint64_t seed);

/* Ends that; after it returns, none comes by itself. */
void sa_simulator_stop_net_events(void);

/* Whether net events are collected (FWPM_ENGINE_COLLECT_NET_EVENTS): 1 (default) or 0,
 * and then enumerating and subscribing to them fails with FWP_E_NET_EVENTS_DISABLED. */
void sa_simulator_collect_net_events(int32_t is_collected);
/* ---- notifications -------------------------------------------------------- */

/* Each change of the contexts is announced to those who subscribed: that one
 * was added, or deleted, not that one was modified. So are connections that begin
 * and end, unless the engine keeps no track of them. Callbacks are called on
 * native threads of the library's own, while nothing in it is locked. At most
 * 262144 notifications wait; more are lost. */

/* Announces a change that did not happen, to all who subscribed to changes of
 * SA contexts, whatever their template. Any type and any id will do. */
void sa_simulator_announce(uint32_t type, uint64_t id);

/* Loses the next `times` notifications, instead of delivering them. */
void sa_simulator_lose(uint32_t times);

/* Loses notifications at a rate of `per_million`; 0 ends it. */
void sa_simulator_lose_randomly(uint32_t per_million, uint64_t seed);

/* Delivers notifications no sooner than that long after the change; 0 ends it. */
void sa_simulator_delay_notifications(uint32_t milliseconds);

/* How many threads deliver, 1 (default) to 8. With more than one, notifications
 * overtake each other, and callbacks of one subscription are called at once.
 * Waits until no callback is under way, so it must not be called from one.
 * Returns 1, or 0 if there cannot be so many. */
int32_t sa_simulator_deliver_from(uint32_t threads);

/* Waits, at most that long, until nothing is left to deliver and no callback is
 * under way. Returns 1 if so, or 0. */
int32_t sa_simulator_flush(uint32_t milliseconds);

/* ---- failures --------------------------------------------------------------- */

/* Lets `after` calls of `function` pass and the next `times` (0: all, until
 * cleared) return `code` without doing anything, except that a failing
 * FwpmEngineClose0, IPsecSaContextDestroyEnumHandle0, IPsecSaContextUnsubscribe0,
 * FwpmConnectionDestroyEnumHandle0 or FwpmConnectionUnsubscribe0 still releases its
 * handle: the client's side is gone either way. Of several failures for one
 * function the oldest that is due is returned. Returns 1, or 0 if there is no
 * such function (FwpmFreeMemory0 returns no code), `code` is 0, or too many
 * failures are set. */
int32_t sa_simulator_fail(const char *function, uint32_t code, uint32_t after, uint32_t times);

/* Makes every WFP call fail with a code that a real caller may meet (RPC errors,
 * access denied, a timeout ...), at a rate of `per_million` calls; 0 ends it. */
void sa_simulator_fail_randomly(uint32_t per_million, uint64_t seed);

/* Forgets all failures, random ones too; delays stay. */
void sa_simulator_clear_failures(void);

/* Makes each call of `function` take that much longer; 0 ends it. Other calls
 * go on meanwhile. Returns 1, or 0 if there is no such function. */
int32_t sa_simulator_delay(const char *function, uint32_t milliseconds);

/* Stops the engine, as if the Base Filtering Engine were stopped: opening fails
 * with 1753, calls on open sessions with 1722. Closing still works. Subscriptions
 * end, and nobody is told. */
void sa_simulator_stop_engine(void);

/* Starts the stopped engine anew. The same peers negotiate the same kinds of
 * contexts again, under ids from the base on; sessions from before answer
 * FWP_E_SESSION_ABORTED until they are closed. */
void sa_simulator_start_engine(void);

/* ---- what Microsoft leaves open ----------------------------------------------- */

enum sa_simulator_option {
    /* What `entries` is when an enumeration returns nothing: 0 (default) NULL,
     * 1 a real block without entries, which has to be freed. */
    SA_SIMULATOR_OPTION_EMPTY_BLOCK = 1,
    /* The order of an enumeration: 0 (default) by id, 1 shuffled. */
    SA_SIMULATOR_OPTION_SHUFFLE = 2,
    /* What the snapshot of an enumeration fixes: 0 (default) only the set of
     * contexts, which are read when they are returned and skipped if deleted
     * meanwhile, 1 their contents too. */
    SA_SIMULATOR_OPTION_SNAPSHOT_CONTENTS = 3,
    /* When churn announces a context that it began: 0 (default) at once, before
     * its SAs are attached, 1 when both are. */
    SA_SIMULATOR_OPTION_ANNOUNCE_COMPLETE = 4,
    /* What an engine answers that keeps no track of connections: 0 (default)
     * FWP_E_CONNECTIONS_DISABLED, 1 that there are none. */
    SA_SIMULATOR_OPTION_UNMONITORED_IS_EMPTY = 5
};

/* Returns 1, or 0 if there is no such option or it has no such value. */
int32_t sa_simulator_set_option(uint32_t option, int32_t value);

/* ---- counts -------------------------------------------------------------------- */

/* Sessions that were opened and not closed. */
uint32_t sa_simulator_open_sessions(void);

/* Enumeration handles that were created and neither destroyed nor released with
 * their session or engine. */
uint32_t sa_simulator_open_enumerations(void);

/* Subscriptions that were made and neither cancelled nor ended with their session
 * or engine. */
uint32_t sa_simulator_open_subscriptions(void);

/* Notifications since the last reset: callbacks that returned, and what was lost. */
uint64_t sa_simulator_delivered(void);
uint64_t sa_simulator_lost(void);

/* Results that were handed out and not freed. */
uint32_t sa_simulator_unfreed_blocks(void);

/* Mistakes of callers that a real engine may answer with a crash or a leak:
 * freeing what is not (or no longer) theirs, using a handle that is closed or
 * never was, or another session's enumeration or subscription, passing NULL where
 * none may be, closing a session with enumerations open (one for each),
 * unsubscribing from within the callback. */
uint64_t sa_simulator_misuses(void);

/* Calls of a WFP function since the last reset, failed ones included; "*" gives
 * the sum. Returns UINT64_MAX if there is no such function. */
uint64_t sa_simulator_calls(const char *function);

#ifdef __cplusplus
}
#endif

#endif
