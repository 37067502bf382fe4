/* The certificates of the simulated host: its store LocalMachine\MY. Callers hold LOCK_ENGINE.
 *
 * The store begins with the certificates by which generated main mode SAs authenticate this host,
 * and one that has ended, which none uses. There are no private keys.
 */

#ifndef SIMULATOR_CERTIFICATES_H
#define SIMULATOR_CERTIFICATES_H

#include "wfp.h"

enum { THUMBPRINT_SIZE = 20 };

typedef struct machine_certificate {
    UINT8 thumbprint[THUMBPRINT_SIZE];
    const UINT8 *encoded;
    UINT32 size;
    const UINT8 *subject; /* an X.501 Name in DER */
    UINT32 subject_size;
} machine_certificate;

enum { CERTIFICATE_RSA, CERTIFICATE_P256, CERTIFICATE_P384, CERTIFICATE_TLS, CERTIFICATE_ENDED };
enum { MACHINE_CERTIFICATES = CERTIFICATE_ENDED + 1 };

extern const machine_certificate machine_certificates[MACHINE_CERTIFICATES];

/* Return the certificate by which this host authenticates with `method`, which uses one. */
const machine_certificate *machine_certificate_for(IKEEXT_AUTHENTICATION_METHOD_TYPE method);

/* Put a copy into the store, in place of the certificate that has its thumbprint. Neither is
 * checked. Return 1, or 0 if memory ran out. */
int certificates_put(const UINT8 *thumbprint, const UINT8 *encoded, UINT32 size);
/* Remove a certificate. Return whether it was there. */
int certificates_delete(const UINT8 *thumbprint);
/* Restore the store as it began. */
void certificates_reset(void);

#endif
