/* fetch_failure.h - why a provider gave no answer, in one line for an admin.
 *
 * No part of the URL but the host is ever in it. */
#ifndef NET_FETCH_FAILURE_H
#define NET_FETCH_FAILURE_H

#include <stddef.h>
#include <stdint.h>

struct fetch_failure {
    void *easy;       /* libcurl's handle of the transfer, still whole */
    int code;         /* its CURLcode */
    const char *said; /* its error buffer */
    int64_t connect_ms;
    size_t body_max;
};

void fetch_failure_text(const struct fetch_failure *failure, char *text, size_t size);

#endif
