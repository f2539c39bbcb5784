/* verifier.h - /introspect and /userinfo for mail servers that check tokens by themselves: an untouched Dovecot, or
 * docker-mailserver's OAUTH2_INTROSPECTION_URL.
 *
 * /introspect answers in the shape of RFC 7662: 200 with {"active":true,"username":…,"email":…,"sub":…} where the user name is
 * the account's primary address and `sub` its id, or 200 with {"active":false} and nothing else for every refusal; 503 when
 * we or the provider cannot say. /userinfo answers 200 (sub, email, preferred_username, email_verified), 401 or 503. Both take the token as Dovecot sends it: in the path's query (GET),
 * as a form (POST), or as Authorization: Bearer. Protocol, client address and session come from the X-Dovecot-Auth-* headers where
 * they are sent. Each question is a login (auth/login): checked, throttled, bound and logged as one. Where no client address is
 * sent, nobody is throttled: it would be everybody.
 *
 * The caller proves itself with the secret of http.internal_secret_file: as the first segment of the path
 * ("/SECRET/introspect?token=", where nothing else can be sent), or as the password of Basic. Without it: 404. */
#ifndef MAIL_VERIFIER_H
#define MAIL_VERIFIER_H

#include "auth/login.h"
#include "net/http_server.h"

struct verifier;
/* Takes a copy of the secret; an empty one closes the door. */
struct verifier *verifier_new(struct login_service *service, const struct secret *secret);
void verifier_configure(struct verifier *verifier, const struct secret *secret);
/* Logins under way are given up; their exchanges are the server's to end, which changes nothing here any more. Takes NULL */
void verifier_free(struct verifier *verifier);
/* For http_server's handler: false when the path is none of ours, or the secret is not known (nothing was done: 404). The
 * exchange keeps what is ours until the reply. */
bool verifier_request(struct verifier *verifier, struct http_exchange *exchange,
                      const struct http_server_request *request);
void verifier_gone(struct verifier *verifier, struct http_exchange *exchange);
size_t verifier_requests(const struct verifier *verifier);

#endif
