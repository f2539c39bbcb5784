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

/* Lives from the request to its reply. At most one of the six waits at a time. */
struct admin_call {
    const struct admin_services *services;
    struct http_exchange *exchange;
    struct arena arena; /* for as long as the call */
    struct span actor;
    struct span name; /* the {…} of the path, decoded; empty when the route has none */
    struct span query;
    struct json *body; /* NULL when the request had none */
    const char *misfit,
        *misfit_kind;   /* a member that was asked for and is no string (number, truth value) */
    struct json *shown; /* an account, client or group about which more is being read */
    struct json *list;  /* likewise: several of them, and which one it is about */
    size_t at;
    struct json *answer; /* what the answer to a change will also hold; its "secret" is wiped */
    void (*complete)(struct admin_call *call,
                     struct json *answer); /* adds what is now; may be NULL */
    struct change change;
    struct change_run *run;
    struct store_read *read;
    struct store_write *write;
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
bool admin_call_number(struct admin_call *call, const char *name, int64_t *number); /* likewise */
bool admin_call_flag(struct admin_call *call, const char *name, bool *flag);        /* likewise */
/* After all of them were read. False: the call has been refused, and is gone. */
bool admin_call_texts_good(struct admin_call *call);

/* Endings that many calls share; the call is gone afterwards. */
void admin_call_unreadable(struct admin_call *call); /* the database cannot be read now */
/* A read is over. True: it failed, and the call has been refused. */
bool admin_call_read_failed(struct admin_call *call, const struct store_rows *rows);
/* {"<name>": list, "next": …}; an empty `next`: it is the last page. */
void admin_call_answer_list(struct admin_call *call, const char *name, struct json *taken,
                            struct span next);

/* Members of an answer. */
void admin_call_put_time(struct json *object, const char *name, int64_t seconds);  /* 0: null */
void admin_call_put_text(struct json *object, const char *name, struct span text); /* empty: null */
/* A list that is written parted by blanks. */
void admin_call_put_words(struct json *object, const char *name, struct span words);

#endif
