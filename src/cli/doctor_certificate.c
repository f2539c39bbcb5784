/* doctor_certificate.c - until when a certificate file is good, and who can read its key. */
#include "base/memory.h"
#include "cli/doctor_sections.h"

#include <limits.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <sys/stat.h>

enum { WARN_DAYS = 14 };

/* Whole days from now until then, negative when it is over; false: it says no time. */
static bool days_left(const X509 *certificate, int *days)
{
    int seconds = 0;
    if (ASN1_TIME_diff(days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1) {
        return false;
    }
    *days -= *days <= 0 && seconds < 0 ? 1 : 0;
    return true;
}

static X509 *read_first(const char *path)
{
    FILE *file = fopen(path, "re");
    X509 *certificate = file == NULL ? NULL : PEM_read_X509(file, NULL, NULL, NULL);
    if (file != NULL) {
        fclose(file);
    }
    return certificate;
}

/* Dovecot 2.3 writes ssl_cert = </path: read the file. false: it names none. */
static bool path_of(struct span value, char path[PATH_MAX])
{
    value = span_trim(span_at(value, 0) == '<' ? span_from(value, 1) : value);
    return span_at(value, 0) == '/' && span_fits(value, path, PATH_MAX);
}

void doctor_certificate_key(const char *name, struct span value, struct finding_list *found)
{
    struct stat status;
    char path[PATH_MAX], remedy[PATH_MAX + 100];
    if (path_of(value, path) && stat(path, &status) == 0 && (status.st_mode & S_IROTH) != 0) {
        snprintf(remedy, sizeof remedy, "chmod o-r %s, and renew the certificate with a new key",
                 path);
        finding_bad(found, "tls-key-readable", remedy,
                    "%s: everybody on this system can read the private key %s", name, path);
    }
}

void doctor_certificate(const char *code, const char *name, struct span value,
                        struct finding_list *found)
{
    static const char RENEW[] =
        "renew it, and reload the server: clients refuse the connection once it is over";
    char path[PATH_MAX];
    int days = 0;
    if (!path_of(value, path)) {
        return;
    }
    X509 *certificate = read_first(path);
    if (certificate == NULL) {
        finding_bad(found, code, "name a PEM file that is there, readable by root",
                    "%s: no certificate can be read from %s", name, path);
        return;
    }
    if (!days_left(certificate, &days)) {
        finding_bad(found, code, RENEW, "%s: %s says no time that it ends", name, path);
    } else if (days < 0) {
        finding_bad(found, code, RENEW, "%s: %s has expired, %d days ago", name, path, -days);
    } else if (days < WARN_DAYS) {
        finding_warning(found, code, RENEW, "%s: %s ends in %d days", name, path, days);
    } else {
        finding_good(found, code, "%s: good for %d days", path, days);
    }
    X509_free(certificate);
}
