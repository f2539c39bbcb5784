/* value.h - one parameter or one column: nothing, a 64-bit number, or text. */
#ifndef STORE_VALUE_H
#define STORE_VALUE_H

#include "base/span.h"

enum store_type { STORE_NULL, STORE_INTEGER, STORE_TEXT };

struct value {
    enum store_type type;
    int64_t integer;
    struct span text;
};

struct value value_null(void);
struct value value_integer(int64_t integer);
struct value value_text(struct span text);
struct value value_text_or_null(struct span text); /* empty becomes NULL */

#endif
