/* config_comment.c - comments taken out of postern.conf before libconfuse reads it. */
#include "config/config_comment.h"

#include <stdbool.h>
#include <string.h>

struct text {
    char *at;
    size_t length;
};

static char byte_at(const struct text *text, size_t i)
{
    return i < text->length ? text->at[i] : '\0';
}

/* What libconfuse takes into an unquoted word. */
static bool is_word(char byte)
{
    return byte != '\0' && strchr(" #\"'\t\n\r={}()+,*", byte) == NULL;
}

/* Behind the closing quote of the one at `i`; a backslash hides the byte behind it. */
static size_t quoted_end(const struct text *text, size_t i)
{
    char quote = text->at[i++];
    while (i < text->length && text->at[i] != quote) {
        i += text->at[i] == '\\' ? 2 : 1;
    }
    return i + 1;
}

static size_t line_end(const struct text *text, size_t i)
{
    while (i < text->length && text->at[i] != '\n') {
        i++;
    }
    return i;
}

/* Behind the end of the comment that begins at `i`; `i` itself when it does not end. */
static size_t block_end(const struct text *text, size_t i)
{
    for (size_t end = i + 2; end + 1 < text->length; end++) {
        if (text->at[end] == '*' && text->at[end + 1] == '/') {
            return end + 2;
        }
    }
    return i;
}

static size_t comment_end(const struct text *text, size_t i)
{
    char byte = text->at[i], next = byte_at(text, i + 1);
    if (byte == '#' || (byte == '/' && next == '/')) {
        return line_end(text, i);
    }
    return byte == '/' && next == '*' ? block_end(text, i) : i;
}

static void blank(struct text *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        text->at[i] = text->at[i] == '\n' ? '\n' : ' ';
    }
}

void config_comment_blank(char *at, size_t length)
{
    struct text text = {at, length};
    size_t i = 0;
    while (i < length) {
        size_t end = comment_end(&text, i);
        if (end > i) {
            blank(&text, i, end);
            i = end;
        } else if (at[i] == '"' || at[i] == '\'') {
            i = quoted_end(&text, i);
        } else {
            i++;
            while (is_word(at[i - 1]) && i < length && is_word(at[i])) {
                i++;
            }
        }
    }
}
