/* Counts, delays and failures of the WFP functions. */

#include "calls.h"

#include <string.h>

#include "platform.h"
#include "random.h"

/* clang-format off */
static const char *const names[FUNCTION_COUNT] = {
    "FwpmEngineOpen0",
    "FwpmEngineClose0",
    "FwpmEngineGetOption0",
    "FwpmEngineSetOption0",
    "IPsecSaContextCreateEnumHandle0",
    "IPsecSaContextEnum0",
    "IPsecSaContextEnum1",
    "IPsecSaContextDestroyEnumHandle0",
    "IPsecSaContextGetById0",
    "IPsecSaContextGetById1",
    "FwpmNetEventCreateEnumHandle0",
    "FwpmNetEventEnum0",
    "FwpmNetEventEnum1",
    "FwpmNetEventEnum2",
    "FwpmNetEventEnum3",
    "FwpmNetEventEnum4",
    "FwpmNetEventEnum5",
    "FwpmNetEventDestroyEnumHandle0",
    "FwpmNetEventSubscribe0",
    "FwpmNetEventSubscribe1",
    "FwpmNetEventSubscribe2",
    "FwpmNetEventSubscribe3",
    "FwpmNetEventSubscribe4",
    "FwpmNetEventUnsubscribe0",
    "IPsecSaContextSubscribe0",
    "IPsecSaContextUnsubscribe0",
    "FwpmConnectionCreateEnumHandle0",
    "FwpmConnectionEnum0",
    "FwpmConnectionDestroyEnumHandle0",
    "FwpmConnectionGetById0",
    "FwpmConnectionSubscribe0",
    "FwpmConnectionUnsubscribe0",
    "IkeextSaCreateEnumHandle0",
    "IkeextSaEnum0",
    "IkeextSaEnum1",
    "IkeextSaEnum2",
    "IkeextSaDestroyEnumHandle0",
    "IkeextSaGetById0",
    "IkeextSaGetById1",
    "IkeextSaGetById2",
    "IPsecGetStatistics0",
    "IPsecGetStatistics1",
    "IkeextGetStatistics0",
    "IkeextGetStatistics1",
    "FwpmFilterGetById0",
    "FwpmProviderContextGetById0",
    "FwpmProviderContextGetById1",
    "FwpmProviderContextGetById2",
    "FwpmProviderContextGetById3",
    "FwpmProviderContextGetByKey0",
    "FwpmProviderContextGetByKey1",
    "FwpmProviderContextGetByKey2",
    "FwpmProviderContextGetByKey3",
    "FwpmProviderContextCreateEnumHandle0",
    "FwpmProviderContextEnum0",
    "FwpmProviderContextEnum1",
    "FwpmProviderContextEnum2",
    "FwpmProviderContextEnum3",
    "FwpmProviderContextDestroyEnumHandle0",
    "CertOpenStore",
    "CertFindCertificateInStore",
    "CertFreeCertificateContext",
    "CertCloseStore",
    "FwpmFreeMemory0",
};
/* clang-format on */

enum { ANY = FUNCTION_COUNT, NONE, FAILURE_CAPACITY = 256 };

typedef struct failure {
    int function; /* or ANY */
    UINT32 code;
    UINT32 after;
    UINT32 times; /* 0: until cleared */
} failure;

static struct {
    UINT64 counts[FUNCTION_COUNT];
    UINT32 delays[FUNCTION_COUNT];
    UINT64 misuses;
    failure failures[FAILURE_CAPACITY];
    size_t failure_count;
    UINT32 random_per_million;
    random_source rng;
} calls;

/* Return the function of this name, ANY for "*", or NONE. */
static int find_function(const char *name)
{
    if (name == NULL) {
        return NONE;
    }
    if (strcmp(name, "*") == 0) {
        return ANY;
    }
    int function = 0;
    while (function < FUNCTION_COUNT && strcmp(name, names[function]) != 0) {
        function++;
    }
    return function < FUNCTION_COUNT ? function : NONE;
}

/* Return the code of the function's oldest failure that is due, or 0 if none is due. A call reaches
 * the failures of its function from the oldest up to the one that is due. A failure is due once
 * `after` calls have reached it; each call that reaches it then uses up one of its `times`. */
static UINT32 scripted_failure(function function)
{
    for (size_t i = 0; i < calls.failure_count; i++) {
        failure *each = &calls.failures[i];
        if (each->function != ANY && each->function != (int)function) {
            continue;
        }
        if (each->after > 0) {
            each->after--;
            continue;
        }
        UINT32 code = each->code;
        if (each->times == 1) {
            calls.failure_count--;
            memmove(each, each + 1, (calls.failure_count - i) * sizeof *each);
        } else if (each->times > 1) {
            each->times--;
        }
        return code;
    }
    return 0;
}

/* Return a random error code at the configured rate, otherwise 0. */
static UINT32 random_failure(function function)
{
    static const UINT32 codes[] = {
        RPC_S_SERVER_UNAVAILABLE, RPC_S_CALL_FAILED,       EPT_S_NOT_REGISTERED,
        ERROR_ACCESS_DENIED,      ERROR_NOT_ENOUGH_MEMORY, FWP_E_TIMEOUT,
        RPC_S_SERVER_TOO_BUSY,    RPC_S_CALL_FAILED_DNE,   FWP_E_SESSION_ABORTED,
    };
    UINT32 count = sizeof codes / sizeof codes[0];
    if (calls.random_per_million == 0
        || random_below(&calls.rng, 1000000) >= calls.random_per_million) {
        return 0;
    }
    /* The last code refers to a session, which does not exist yet in ENGINE_OPEN. */
    return codes[random_below(&calls.rng, function == ENGINE_OPEN ? count - 1 : count)];
}

UINT32 calls_begin(function function)
{
    lock_acquire(LOCK_ENGINE);
    calls.counts[function]++;
    UINT32 delay = calls.delays[function];
    if (delay != 0) {
        lock_release(LOCK_ENGINE);
        sleep_milliseconds(delay);
        lock_acquire(LOCK_ENGINE);
    }
    if (function == FREE_MEMORY) {
        return 0;
    }
    UINT32 code = scripted_failure(function);
    return code != 0 ? code : random_failure(function);
}

UINT32 calls_end(UINT32 code)
{
    lock_release(LOCK_ENGINE);
    return code;
}

UINT32 calls_misuse(UINT32 code)
{
    calls.misuses++;
    return code;
}

UINT64 calls_misuses(void)
{
    return calls.misuses;
}

int calls_fail(const char *name, UINT32 code, UINT32 after, UINT32 times)
{
    failure added = {find_function(name), code, after, times};
    if (added.function == NONE || added.function == FREE_MEMORY || code == 0
        || calls.failure_count == FAILURE_CAPACITY) {
        return 0;
    }
    calls.failures[calls.failure_count++] = added;
    return 1;
}

void calls_fail_randomly(UINT32 per_million, uint64_t seed)
{
    calls.random_per_million = per_million;
    calls.rng = random_for(seed, 'R');
}

void calls_clear_failures(void)
{
    calls.failure_count = 0;
    calls.random_per_million = 0;
}

int calls_delay(const char *name, UINT32 milliseconds)
{
    int function = find_function(name);
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        if (function == i || function == ANY) {
            calls.delays[i] = milliseconds;
        }
    }
    return function != NONE;
}

UINT64 calls_count(const char *name)
{
    int function = find_function(name);
    if (function == NONE) {
        return UINT64_MAX;
    }
    UINT64 sum = 0;
    for (int i = 0; i < FUNCTION_COUNT; i++) {
        if (function == i || function == ANY) {
            sum += calls.counts[i];
        }
    }
    return sum;
}

void calls_reset(void)
{
    memset(&calls, 0, sizeof calls);
}
