/* scim_filter_match.c - whether a resource, or one value of a list, matches a filter. */
#include "base/memory.h"
#include "document/scim_filter.h"
#include "document/scim_resource.h"

/* What a filter is asked about: a whole resource, or one element. */
struct asked {
    const struct json *value;
    bool element;
};

static bool match(const struct scim_filter *filter, struct asked asked);

/* -- values -- */

static bool is_ascii(struct span text)
{
    unsigned seen = 0;
    for (size_t i = 0; i < text.length; i++) {
        seen |= (unsigned char)text.at[i];
    }
    return seen < 0x80;
}

static bool has(enum scim_filter_operator compare, struct span text, struct span wanted)
{
    switch (compare) {
    case SCIM_FILTER_EQ:
    case SCIM_FILTER_NE:
        return span_equal(text, wanted);
    case SCIM_FILTER_CO:
        return span_empty(wanted) || span_search(text, wanted) < text.length;
    case SCIM_FILTER_SW:
        return span_equal(span_first(text, wanted.length), wanted);
    case SCIM_FILTER_EW:
        return text.length >= wanted.length &&
               span_equal(span_from(text, text.length - wanted.length), wanted);
    case SCIM_FILTER_GT:
        return span_compare(text, wanted) > 0;
    case SCIM_FILTER_LT:
        return span_compare(text, wanted) < 0;
    case SCIM_FILTER_GE:
        return span_compare(text, wanted) >= 0;
    case SCIM_FILTER_LE:
        return span_compare(text, wanted) <= 0;
    }
    return false;
}

static bool match_text(const struct scim_schema_attribute *leaf, const struct scim_filter *filter,
                       struct span text)
{
    const struct scim_filter_value *wanted = &filter->value;
    if (leaf->exact) {
        return has(filter->compare, text, wanted->text);
    }
    /* The common question needs no copy. */
    if (filter->compare == SCIM_FILTER_EQ && is_ascii(text)) {
        return span_equal_fold(text, wanted->folded);
    }
    CLEANUP(arena_done) struct arena arena = {0};
    return has(filter->compare, scim_resource_fold(text, &arena), wanted->folded);
}

/* `order`: below, at or above zero, as the value is below, at or above what is wanted. */
static bool is_ordered(enum scim_filter_operator compare, int order)
{
    bool equality = compare == SCIM_FILTER_EQ || compare == SCIM_FILTER_NE;
    return (equality && order == 0) || (compare == SCIM_FILTER_GT && order > 0) ||
           (compare == SCIM_FILTER_LT && order < 0) || (compare == SCIM_FILTER_GE && order >= 0) ||
           (compare == SCIM_FILTER_LE && order <= 0);
}

static bool match_number(const struct scim_filter *filter, const struct json *value)
{
    const struct scim_filter_value *wanted = &filter->value;
    bool whole;
    int64_t integer;
    double number;
    if (!json_value_number(value, &whole, &integer, &number)) {
        return false;
    }
    int order = whole && wanted->whole ? (integer > wanted->integer) - (integer < wanted->integer)
                                       : (number > wanted->number) - (number < wanted->number);
    return is_ordered(filter->compare, order);
}

static bool match_date(const struct scim_schema_attribute *leaf, const struct scim_filter *filter,
                       struct span text)
{
    struct scim_date date;
    if (filter->compare == SCIM_FILTER_CO || filter->compare == SCIM_FILTER_SW ||
        filter->compare == SCIM_FILTER_EW) {
        return match_text(leaf, filter, text);
    }
    return scim_date_read(text, &date) &&
           is_ordered(filter->compare, scim_date_compare(date, filter->value.date));
}

/* `ne` as `eq`: the caller turns the answer round. */
static bool match_value(const struct scim_schema_attribute *leaf, const struct scim_filter *filter,
                        const struct json *value)
{
    if (leaf->type == SCIM_SCHEMA_BOOLEAN) {
        return json_kind(value) == filter->value.kind;
    }
    if (leaf->type == SCIM_SCHEMA_INTEGER || leaf->type == SCIM_SCHEMA_DECIMAL) {
        return match_number(filter, value);
    }
    if (json_kind(value) != JSON_KIND_TEXT) {
        return false;
    }
    return leaf->type == SCIM_SCHEMA_DATETIME ? match_date(leaf, filter, json_value_text(value))
                                              : match_text(leaf, filter, json_value_text(value));
}

/* -- conditions -- */

/* RFC 7644, 3.4.2.2: `pr` is a value that is not empty, or a part that is not. */
static bool is_present(const struct json *value)
{
    struct json_cursor cursor = {0};
    switch (json_kind(value)) {
    case JSON_KIND_TRUE:
    case JSON_KIND_FALSE:
    case JSON_KIND_NUMBER:
        return true;
    case JSON_KIND_TEXT:
        return !span_empty(json_value_text(value));
    case JSON_KIND_ARRAY:
        for (size_t i = 0; i < json_size(value); i++) {
            if (is_present(json_item(value, i))) {
                return true;
            }
        }
        return false;
    case JSON_KIND_OBJECT:
        while (json_next(value, &cursor)) {
            if (is_present(cursor.value)) {
                return true;
            }
        }
        return false;
    case JSON_KIND_NULL:
    case JSON_KIND_ABSENT:
        break;
    }
    return false;
}

/* Of the attribute's value, or of one element: the part that is asked for. NULL: none. */
static const struct json *part_of(const struct scim_path *path, const struct json *value)
{
    if (path->part != NULL) {
        return json_member(value, path->part->name);
    }
    return span_empty(path->part_name) ? value : NULL;
}

/* One value against the condition. `eq null` and `ne null` ask whether it is there. */
static bool match_one(const struct scim_filter *filter, const struct json *value)
{
    const struct scim_schema_attribute *leaf = scim_filter_leaf(&filter->path);
    const struct json *part = leaf == NULL ? NULL : part_of(&filter->path, value);
    bool present = is_present(part);
    if (filter->kind == SCIM_FILTER_PRESENT) {
        return present;
    }
    bool negated = filter->compare == SCIM_FILTER_NE;
    if (filter->value.kind == JSON_KIND_NULL) {
        return present == negated;
    }
    if (leaf == NULL || part == NULL || json_kind(part) == JSON_KIND_NULL) {
        return negated;
    }
    return match_value(leaf, filter, part) != negated;
}

/* What the condition is about; NULL: no value. */
static const struct json *subject_of(const struct scim_filter *filter, struct asked asked)
{
    if (asked.element) {
        return filter->path.attribute == NULL ? NULL : asked.value;
    }
    return scim_path_value(&filter->path, asked.value);
}

/* N33: one value that matches is enough. No value at all is not equal to anything. */
static bool match_condition(const struct scim_filter *filter, struct asked asked)
{
    const struct json *subject = subject_of(filter, asked);
    if (filter->kind == SCIM_FILTER_PRESENT && filter->path.attribute == NULL && !asked.element) {
        return is_present(subject); /* a whole extension */
    }
    if (json_kind(subject) != JSON_KIND_ARRAY) {
        return match_one(filter, subject);
    }
    for (size_t i = 0; i < json_size(subject); i++) {
        if (match_one(filter, json_item(subject, i))) {
            return true;
        }
    }
    return json_size(subject) == 0 && match_one(filter, NULL);
}

static bool match_one_element(const struct scim_filter *filter, const struct json *element)
{
    struct asked asked = {element, true};
    return match(filter->left, asked) && (filter->right == NULL || match(filter->right, asked));
}

static bool match_element(const struct scim_filter *filter, struct asked asked)
{
    const struct json *subject = subject_of(filter, asked);
    if (json_kind(subject) == JSON_KIND_ARRAY) {
        for (size_t i = 0; i < json_size(subject); i++) {
            if (match_one_element(filter, json_item(subject, i))) {
                return true;
            }
        }
        return false;
    }
    return subject != NULL && match_one_element(filter, subject);
}

/* Chains lean to the right, so this calls itself only as deep as brackets stand. */
static bool match(const struct scim_filter *filter, struct asked asked)
{
    while (filter->kind == SCIM_FILTER_AND || filter->kind == SCIM_FILTER_OR) {
        bool left = match(filter->left, asked);
        if (left == (filter->kind == SCIM_FILTER_OR)) {
            return left;
        }
        filter = filter->right;
    }
    switch (filter->kind) {
    case SCIM_FILTER_NOT:
        return !match(filter->left, asked);
    case SCIM_FILTER_COMPARE:
    case SCIM_FILTER_PRESENT:
        return match_condition(filter, asked);
    case SCIM_FILTER_ELEMENT:
        return match_element(filter, asked);
    case SCIM_FILTER_AND:
    case SCIM_FILTER_OR:
        break;
    }
    return false;
}

bool scim_filter_match(const struct scim_filter *filter, const struct json *resource)
{
    return match(filter, (struct asked){resource, false});
}

bool scim_filter_match_element(const struct scim_filter *filter, const struct json *element)
{
    return match(filter, (struct asked){element, true});
}
