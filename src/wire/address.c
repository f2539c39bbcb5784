/* address.c - mail addresses in the one form in which Postern compares and stores them. */
#include "wire/address.h"

#include "base/text.h"

#include <assert.h>
#include <idn2.h>
#include <string.h>
#include <utf8proc.h>

enum {
    LOCAL_MAX = ADDRESS_LOCAL_MAX, /* RFC 5321, 4.5.3.1.1 */
    LABEL_MAX = 63,
    RAW_MAX = 512,            /* bytes of a part before it is normalised */
    POINTS_MAX = RAW_MAX * 4, /* no canonical decomposition has more than four code points */
};

static bool refuse(struct error *error, const char *problem)
{
    return error_set(error, "address: %s", problem);
}

static bool ascii_alnum(int byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z');
}

/* RFC 5321's atext without "/", "%" and "|" (paths, Dovecot's variables, pipes), and the dot. */
static bool ascii_allowed(int byte)
{
    return ascii_alnum(byte) || (byte != '\0' && strchr("!#$&'*+-=?^_`{}~.", byte) != NULL);
}

/* Letters, marks, digits, signs; no blanks, controls, direction marks and joiners (Cf), nothing
 * private or unassigned. */
static bool category_allowed(utf8proc_category_t category)
{
    static const utf8proc_category_t refused[] = {
        UTF8PROC_CATEGORY_CN, UTF8PROC_CATEGORY_CC, UTF8PROC_CATEGORY_CF, UTF8PROC_CATEGORY_CS,
        UTF8PROC_CATEGORY_CO, UTF8PROC_CATEGORY_ZS, UTF8PROC_CATEGORY_ZL, UTF8PROC_CATEGORY_ZP,
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        if (category == refused[i]) {
            return false;
        }
    }
    return true;
}

/* Whether this code point is another way to write a single other one: KELVIN SIGN for "k", the Greek
 * question mark for ";". NFC would quietly make another name of it, which IDNA2008 refuses too. */
static bool stands_for_another(utf8proc_int32_t point)
{
    utf8proc_int32_t points[4];
    utf8proc_option_t options = UTF8PROC_COMPOSE | UTF8PROC_STABLE;
    int boundary = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char(point, points, 4, options, &boundary);
    assert(count > 0 && count <= 4);
    count = utf8proc_normalize_utf32(points, count, options);
    return utf8proc_tolower(point) < 0x80 || (count == 1 && points[0] != point);
}

static bool point_allowed(utf8proc_int32_t point)
{
    if (point < 0x80) {
        return ascii_allowed(point);
    }
    const utf8proc_property_t *property = utf8proc_get_property(point);
    bool compatible =
        property->decomp_type != 0; /* full width, ligatures, long s: NFKC would fold them */
    return category_allowed(utf8proc_category(point)) && !compatible && !property->ignorable &&
           !stands_for_another(point);
}

static utf8proc_int32_t lower(utf8proc_int32_t point, void *context)
{
    bool *allowed = context;
    *allowed &= point_allowed(point);
    return utf8proc_tolower(point);
}

static bool is_ascii(struct span part)
{
    for (size_t i = 0; i < part.length; i++) {
        if (span_at(part, i) >= 0x80) {
            return false;
        }
    }
    return true;
}

/* What most names need: ASCII is its own NFC. */
static bool normalise_ascii(struct span part, char *text, size_t size)
{
    for (size_t i = 0; i < part.length; i++) {
        if (!ascii_allowed(span_at(part, i))) {
            return false;
        }
    }
    if (!span_fits(part, text, size)) {
        return false;
    }
    for (; *text != '\0'; text++) {
        *text = *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text;
    }
    return true;
}

/* Lower case and NFC, into `text`; false when a code point is refused or it does not fit. */
static bool normalise(struct span part, char *text, size_t size)
{
    utf8proc_int32_t points[POINTS_MAX + 1]; /* utf8proc_reencode() works in place and adds a NUL */
    bool allowed = true;
    if (is_ascii(part)) {
        return normalise_ascii(part, text, size);
    }
    if (part.length > RAW_MAX || !text_utf8(part)) {
        return false;
    }
    utf8proc_ssize_t count = utf8proc_decompose_custom(
        (const utf8proc_uint8_t *)part.at, (utf8proc_ssize_t)part.length, points, POINTS_MAX,
        UTF8PROC_COMPOSE | UTF8PROC_STABLE, lower, &allowed);
    if (!allowed || count < 0 || count > POINTS_MAX) {
        return false;
    }
    utf8proc_ssize_t length = utf8proc_reencode(points, count, UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return length >= 0 && span_fits(span_bytes(points, (size_t)length), text, size);
}

static bool normalise_local(struct span raw, char local[LOCAL_MAX + 1], struct error *error)
{
    if (!normalise(raw, local, LOCAL_MAX + 1)) {
        return refuse(error, raw.length > LOCAL_MAX ? "the part before \"@\" is too long"
                                                    : "a character that addresses may not have");
    }
    struct span text = span_of(local);
    if (span_empty(text)) {
        return refuse(error, "nothing before \"@\"");
    }
    if (span_at(text, 0) == '.' || span_ends(text, ".") || strstr(local, "..") != NULL) {
        return refuse(error, "a dot at the beginning or the end, or two in a row");
    }
    return true;
}

static bool label_valid(struct span label)
{
    if (span_empty(label) || label.length > LABEL_MAX || span_at(label, 0) == '-' ||
        span_ends(label, "-")) {
        return false;
    }
    for (size_t i = 0; i < label.length; i++) {
        if (!ascii_alnum(label.at[i]) && label.at[i] != '-') {
            return false;
        }
    }
    return true;
}

static bool labels_valid(struct span domain)
{
    struct span label;
    while (span_cut(&domain, '.', &label)) {
        if (!label_valid(label)) {
            return false;
        }
    }
    return true;
}

static bool needs_idna(struct span domain)
{
    return !is_ascii(domain) || span_search(domain, SPAN_LITERAL("xn--")) < domain.length;
}

/* IDNA2008 without the mapping of TR46, which folds look-alikes; A-labels are decoded and checked. */
static bool to_alabels(const char *unicode, char domain[ADDRESS_DOMAIN_MAX + 1])
{
    unsigned char *found = NULL;
    int result =
        idn2_lookup_u8((const unsigned char *)unicode, &found, IDN2_NFC_INPUT | IDN2_NO_TR46);
    assert(result != IDN2_MALLOC);
    bool fits = result == IDN2_OK &&
                span_fits(span_of((const char *)found), domain, ADDRESS_DOMAIN_MAX + 1);
    idn2_free(found);
    return fits;
}

bool address_parse_domain(struct span text, char domain[ADDRESS_DOMAIN_MAX + 1],
                          struct error *error)
{
    char unicode[RAW_MAX + 1];
    domain[0] = '\0';
    if (!normalise(text, unicode, sizeof unicode)) {
        return refuse(error, text.length > RAW_MAX ? "the domain is too long"
                                                   : "a character that domains may not have");
    }
    struct span name = span_of(unicode);
    bool converted = needs_idna(name) ? to_alabels(unicode, domain)
                                      : span_fits(name, domain, ADDRESS_DOMAIN_MAX + 1);
    if (!converted || !labels_valid(span_of(domain))) {
        domain[0] = '\0';
        return refuse(error, "not a domain name");
    }
    return true;
}

/* Puts the parts together; every part is bounded, so they fit. */
static void set(struct address *address, const char *local, const char *domain)
{
    size_t length = strlen(local), rest = strlen(domain);
    assert(length <= LOCAL_MAX && rest <= ADDRESS_DOMAIN_MAX);
    memset(address, 0, sizeof *address);
    memcpy(address->text, local, length);
    address->text[length] = '@';
    memcpy(&address->text[length + 1], domain, rest);
    address->local_length = length;
}

static bool parse_parts(struct span local, struct span domain, struct address *address,
                        struct error *error)
{
    char local_text[LOCAL_MAX + 1], domain_text[ADDRESS_DOMAIN_MAX + 1];
    *address = (struct address){0};
    if (!normalise_local(local, local_text, error) ||
        !address_parse_domain(domain, domain_text, error)) {
        return false;
    }
    set(address, local_text, domain_text);
    return true;
}

bool address_parse(struct span text, struct address *address, struct error *error)
{
    size_t at = span_find(text, '@');
    *address = (struct address){0};
    if (at == text.length) {
        return refuse(error, "no \"@\"");
    }
    return parse_parts(span_first(text, at), span_from(text, at + 1), address, error);
}

bool address_parse_pattern(struct span text, struct address *address, struct error *error)
{
    char domain[ADDRESS_DOMAIN_MAX + 1];
    if (span_at(text, 0) != '@') {
        return address_parse(text, address, error);
    }
    *address = (struct address){0};
    if (!address_parse_domain(span_from(text, 1), domain, error)) {
        return false;
    }
    set(address, "", domain);
    return true;
}

bool address_parse_login(struct span text, struct span default_domain, struct address *address,
                         struct error *error)
{
    if (span_has(text, '@')) {
        return address_parse(text, address, error);
    }
    *address = (struct address){0};
    if (span_empty(default_domain)) {
        return refuse(error, "no \"@\", and no default_domain is set");
    }
    return parse_parts(text, default_domain, address, error);
}

struct span address_span(const struct address *address)
{
    return span_of(address->text);
}

struct span address_local(const struct address *address)
{
    return span_first(address_span(address), address->local_length);
}

struct span address_domain(const struct address *address)
{
    return span_from(address_span(address), address->local_length + 1);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return strcmp(a->text, b->text) == 0;
}

bool address_strip_tag(const struct address *address, char delimiter, struct address *base,
                       struct span *tag)
{
    struct span local = address_local(address);
    size_t from = 1 + span_find(span_from(local, 1), delimiter);
    /* "user.+tag" has a tag, but what is left of it is no address. */
    if (from >= local.length || span_at(local, from - 1) == '.') {
        return false;
    }
    char name[LOCAL_MAX + 1], domain[ADDRESS_DOMAIN_MAX + 1];
    bool fits = span_fits(span_first(local, from), name, sizeof name) &&
                span_fits(address_domain(address), domain, sizeof domain);
    assert(fits);
    set(base, name, domain);
    *tag = span_from(local, from);
    return true;
}
