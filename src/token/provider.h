/* provider.h - an OpenID provider that we trust: where it is, which domains it speaks for, how it is asked.
 *
 * Settings come from config/config.c; a set is immutable once made. */
#ifndef TOKEN_PROVIDER_H
#define TOKEN_PROVIDER_H

#include "base/error.h"
#include "base/span.h"

#include <stddef.h>

/* Judged when an account is bound, not at every login. */
enum provider_email_verified {
    PROVIDER_EMAIL_REQUIRE,
    PROVIDER_EMAIL_IF_PRESENT, /* refuses false, takes absent */
    PROVIDER_EMAIL_TRUST,
};

enum { PROVIDER_NAME_MAX = 63 };

struct provider {
    char *name;
    char *userinfo;       /* URL; may hold user-info, so it is never logged whole */
    char *shown;          /* as logs may show it: provider_shown() */
    char *username_claim; /* "email" */
    char **domains;       /* normal form, NULL-terminated; empty: all of them (one provider only) */
    enum provider_email_verified email_verified;
    bool binds;              /* an account opens for the first `sub` that opened it, and no other */
    char *ca_file;           /* NULL: the system's */
    char *scope;             /* for the error JSON, e.g. "openid email"; NULL: left out */
    char *configuration_url; /* for the error JSON; NULL: left out */
    int64_t connect_ms, total_ms;
    size_t requests_max; /* checks under way at once; beyond it: VERDICT_BUSY */
};

struct provider_set {
    struct provider *providers;
    size_t count;
};

/* A whole check must end, and its refusal be delayed, within the 8 s of a login. */
enum { PROVIDER_TOTAL_MS_MAX = 7000 };

/* Checks what belongs together: names and domains unique, URLs http(s), domains given when there are
 * several, times and bounds filled in. Plain http only where it stays at home: loopback and private
 * addresses, names of one label (a container's), and names below .localhost, .test, .internal,
 * .home.arpa, .local or .lan. An empty set is fine: nobody signs in with a token then. */
bool provider_set_check(const struct provider_set *set, struct error *error);
void provider_set_free(struct provider_set *set); /* all of it; takes NULL */
/* The provider that speaks for `domain`; with an empty domain the only one; else NULL. */
const struct provider *provider_set_find(const struct provider_set *set, struct span domain);
bool provider_speaks_for(const struct provider *provider, struct span domain);
/* `url` without user-info and query: scheme, host, port and path. NULL when it is no URL of ours.
 * The caller's to memory_free(). */
char *provider_shown(const char *url);

#endif
