/* group_delivery.h - whom mail to a group goes to: its members, or parts of it when they are too many for one reply.
 *
 * Postfix takes 100,000 bytes and so many addresses at once; a group is delivered by parts, each an address of ours that
 * `aliases` expands in turn: KEY.FIRST-LAST@DOMAIN, with the group's random part_key and the range of slots that the part
 * holds. A member's slot never changes and the ranges of one reply do not overlap, so whoever is a member throughout gets
 * exactly one copy, however many come and go between two replies. A nested group is its own part from slot 0 to
 * the last. Left out are members that take no mail, and ranges and nested groups in which nobody does: a part that
 * leads nowhere would be a bounce.
 *
 * Nobody can guess a part's address; policy_server refuses whoever writes to one, for Postfix alone makes use of them. */
#ifndef MAIL_GROUP_DELIVERY_H
#define MAIL_GROUP_DELIVERY_H

#include "account/group_rows.h"
#include "base/buffer.h"

enum {
    GROUP_DELIVERY_MEMBERS_MAX = 400, /* of one reply; with more it is parts */
    GROUP_DELIVERY_PART = 250,        /* members that a part is cut for */
    GROUP_DELIVERY_PARTS_MAX = 200,   /* of one reply; larger ones are cut again */
    GROUP_DELIVERY_READS_MAX = 4000,  /* of one question */
};

struct group_delivery_part {
    char key[GROUP_ROWS_KEY_SIZE]; /* empty: of the group itself, which is known */
    unsigned first, last;          /* slots */
};

/* Reads an address in normal form as one of a part; only the form is judged. */
bool group_delivery_parse(const struct address *address, struct group_delivery_part *part);

enum group_delivery_answer {
    GROUP_DELIVERY_TROUBLE, /* temporary: the store did not answer, or it is too much */
    GROUP_DELIVERY_NOBODY,
    GROUP_DELIVERY_ADDRESSES,
};
/* Addresses parted by commas, at most `bytes_max`; valid during the call, after which the delivery is gone. */
typedef void group_delivery_fn(enum group_delivery_answer answer, struct span addresses,
                               void *context);

struct group_delivery;
struct group_delivery_question {
    struct store *store;
    const struct group_rows_group *group; /* copied */
    unsigned first, last;                 /* slots */
    struct span domain;                   /* of ours, for the addresses of parts; copied */
    size_t bytes_max;
};
/* Answers later, never before it returned. */
struct group_delivery *group_delivery_start(const struct group_delivery_question *question,
                                            group_delivery_fn *fn, void *context);
void group_delivery_cancel(struct group_delivery *delivery); /* no callback after it; takes NULL */

#endif
