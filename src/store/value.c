/* value.c - one parameter or one column of a row. */
#include "store/value.h"

struct value value_null(void)
{
    return (struct value){.type = STORE_NULL};
}

struct value value_integer(int64_t integer)
{
    return (struct value){.type = STORE_INTEGER, .integer = integer};
}

struct value value_text(struct span text)
{
    return (struct value){.type = STORE_TEXT, .text = text};
}

struct value value_text_or_null(struct span text)
{
    return span_empty(text) ? value_null() : value_text(text);
}
