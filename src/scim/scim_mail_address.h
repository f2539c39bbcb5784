/* scim_mail_address.h - addresses out of documents: whose they are, and lists of them, each once. Pure. */
#ifndef SCIM_SCIM_MAIL_ADDRESS_H
#define SCIM_SCIM_MAIL_ADDRESS_H

#include "auth/provision.h"
#include "document/scim_error.h"
#include "wire/address.h"
#include "wire/json.h"

enum scim_mail_address_place {
    SCIM_MAIL_ADDRESS_NONE,    /* no address; `why` says what is wrong */
    SCIM_MAIL_ADDRESS_FOREIGN, /* in a domain that the client may not write; `address` is empty */
    SCIM_MAIL_ADDRESS_OWN,
};
/* Without blanks around it and "smtp:" in front. */
struct span scim_mail_address_text(struct span text);
enum scim_mail_address_place scim_mail_address_judge(const struct client *client, struct span text,
                                                     struct address *address, struct error *why);

/* What is being read, for all who read parts of it. */
struct scim_mail_address_source {
    const struct client *client;
    const struct json *document, *extension; /* NULL: none */
    struct arena *arena;
    struct scim_error *error;
};
/* 400 invalidValue: "<attribute>: <problem>", with the value quoted when there is one. Returns false. */
bool scim_mail_address_refuse(const struct scim_mail_address_source *source, const char *attribute,
                              struct span value, const char *problem);
/* A text of at most `max` bytes without control characters; absent is empty. */
bool scim_mail_address_plain(const struct scim_mail_address_source *source, const char *attribute,
                             size_t max, struct span *text);

/* A list, each address (or key) once. Zeroed but for the arena it is empty; scim_mail_address_list_done() at the end: the
 * items stay. */
struct scim_mail_address_list {
    struct arena *arena;
    struct span *items;
    size_t count;
    struct json *seen;
};
/* false: there are PROVISION_LIST_MAX already. */
bool scim_mail_address_list_add(struct scim_mail_address_list *list, struct span text,
                                struct span key);
bool scim_mail_address_list_has(const struct scim_mail_address_list *list, struct span key);
struct provision_list scim_mail_address_list_all(const struct scim_mail_address_list *list);
void scim_mail_address_list_done(struct scim_mail_address_list *list);

/* Adds an attribute of the extension, a list of texts. `own`: what lies elsewhere is refused (OWN), left out (NONE), or
 * also taken (FOREIGN). */
bool scim_mail_address_list_read(struct scim_mail_address_list *list,
                                 const struct scim_mail_address_source *source,
                                 const char *attribute, enum scim_mail_address_place own);

#endif
