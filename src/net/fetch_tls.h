/* fetch_tls.h - what the TLS connection of a transfer tells. Takes libcurl's handle while it is connected. */
#ifndef NET_FETCH_TLS_H
#define NET_FETCH_TLS_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes that are decrypted, or read from the socket, and were not asked for yet. */
bool fetch_tls_waits(void *easy);
/* When the server's own certificate ends, wall seconds; 0: no TLS, or not known. */
int64_t fetch_tls_certificate_end(void *easy);

#endif
