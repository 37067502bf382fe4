/* CertOpenStore and the functions that read the store (wincrypt.h).
 *
 * As on Windows, a function that fails returns NULL or 0, and its code is what GetLastError
 * returns: here, errno has it. An opened store and a certificate that was found are blocks of
 * results.h, so that those that are not closed or freed are counted.
 */

#include "certificates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "calls.h"
#include "results.h"

enum {
    X509_ENCODING = 1,
    PROVIDER_SYSTEM_W = 10,
    LOCAL_MACHINE = 0x20000,
    LOCATION_MASK = 0xFF0000,
    FIND_SHA1_HASH = 0x10000
};

typedef struct stored {
    UINT8 thumbprint[THUMBPRINT_SIZE];
    UINT8 *encoded;
    UINT32 size;
} stored;

static struct {
    stored *all;
    size_t count;
    int is_filled; /* with machine_certificates */
} store;

const machine_certificate *machine_certificate_for(IKEEXT_AUTHENTICATION_METHOD_TYPE method)
{
    switch (method) {
    case IKEEXT_CERTIFICATE_ECDSA_P256:
        return &machine_certificates[CERTIFICATE_P256];
    case IKEEXT_CERTIFICATE_ECDSA_P384:
        return &machine_certificates[CERTIFICATE_P384];
    case IKEEXT_SSL:
        return &machine_certificates[CERTIFICATE_TLS];
    default:
        return &machine_certificates[CERTIFICATE_RSA];
    }
}

/* ---- the store's content ---- */

static int put(const UINT8 *thumbprint, const UINT8 *encoded, UINT32 size)
{
    stored *all = realloc(store.all, (store.count + 1) * sizeof *all);
    if (all == NULL) {
        return 0;
    }
    store.all = all;
    stored *added = &all[store.count];
    added->encoded = malloc(size + 1); /* not of size 0, for which NULL may be returned */
    if (added->encoded == NULL) {
        return 0;
    }
    if (size != 0) {
        memcpy(added->encoded, encoded, size);
    }
    memcpy(added->thumbprint, thumbprint, THUMBPRINT_SIZE);
    added->size = size;
    store.count++;
    return 1;
}

static void fill(void)
{
    for (size_t i = 0; i < MACHINE_CERTIFICATES && !store.is_filled; i++) {
        const machine_certificate *each = &machine_certificates[i];
        (void)put(each->thumbprint, each->encoded, each->size);
    }
    store.is_filled = 1;
}

static stored *find(const UINT8 *thumbprint)
{
    fill();
    for (size_t i = 0; i < store.count; i++) {
        if (memcmp(store.all[i].thumbprint, thumbprint, THUMBPRINT_SIZE) == 0) {
            return &store.all[i];
        }
    }
    return NULL;
}

int certificates_delete(const UINT8 *thumbprint)
{
    stored *found = find(thumbprint);
    if (found == NULL) {
        return 0;
    }
    free(found->encoded);
    *found = store.all[--store.count];
    return 1;
}

int certificates_put(const UINT8 *thumbprint, const UINT8 *encoded, UINT32 size)
{
    (void)certificates_delete(thumbprint);
    return put(thumbprint, encoded, size);
}

void certificates_reset(void)
{
    for (size_t i = 0; i < store.count; i++) {
        free(store.all[i].encoded);
    }
    free(store.all);
    memset(&store, 0, sizeof store);
}

/* ---- the functions ---- */

/* End a call with a code. Return `result`, or NULL if the code is an error. */
static void *end(UINT32 code, void *result)
{
    (void)calls_end(code);
    if (code != ERROR_SUCCESS) {
        errno = (int)code;
        return NULL;
    }
    return result;
}

static UINT32 open_store(const char *provider, DWORD flags, const char16_t *name, void **opened)
{
    static const char16_t my[] = u"MY";
    if ((uintptr_t)provider != PROVIDER_SYSTEM_W || name == NULL
        || (flags & LOCATION_MASK) != LOCAL_MACHINE) {
        return ERROR_FILE_NOT_FOUND;
    }
    if (memcmp(name, my, sizeof my) != 0) {
        return ERROR_FILE_NOT_FOUND;
    }
    *opened = results_create(1);
    return *opened == NULL ? ERROR_NOT_ENOUGH_MEMORY : ERROR_SUCCESS;
}

HANDLE WINAPI CertOpenStore(const char *storeProvider, DWORD encodingType, UINT64 cryptProv,
                            DWORD flags, const void *para)
{
    void *opened = NULL;
    (void)encodingType;
    (void)cryptProv;
    UINT32 code = calls_begin(CERT_OPEN_STORE);
    if (code == 0) {
        code = open_store(storeProvider, flags, para, &opened);
    }
    return end(code, opened);
}

/* Return the certificate that is found as one block: the context, then what it points to. */
static UINT32 find_certificate(HANDLE certStore, DWORD type, const CRYPT_HASH_BLOB *hash,
                               CERT_CONTEXT **made)
{
    if (certStore == NULL || hash == NULL || hash->pbData == NULL) {
        return calls_misuse(ERROR_INVALID_PARAMETER);
    }
    if (type != FIND_SHA1_HASH) {
        return ERROR_INVALID_PARAMETER;
    }
    const stored *found = hash->cbData == THUMBPRINT_SIZE ? find(hash->pbData) : NULL;
    if (found == NULL) {
        return CRYPT_E_NOT_FOUND;
    }
    CERT_CONTEXT *context = results_create(sizeof *context + found->size);
    if (context == NULL) {
        return ERROR_NOT_ENOUGH_MEMORY;
    }
    context->dwCertEncodingType = X509_ENCODING;
    context->cbCertEncoded = found->size;
    context->pbCertEncoded = (UINT8 *)(context + 1);
    memcpy(context->pbCertEncoded, found->encoded, found->size);
    context->hCertStore = certStore;
    *made = context;
    return ERROR_SUCCESS;
}

const CERT_CONTEXT *WINAPI CertFindCertificateInStore(HANDLE certStore, DWORD certEncodingType,
                                                      DWORD findFlags, DWORD findType,
                                                      const void *findPara,
                                                      const CERT_CONTEXT *prevCertContext)
{
    CERT_CONTEXT *made = NULL;
    (void)certEncodingType;
    (void)findFlags;
    UINT32 code = calls_begin(CERT_FIND_CERTIFICATE);
    if (code == 0 && prevCertContext != NULL) {
        code = CRYPT_E_NOT_FOUND; /* a thumbprint has one certificate */
    }
    if (code == 0) {
        code = find_certificate(certStore, findType, findPara, &made);
    }
    return end(code, made);
}

/* Release a block, even if the call is to fail: the caller's side of it is gone in any case. */
static BOOL release(function function, void *block)
{
    UINT32 code = calls_begin(function);
    size_t size = results_reclaim(block);
    if (size != 0) {
        results_destroy(block, size);
    } else if (block != NULL) {
        code = calls_misuse(ERROR_INVALID_HANDLE);
    }
    (void)end(code, NULL);
    return code == ERROR_SUCCESS;
}

BOOL WINAPI CertFreeCertificateContext(const CERT_CONTEXT *certContext)
{
    return release(CERT_FREE_CONTEXT, (void *)(uintptr_t)certContext);
}

BOOL WINAPI CertCloseStore(HANDLE certStore, DWORD flags)
{
    (void)flags;
    return release(CERT_CLOSE_STORE, certStore);
}
