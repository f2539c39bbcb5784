/* claims_words.h - what a token and the settings say, in words short enough for a finding. Pure.
 *
 * Values are quoted as they are: finding.h escapes them. */
#ifndef TOKEN_CLAIMS_WORDS_H
#define TOKEN_CLAIMS_WORDS_H

#include "token/claims.h"

enum { CLAIMS_WORDS_SIZE = 360 };

struct claims_words {
    char text[CLAIMS_WORDS_SIZE];
};

struct claims_words claims_words_value(struct span value); /* in quotes, and cut */
struct claims_words claims_words_text(const struct claims_text *said);
struct claims_words claims_words_list(const struct claims_list *list);
struct claims_words claims_words_setting(char *const *list);
struct claims_words claims_words_time(int64_t seconds); /* "90 s", "12 min", "3 h", "2 days" */
/* `audiences = { "what is set", "what was seen" }`: a line for postern.conf. Words instead, where the value holds what
 * could end its quotes or does not show: a token is not to write somebody's configuration. */
struct claims_words claims_words_paste(const char *name, char *const *set, struct span value);
struct claims_words claims_words_format(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
