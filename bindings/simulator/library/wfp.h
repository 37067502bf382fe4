/* The declarations of the Windows Filtering Platform, and its error codes.
 *
 * The Python bindings are generated from the same headers (bindings/cdef), so both sides always
 * agree on the ABI. The headers declare Windows' type names themselves: a file that includes this
 * one must not include <windows.h>.
 */

#ifndef SIMULATOR_WFP_H
#define SIMULATOR_WFP_H

#include <stddef.h>
#include <stdint.h>
#include <uchar.h>

#ifdef _WIN32
#define WINAPI __stdcall
#else
#define WINAPI
#endif

/* Keep this order: each header depends on those before it. */
#include "cdef/base.h"
#include "cdef/fwptypes.h"
#include "cdef/engine.h"
#include "cdef/engine_option.h"
#include "cdef/filter.h"
#include "cdef/provider_context.h"
#include "cdef/sa_transform.h"
#include "cdef/sa_bundle.h"
#include "cdef/sa_context.h"
#include "cdef/subscription.h"
#include "cdef/ikeext.h"
#include "cdef/net_event.h"
#include "cdef/connection.h"
#include "cdef/ike_sa.h"
#include "cdef/statistics.h"
#include "cdef/certificate.h"

_Static_assert(sizeof(void *) == 8, "the simulator is for 64-bit hosts");
_Static_assert(sizeof(FWPM_FILTER0) == 200, "FWPM_FILTER0, fwpmtypes.h");
_Static_assert(sizeof(FWPM_PROVIDER_CONTEXT3) == 88, "FWPM_PROVIDER_CONTEXT3, fwpmtypes.h");
_Static_assert(sizeof(IPSEC_TUNNEL_POLICY3) == 128, "IPSEC_TUNNEL_POLICY3, ipsectypes.h");
_Static_assert(sizeof(IPSEC_SA_DETAILS0) == 168, "IPSEC_SA_DETAILS0, ipsectypes.h");
_Static_assert(sizeof(IPSEC_SA_DETAILS1) == 224, "IPSEC_SA_DETAILS1, ipsectypes.h");
_Static_assert(sizeof(FWPM_CONNECTION0) == 160, "FWPM_CONNECTION0, fwpmtypes.h");
_Static_assert(sizeof(IKEEXT_SA_DETAILS2) == 176, "IKEEXT_SA_DETAILS2, iketypes.h");

/* winerror.h */
#define ERROR_SUCCESS 0u
#define ERROR_FILE_NOT_FOUND 2u
#define ERROR_ACCESS_DENIED 5u
#define ERROR_INVALID_HANDLE 6u
#define ERROR_NOT_ENOUGH_MEMORY 8u
#define ERROR_NOT_SUPPORTED 50u
#define ERROR_INVALID_PARAMETER 87u
#define ERROR_POSSIBLE_DEADLOCK 1131u
#define RPC_S_SERVER_UNAVAILABLE 1722u
#define RPC_S_SERVER_TOO_BUSY 1723u
#define RPC_S_CALL_FAILED 1726u
#define RPC_S_CALL_FAILED_DNE 1727u
#define RPC_S_UNKNOWN_AUTHN_SERVICE 1747u
#define EPT_S_NOT_REGISTERED 1753u
#define RPC_X_SS_HANDLES_MISMATCH 1778u
#define RPC_X_NULL_REF_POINTER 1780u
#define CRYPT_E_NOT_FOUND 0x80092004u
#define FWP_E_FILTER_NOT_FOUND 0x80320003u
#define FWP_E_PROVIDER_CONTEXT_NOT_FOUND 0x80320006u
#define FWP_E_NOT_FOUND 0x80320008u
#define FWP_E_DYNAMIC_SESSION_IN_PROGRESS 0x8032000Bu
#define FWP_E_SESSION_ABORTED 0x80320010u
#define FWP_E_TIMEOUT 0x80320012u
#define FWP_E_NET_EVENTS_DISABLED 0x80320013u
#define FWP_E_INVALID_ENUMERATOR 0x8032001Du
#define FWP_E_INVALID_NET_MASK 0x8032001Fu
#define FWP_E_INVALID_INTERVAL 0x80320021u
#define FWP_E_TYPE_MISMATCH 0x80320027u
#define FWP_E_NEVER_MATCH 0x80320033u
#define FWP_E_CONNECTIONS_DISABLED 0x80320041u
#define FWP_E_STILL_ON 0x80320043u
#define ERROR_IPSEC_IKE_AUTH_FAIL 13801u
#define ERROR_IPSEC_IKE_ATTRIB_FAIL 13802u
#define ERROR_IPSEC_IKE_TIMED_OUT 13805u
#define ERROR_IPSEC_IKE_NO_CERT 13806u
#define ERROR_IPSEC_IKE_QM_DELAY_DROP 13815u
#define ERROR_IPSEC_IKE_NO_POLICY 13825u
#define ERROR_IPSEC_IKE_KERBEROS_ERROR 13827u
#define ERROR_IPSEC_IKE_POLICY_MATCH 13868u
#define ERROR_IPSEC_IKE_AUTHORIZATION_FAILURE 13905u

/* ntstatus.h */
#define STATUS_IPSEC_BAD_SPI 0xC0360001u
#define STATUS_IPSEC_REPLAY_CHECK_FAILED 0xC0360004u
#define STATUS_IPSEC_INTEGRITY_CHECK_FAILED 0xC0360006u
#define STATUS_IPSEC_CLEAR_TEXT_DROP 0xC0360007u
#define STATUS_IPSEC_DOSP_STATE_LOOKUP_FAILED 0xC0368003u

/* rpcdce.h */
#define RPC_C_AUTHN_WINNT 10u
#define RPC_C_AUTHN_DEFAULT 0xFFFFFFFFu

#endif
