/* text.h - encodings and character classes of the texts that protocols carry. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/buffer.h"

/* Strict base64 (RFC 4648, 4): full groups, right padding, zero trailing bits, nothing else. The
 * empty text decodes to nothing. false leaves `out` as it was. Decoded secrets: buffer_wipe() `out`. */
bool text_base64_decode(struct span text, struct buffer *out);
void text_base64_encode(struct span bytes, struct buffer *out);
void text_hex_encode(struct span bytes, struct buffer *out); /* lower case */
bool text_utf8(struct span text); /* valid UTF-8, no surrogates, no NUL */
/* The front of a UTF-8 text, of at most `length` bytes and ending between two characters. */
struct span text_front(struct span text, size_t length);
bool text_printable_ascii(struct span text); /* %x21-7E only, at least one */
/* RFC 6750, 2.1: b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"=" */
bool text_b64token(struct span text);
/* The value of a hexadecimal digit of either case; -1 for anything else, also for what span_at() says beyond the end. */
int text_hex_digit(int byte);

#endif
