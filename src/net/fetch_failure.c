/* fetch_failure.c - why a provider gave no answer, in one line for an admin. */
#include "net/fetch_failure.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static const char *system_text(CURL *easy)
{
    long number = 0;
    (void)curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
    return number != 0 ? strerror((int)number) : "no reason given";
}

/* What libcurl wrote, without its own preamble. */
static const char *words(const struct fetch_failure *failure)
{
    static const char problem[] = "SSL certificate problem: ";
    if (failure->said[0] == '\0') {
        return curl_easy_strerror((CURLcode)failure->code);
    }
    size_t skip = strncmp(failure->said, problem, sizeof problem - 1) == 0 ? sizeof problem - 1 : 0;
    return failure->said + skip;
}

static curl_off_t reached(CURL *easy, CURLINFO phase)
{
    curl_off_t microseconds = 0;
    (void)curl_easy_getinfo(easy, phase, &microseconds);
    return microseconds;
}

/* libcurl has one limit for all it takes to be connected. */
static const char *slow_phase(CURL *easy)
{
    if (reached(easy, CURLINFO_NAMELOOKUP_TIME_T) == 0) {
        return "the host name was not resolved";
    }
    if (reached(easy, CURLINFO_CONNECT_TIME_T) == 0) {
        return "not connected";
    }
    return "TLS was not set up";
}

void fetch_failure_text(const struct fetch_failure *failure, char *text, size_t size)
{
    switch (failure->code) {
    case CURLE_COULDNT_CONNECT:
        snprintf(text, size, "could not connect: %s", system_text(failure->easy));
        break;
    case CURLE_OPERATION_TIMEDOUT:
        snprintf(text, size, "%s within %lld ms", slow_phase(failure->easy),
                 (long long)failure->connect_ms);
        break;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ISSUER_ERROR:
        snprintf(text, size, "TLS: %s", words(failure));
        break;
    case CURLE_FILESIZE_EXCEEDED:
        snprintf(text, size, "the answer is larger than %zu bytes", failure->body_max);
        break;
    case CURLE_GOT_NOTHING:
        snprintf(text, size, "connection closed without an answer");
        break;
    case CURLE_PARTIAL_FILE:
        snprintf(text, size, "connection closed in the middle of the answer");
        break;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        snprintf(text, size, "connection lost: %s", words(failure));
        break;
    default:
        snprintf(text, size, "%s", words(failure));
    }
}
