/* discovery.h - an issuer's discovery document (OpenID Connect Discovery 1.0; RFC 8414): where it is, and what it says. Pure. */
#ifndef TOKEN_DISCOVERY_H
#define TOKEN_DISCOVERY_H

#include "base/error.h"
#include "base/finding.h"
#include "wire/json.h"
#include "wire/url.h"

enum { DISCOVERY_SIZE_MAX = 256 * 1024 };

/* Where to look: first form OpenID Connect (behind the issuer), then RFC 8414 (before its path). */
enum discovery_form { DISCOVERY_OPENID, DISCOVERY_OAUTH, DISCOVERY_FORMS };
/* The URL; the caller's to memory_free(). */
char *discovery_url(const char *issuer, enum discovery_form form);

/* Endpoints are NULL when they are not named; also the keys' (RFC 8414, 2: an issuer of opaque tokens has none). */
struct discovery {
    char *jwks, *userinfo, *introspection, *token;
};

/* false and an error: no JSON object, an `issuer` that is not byte for byte the configured one (the error says both, and
 * what to paste), an endpoint that is no https URL (http only where the issuer itself is http and it is at the same
 * origin). Never widens what is accepted. */
bool discovery_read(const char *issuer, struct span document, struct discovery *discovery,
                    struct error *error);
void discovery_done(struct discovery *discovery);

#endif
