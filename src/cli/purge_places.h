/* purge_places.h - where mail lies that somebody still has a right to. */
#ifndef CLI_PURGE_PLACES_H
#define CLI_PURGE_PLACES_H

#include "cli/cli_options.h"
#include "wire/json.h"

struct purge_places {
    struct json **pages; /* of accounts */
    size_t count;
};

/* The homes of all living accounts. */
enum cli_exit purge_places_fetch(const struct cli_options *options, struct purge_places *places);
void purge_places_done(struct purge_places *places); /* for CLEANUP() */
/* The address of a living account whose home is `home`, lies in it or holds it; empty: nobody's. */
struct span purge_places_user(const struct purge_places *places, struct span home);
/* Whether one path is the other, or lies in it. */
bool purge_places_overlap(struct span a, struct span b);
/* What follows the mail root in `home`: "example.com/mira". NULL: it does not lie in it, or is no path that we made. Lives as long as
 * `home`. */
const char *purge_places_below(const char *root, const char *home);

#endif
