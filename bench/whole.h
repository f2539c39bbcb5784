/* whole.h - what the check of a first-seen token costs from the door to the verdict, and what a remembered one does. */
#ifndef BENCH_WHOLE_H
#define BENCH_WHOLE_H

#include "mint.h"

/* An issuer that really serves its keys, and the checks of a provider that trusts it. */
struct whole;
/* `server`: the program userinfo_server. NULL: it did not start. */
struct whole *whole_new(const char *server, struct span jwks, unsigned threads);
void whole_free(struct whole *whole);

struct whole_figures {
    double first_us, again_us; /* CPU of the whole process for each token: first seen, remembered */
    double a_second;           /* first seen, of wall time: wants idle cores */
};
/* `count` tokens of `mint`'s, each seen for the first time, 32 at once as a busy server would have them; then all again. */
struct whole_figures whole_measure(struct whole *whole, const struct mint *mint, int count);
size_t whole_cache_bytes(const struct whole *whole); /* for each verdict remembered */

#endif
