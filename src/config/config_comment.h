/* config_comment.h - comments taken out of postern.conf before libconfuse reads it. Internal to config/.
 *
 * libconfuse 3.3 counts the line of a comment more than once, so that every message after one would name a wrong
 * line. */
#ifndef CONFIG_CONFIG_COMMENT_H
#define CONFIG_CONFIG_COMMENT_H

#include <stddef.h>

/* Puts blanks in place of comments: from "#" or "//" to the end of the line, and from "/" "*" to "*" "/". What stands in quotes
 * is no comment, nor are "//" and "/" "*" inside an unquoted word. One that is not closed stays. */
void config_comment_blank(char *at, size_t length);

#endif
