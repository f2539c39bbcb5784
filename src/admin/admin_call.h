/* admin_call.h - one call of the admin API between the router and its handlers. Internal to admin/. */
#ifndef ADMIN_ADMIN_CALL_H
#define ADMIN_ADMIN_CALL_H

#include "admin/admin_api.h"
#include "base/finding.h"
#include "net/http_server.h"
#include "token/provider_test.h"
#include "wire/json.h"

enum {
    ADMIN_CALL_ANSWER_MAX = 1024 * 1024,
    ADMIN_CALL_BODY_MAX = 64 * 1024,
    ADMIN_CALL_PAGE = 500
};

/* Lives from the request to its reply. At most one of the five waits at a time. */
struct admin_call {
    const struct admin_services *services;
    struct http_exchange *exchange;
    struct arena arena; /* for as long as the call */
    struct span actor;
    struct span name; /* the {…} of the path, decoded; empty when the route has none */
    struct span query;
    struct json *body;   /* NULL when the request had none */
    const char *no_text; /* a member that was asked for and is no string; a literal */
    struct json *shown;  /* an account whose addresses are being read */
    struct change change;
    struct change_run *run;
    struct store_read *read;
    struct password_hash *hash;
    struct token_check *token_check;
    struct provider_test *provider_test;
    struct finding_list findings; /* of a token's check */
    struct address user;          /* `user_given`: the name that came with the token */
    bool user_given;
    enum provider_protocol protocol; /* for what it would sign in */
};

/* A handler leads to exactly one of the three endings below, now or later. */
typedef void admin_call_fn(struct admin_call *call);

void admin_call_answer(struct admin_call *call, int status,
                       struct json *taken); /* and frees the call */
void admin_call_refuse(struct admin_call *call, int status, const char *code, const char *text);
void admin_call_free(struct admin_call *call); /* no answer: the client is gone */

/* A parameter of the query, decoded; empty when absent. */
struct span admin_call_parameter(struct admin_call *call, const char *name);
/* A string member of the body; false when it is absent, or of another type, which admin_call_texts_good()
 * then refuses. */
bool admin_call_text(struct admin_call *call, const char *name, struct span *text);
/* After all of them were read. False: the call has been refused, and is gone. */
bool admin_call_texts_good(struct admin_call *call);

#endif
