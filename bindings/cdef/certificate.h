/* A certificate in one of Windows' stores, as it is encoded, found by its thumbprint (wincrypt.h).
 *
 * pCertInfo is the decoded form, which nothing here reads. No function that leads to a private key
 * is declared.
 */

typedef struct CRYPT_HASH_BLOB_ {
    DWORD cbData;
    UINT8 *pbData;
} CRYPT_HASH_BLOB;

typedef struct CERT_CONTEXT_ {
    DWORD dwCertEncodingType;
    UINT8 *pbCertEncoded;
    DWORD cbCertEncoded;
    void *pCertInfo;
    HANDLE hCertStore;
} CERT_CONTEXT;

HANDLE WINAPI CertOpenStore(const char *storeProvider, DWORD encodingType, UINT64 cryptProv,
                            DWORD flags, const void *para);
const CERT_CONTEXT *WINAPI CertFindCertificateInStore(HANDLE certStore, DWORD certEncodingType,
                                                      DWORD findFlags, DWORD findType,
                                                      const void *findPara,
                                                      const CERT_CONTEXT *prevCertContext);
BOOL WINAPI CertFreeCertificateContext(const CERT_CONTEXT *certContext);
BOOL WINAPI CertCloseStore(HANDLE certStore, DWORD flags);
