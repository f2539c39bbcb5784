/* error.c - why something failed, in one line for an admin. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

/* Errors go out as JSON, too, which takes UTF-8 only: a cut text loses its last character, of which a
 * part may be missing. */
static void end_whole(struct error *error, size_t length)
{
    if (length < sizeof error->text) {
        return;
    }
    size_t end = sizeof error->text - 1;
    while (end > 0 && ((unsigned char)error->text[end - 1] & 0xc0) == 0x80) {
        end--;
    }
    if (end > 0 && (unsigned char)error->text[end - 1] >= 0xc0) {
        end--;
    }
    error->text[end] = '\0';
}

bool error_set_all(struct error *error, const char *format, va_list arguments)
{
    int length = vsnprintf(error->text, sizeof error->text, format, arguments);
    end_whole(error, length < 0 ? 0 : (size_t)length);
    return false;
}

bool error_set(struct error *error, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    error_set_all(error, format, arguments);
    va_end(arguments);
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    char old[ERROR_MAX];
    memcpy(old, error->text, sizeof old);
    va_list arguments;
    va_start(arguments, format);
    error_set_all(error, format, arguments);
    va_end(arguments);
    size_t used = strlen(error->text);
    int more = snprintf(error->text + used, sizeof error->text - used, "%s", old);
    end_whole(error, used + (more < 0 ? 0 : (size_t)more));
    return false;
}
