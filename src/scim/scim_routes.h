/* scim_routes.h - the SCIM 2.0 service provider below /scim/v2 (RFC 7643, 7644): routes, rights, limits, the request log.
 *
 * A door over net/http_front. Every request proves itself with "Authorization: Bearer psc_…", the secret of a provisioning
 * client (account/client.h); its rights are a column of the table of routes. Every answer, also a refusal, is
 * application/scim+json. One log line a request, `scim_request`, with the client's name, never with its secret, and of
 * the query the names of the parameters alone. */
#ifndef SCIM_SCIM_ROUTES_H
#define SCIM_SCIM_ROUTES_H

#include "account/password.h"
#include "auth/change.h"
#include "base/log.h"
#include "base/metrics.h"
#include "net/http_front.h"

struct scim_call;

#define SCIM_ROUTES_PREFIX "/scim/v2"

/* Everything outlives the routes. */
struct scim_services {
    struct loop *loop;
    const struct log *log;
    struct store *store;
    struct changes *changes;
    struct resource_index *index;
    struct password_checks *passwords;
    struct metrics *metrics;
};

struct scim_settings {
    const char *public_url; /* what stands before /scim/v2; copied */
    size_t body_max;        /* bytes of a request */
    size_t page, page_max;  /* resources of a list when the client does not say, and at most */
    size_t bulk_max;        /* operations of a Bulk request */
    size_t requests_max;    /* of one client in a minute; 429 beyond */
    size_t refused_max;     /* wrong secrets from one address in a minute; further ones get 429 */
    bool public_discovery;  /* ServiceProviderConfig, ResourceTypes and Schemas without a token */
};

struct scim_routes;
struct scim_routes *scim_routes_new(const struct scim_services *services,
                                    const struct scim_settings *settings);
void scim_routes_configure(struct scim_routes *routes, const struct scim_settings *settings);
/* Leads to one answer, now or later. */
void scim_routes_request(struct scim_routes *routes, struct http_exchange *exchange,
                         const struct http_front_request *request);
/* The client left: reads are cancelled, a change under way still commits. */
void scim_routes_gone(struct scim_routes *routes, struct http_exchange *exchange);
/* The body of a refusal that never came to us; returns its content type (daemon/public_http.h). */
const char *scim_routes_refusal(unsigned status, const char *text, struct buffer *body);
/* Internal to scim/: an operation of a Bulk request goes where the same request alone would go. `method`, `path` (below
 * /scim/v2), `body` and the client of the call are set. */
void scim_routes_operation(struct scim_call *call);
size_t scim_routes_busy(const struct scim_routes *routes);    /* requests without an answer */
size_t scim_routes_waiting(const struct scim_routes *routes); /* lists that wait for their turn */
void scim_routes_free(
    struct scim_routes *routes); /* takes NULL; no request is under way any more */

#endif
