/* auth_request.h - the AUTH requests of one connection that are not answered yet. */
#ifndef MAIL_AUTH_REQUEST_H
#define MAIL_AUTH_REQUEST_H

#include "auth/login.h"
#include "mail/pending_login.h"

struct auth_request_list {
    struct auth_request *newest;
    size_t count;
    uint32_t highest_id; /* that was ever used */
};

struct auth_request {
    void *connection;    /* the owner's */
    struct login *login; /* NULL once it has answered */
    uint32_t id;
    bool nologin;                 /* no REQUEST will follow */
    bool closes;                  /* a temporary failure is told by closing: the peer is Postfix */
    struct pending_login pending; /* but for the account */
    /* The list's own: */
    struct auth_request_list *list;
    struct arena arena; /* the texts of `pending` */
    struct auth_request *older, *newer;
};

/* Ends up in `list`; the texts of `line` are copied, `login` and `closes` are the caller's to fill in. */
struct auth_request *auth_request_new(struct auth_request_list *list,
                                      const struct dovecot_line *line, void *connection);
/* NULL: none is open. */
struct auth_request *auth_request_find(const struct auth_request_list *list, uint32_t id);
void auth_request_free(struct auth_request *request); /* cancels its login */

#endif
