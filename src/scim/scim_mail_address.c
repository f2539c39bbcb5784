/* scim_mail_address.c - addresses out of documents: whose they are, and lists of them, each once. */
#include "scim/scim_mail_address.h"

#include "base/memory.h"
#include "base/text.h"

enum { QUOTED_MAX = 80, TEXT_MAX = 512 };

struct span scim_mail_address_text(struct span text)
{
    text = span_trim(text);
    return span_starts_fold(text, "smtp:") ? span_trim(span_from(text, 5)) : text;
}

enum scim_mail_address_place scim_mail_address_judge(const struct client *client, struct span text,
                                                     struct address *address, struct error *why)
{
    char domain[ADDRESS_DOMAIN_MAX + 1];
    size_t at = span_find_last(text, '@');
    *address = (struct address){0};
    if (at == 0 || at >= text.length || text.length > TEXT_MAX) {
        error_set(why, "is no mail address");
        return SCIM_MAIL_ADDRESS_NONE;
    }
    if (!address_parse_domain(span_from(text, at + 1), domain, why)) {
        return SCIM_MAIL_ADDRESS_NONE;
    }
    /* What others allow in front of their "@" is theirs to know. */
    if (!client_may_write(client, span_of(domain))) {
        return SCIM_MAIL_ADDRESS_FOREIGN;
    }
    return address_parse(text, address, why) ? SCIM_MAIL_ADDRESS_OWN : SCIM_MAIL_ADDRESS_NONE;
}

bool scim_mail_address_refuse(const struct scim_mail_address_source *source, const char *attribute,
                              struct span value, const char *problem)
{
    struct span quoted = text_front(value, QUOTED_MAX);
    if (span_empty(quoted)) {
        return scim_error_set(source->error, 400, SCIM_ERROR_INVALID_VALUE, "%s: %s", attribute,
                              problem);
    }
    return scim_error_set(source->error, 400, SCIM_ERROR_INVALID_VALUE, "%s: \"%.*s\": %s",
                          attribute, (int)quoted.length, quoted.at, problem);
}

bool scim_mail_address_plain(const struct scim_mail_address_source *source, const char *attribute,
                             size_t max, struct span *text)
{
    *text = json_value_text(json_member(source->document, attribute));
    for (size_t i = 0; i < text->length; i++) {
        int byte = span_at(*text, i), next = span_at(*text, i + 1);
        if (byte < 0x20 || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next <= 0x9f)) {
            return scim_mail_address_refuse(source, attribute, (struct span){0},
                                            "has control characters in it");
        }
    }
    if (text->length > max) {
        return scim_error_set(source->error, 400, SCIM_ERROR_INVALID_VALUE,
                              "%s: is longer than %zu bytes", attribute, max);
    }
    *text = span_copy(source->arena, *text);
    return true;
}

bool scim_mail_address_list_has(const struct scim_mail_address_list *list, struct span key)
{
    struct arena arena = {0};
    bool there = list->seen != NULL && json_member(list->seen, span_text(&arena, key)) != NULL;
    arena_done(&arena);
    return there;
}

bool scim_mail_address_list_add(struct scim_mail_address_list *list, struct span text,
                                struct span key)
{
    if (scim_mail_address_list_has(list, key)) {
        return true;
    }
    if (list->count == PROVISION_LIST_MAX) {
        return false;
    }
    if (list->seen == NULL) {
        list->seen = json_new_object();
        list->items = arena_new(list->arena, PROVISION_LIST_MAX * sizeof *list->items);
    }
    json_put_boolean(list->seen, span_text(list->arena, key), true);
    list->items[list->count++] = span_copy(list->arena, text);
    return true;
}

struct provision_list scim_mail_address_list_all(const struct scim_mail_address_list *list)
{
    return (struct provision_list){list->items, list->count};
}

void scim_mail_address_list_done(struct scim_mail_address_list *list)
{
    json_free(list->seen);
    list->seen = NULL;
}

/* One text; what is refused says why. */
static bool read_one(struct scim_mail_address_list *list,
                     const struct scim_mail_address_source *source, const char *attribute,
                     struct span text, enum scim_mail_address_place own)
{
    struct address address;
    struct error why;
    enum scim_mail_address_place place =
        scim_mail_address_judge(source->client, text, &address, &why);
    if (place == SCIM_MAIL_ADDRESS_FOREIGN && own == SCIM_MAIL_ADDRESS_OWN) {
        return scim_mail_address_refuse(source, attribute, text,
                                        "lies in no domain that this client may write");
    }
    if (place == SCIM_MAIL_ADDRESS_FOREIGN && own == SCIM_MAIL_ADDRESS_FOREIGN) {
        place =
            address_parse(text, &address, &why) ? SCIM_MAIL_ADDRESS_OWN : SCIM_MAIL_ADDRESS_NONE;
    }
    if (place == SCIM_MAIL_ADDRESS_NONE) {
        return scim_mail_address_refuse(source, attribute, text, why.text);
    }
    return place == SCIM_MAIL_ADDRESS_FOREIGN ||
           scim_mail_address_list_add(list, text, address_span(&address)) ||
           scim_mail_address_refuse(source, attribute, (struct span){0}, "too many addresses");
}

bool scim_mail_address_list_read(struct scim_mail_address_list *list,
                                 const struct scim_mail_address_source *source,
                                 const char *attribute, enum scim_mail_address_place own)
{
    const struct json *values = json_member(source->extension, attribute);
    for (size_t i = 0; i < json_size(values); i++) {
        struct span text = scim_mail_address_text(json_value_text(json_item(values, i)));
        if (!span_empty(text) && !read_one(list, source, attribute, text, own)) {
            return false;
        }
    }
    return true;
}
