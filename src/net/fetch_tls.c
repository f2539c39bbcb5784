/* fetch_tls.c - what the TLS connection of a transfer tells. */
#include "net/fetch_tls.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <time.h>

static SSL *session_of(CURL *easy)
{
    struct curl_tlssessioninfo *session = NULL;
    bool known = curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) == CURLE_OK &&
                 session != NULL && session->backend == CURLSSLBACKEND_OPENSSL;
    return known ? session->internals : NULL;
}

bool fetch_tls_waits(void *easy)
{
    SSL *session = session_of(easy);
    return session != NULL && SSL_has_pending(session) != 0;
}

int64_t fetch_tls_certificate_end(void *easy)
{
    SSL *session = session_of(easy);
    const X509 *certificate = session != NULL ? SSL_get0_peer_certificate(session) : NULL;
    struct tm end = {0};
    if (certificate == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &end) != 1) {
        return 0;
    }
    return timegm(&end);
}
