/* metrics.c - counters, histograms and gauges, and their Prometheus text. */
#include "base/metrics.h"

#include "base/memory.h"
#include "base/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { NUMBER_MAX = 40 };

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_HISTOGRAM };

struct metrics_series {
    struct metrics_family *family;
    char *values[METRICS_LABELS_MAX];
    uint64_t count;    /* counters; histograms: all observations */
    double value;      /* gauges and totals; histograms: the sum */
    uint64_t *buckets; /* histograms: one for each bound, not cumulated */
};

struct metrics_family {
    struct metrics *metrics;
    const char *name, *help;
    enum kind kind;
    const char *labels[METRICS_LABELS_MAX];
    size_t labels_count;
    const double *bounds;
    size_t bounds_count;
    metrics_gauge_fn *fn; /* NULL: counted here */
    void *context;
    struct metrics_series **series; /* sorted by their values */
    size_t count, room;
};

struct metrics {
    struct metrics_family **families;
    size_t count;
};

/* -- series -- */

static const char *const others[METRICS_LABELS_MAX] = {"other", "other", "other", "other", "other"};
_Static_assert(METRICS_LABELS_MAX == 5, "a value for each label");

static const char *value_at(const char *const *values, size_t i)
{
    return values == NULL || values[i] == NULL ? "" : values[i];
}

static int compare(const struct metrics_series *series, const char *const *values)
{
    int order = 0;
    for (size_t i = 0; order == 0 && i < series->family->labels_count; i++) {
        order = strcmp(series->values[i], value_at(values, i));
    }
    return order;
}

/* Where `values` stand, or would. */
static size_t find(const struct metrics_family *family, const char *const *values, bool *there)
{
    size_t low = 0, high = family->count;
    *there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(family->series[middle], values);
        if (order == 0) {
            *there = true;
            return middle;
        }
        low = order < 0 ? middle + 1 : low;
        high = order < 0 ? high : middle;
    }
    return low;
}

static struct metrics_series *add(struct metrics_family *family, size_t at,
                                  const char *const *values)
{
    struct metrics_series *series = MEMORY_NEW(struct metrics_series);
    series->family = family;
    for (size_t i = 0; i < family->labels_count; i++) {
        series->values[i] = memory_text(value_at(values, i));
    }
    if (family->bounds_count > 0) {
        series->buckets = memory_new(family->bounds_count, sizeof *series->buckets);
    }
    if (family->count == family->room) {
        family->room = family->room == 0 ? 8 : family->room * 2;
        family->series =
            memory_resize(family->series, family->room * sizeof(struct metrics_series *));
    }
    memmove(&family->series[at + 1], &family->series[at],
            (family->count - at) * sizeof(struct metrics_series *));
    family->series[at] = series;
    family->count++;
    return series;
}

static void free_series(struct metrics_series *series)
{
    for (size_t i = 0; i < series->family->labels_count; i++) {
        memory_free(series->values[i]);
    }
    memory_free(series->buckets);
    memory_free(series);
}

struct metrics_series *metrics_series(struct metrics_family *family, const char *const *values)
{
    bool there;
    if (family == NULL) {
        return NULL;
    }
    size_t at = find(family, values, &there);
    if (!there && family->count >= METRICS_SERIES_MAX - 1) {
        values = others; /* the last place is theirs */
        at = find(family, values, &there);
    }
    return there ? family->series[at] : add(family, at, values);
}

/* -- counting -- */

void metrics_series_count(struct metrics_series *series, uint64_t count)
{
    if (series != NULL) {
        assert(series->family->kind == KIND_COUNTER && series->family->fn == NULL);
        series->count += count;
    }
}

void metrics_series_observe(struct metrics_series *series, double seconds)
{
    if (series == NULL) {
        return;
    }
    const struct metrics_family *family = series->family;
    assert(family->kind == KIND_HISTOGRAM && seconds >= 0);
    size_t bucket = 0;
    while (bucket < family->bounds_count && seconds > family->bounds[bucket]) {
        bucket++;
    }
    if (bucket < family->bounds_count) {
        series->buckets[bucket]++;
    }
    series->count++;
    series->value += seconds;
}

void metrics_count(struct metrics_family *family, const char *const *values, uint64_t count)
{
    metrics_series_count(metrics_series(family, values), count);
}

void metrics_observe(struct metrics_family *family, const char *const *values, double seconds)
{
    metrics_series_observe(metrics_series(family, values), seconds);
}

void metrics_gauge_say(struct metrics_family *family, const char *const *values, double value)
{
    assert(family->fn != NULL);
    metrics_series(family, values)->value += value; /* what is counted as "other" adds up */
}

/* -- families -- */

static struct metrics_family *add_family(struct metrics *metrics, const char *name,
                                         const char *help, enum kind kind,
                                         const char *const *labels)
{
    struct metrics_family *family = MEMORY_NEW(struct metrics_family);
    *family = (struct metrics_family){.metrics = metrics, .name = name, .help = help, .kind = kind};
    for (; labels != NULL && labels[family->labels_count] != NULL; family->labels_count++) {
        assert(family->labels_count < METRICS_LABELS_MAX);
        family->labels[family->labels_count] = labels[family->labels_count];
    }
    size_t at = metrics->count;
    for (; at > 0 && strcmp(metrics->families[at - 1]->name, name) >= 0; at--) {
        assert(strcmp(metrics->families[at - 1]->name, name) != 0);
    }
    metrics->families =
        memory_resize(metrics->families, (metrics->count + 1) * sizeof(struct metrics_family *));
    memmove(&metrics->families[at + 1], &metrics->families[at],
            (metrics->count - at) * sizeof(struct metrics_family *));
    metrics->families[at] = family;
    metrics->count++;
    return family;
}

/* What has no labels is there from the start, so that nobody takes "none yet" for "not known". */
static struct metrics_family *begun(struct metrics_family *family)
{
    if (family->labels_count == 0) {
        metrics_series(family, NULL);
    }
    return family;
}

struct metrics_family *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                       const char *const *labels)
{
    return begun(add_family(metrics, name, help, KIND_COUNTER, labels));
}

struct metrics_family *metrics_histogram(struct metrics *metrics, const char *name,
                                         const char *help, const char *const *labels,
                                         const double *bounds, size_t bounds_count)
{
    struct metrics_family *family = add_family(metrics, name, help, KIND_HISTOGRAM, labels);
    for (size_t i = 1; i < bounds_count; i++) {
        assert(bounds[i] > bounds[i - 1]);
    }
    family->bounds = bounds;
    family->bounds_count = bounds_count;
    return begun(family);
}

void metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                   const char *const *labels, metrics_gauge_fn *fn, void *context)
{
    struct metrics_family *family = add_family(metrics, name, help, KIND_GAUGE, labels);
    family->fn = fn;
    family->context = context;
}

void metrics_total(struct metrics *metrics, const char *name, const char *help,
                   const char *const *labels, metrics_gauge_fn *fn, void *context)
{
    struct metrics_family *family = add_family(metrics, name, help, KIND_COUNTER, labels);
    family->fn = fn;
    family->context = context;
}

/* -- the text -- */

/* Of both kinds of text the format escapes the backslash and the end of line, of values the quote too. */
static void write_escaped(struct buffer *text, const char *value, bool quoted)
{
    for (struct span rest = span_of(value); rest.length > 0; rest = span_from(rest, 1)) {
        char byte = (char)span_at(rest, 0);
        if (byte == '\n') {
            buffer_add_text(text, "\\n");
        } else if (byte == '\\' || (quoted && byte == '"')) {
            buffer_add_byte(text, '\\');
            buffer_add_byte(text, byte);
        } else {
            buffer_add_byte(text, byte);
        }
    }
}

/* One that is not UTF-8 would make a reader throw away the whole page. */
static void write_label(struct buffer *text, const char *name, const char *value, bool *first)
{
    buffer_add_text(text, *first ? "{" : ",");
    buffer_add_text(text, name);
    buffer_add_text(text, "=\"");
    write_escaped(text, text_utf8(span_of(value)) ? value : "invalid", true);
    buffer_add_byte(text, '"');
    *first = false;
}

static void number_text(double number, char out[NUMBER_MAX])
{
    snprintf(out, NUMBER_MAX, "%.15g", number);
}

/* `name`, `suffix`, the labels, and with `bound` also le="…". */
static void write_head(struct buffer *text, const struct metrics_series *series, const char *suffix,
                       const char *bound)
{
    const struct metrics_family *family = series->family;
    bool first = true;
    buffer_add_text(text, family->name);
    buffer_add_text(text, suffix);
    for (size_t i = 0; i < family->labels_count; i++) {
        write_label(text, family->labels[i], series->values[i], &first);
    }
    if (bound != NULL) {
        write_label(text, "le", bound, &first);
    }
    buffer_add_text(text, first ? " " : "} ");
}

static void write_count(struct buffer *text, uint64_t count)
{
    buffer_format(text, "%llu\n", (unsigned long long)count);
}

static void write_value(struct buffer *text, double value)
{
    char number[NUMBER_MAX];
    number_text(value, number);
    buffer_add_text(text, number);
    buffer_add_byte(text, '\n');
}

static void write_histogram(struct buffer *text, const struct metrics_series *series)
{
    uint64_t below = 0;
    for (size_t i = 0; i < series->family->bounds_count; i++) {
        char bound[NUMBER_MAX];
        number_text(series->family->bounds[i], bound);
        below += series->buckets[i];
        write_head(text, series, "_bucket", bound);
        write_count(text, below);
    }
    write_head(text, series, "_bucket", "+Inf");
    write_count(text, series->count);
    write_head(text, series, "_sum", NULL);
    write_value(text, series->value);
    write_head(text, series, "_count", NULL);
    write_count(text, series->count);
}

static void write_series(struct buffer *text, const struct metrics_series *series)
{
    if (series->family->kind == KIND_HISTOGRAM) {
        write_histogram(text, series);
        return;
    }
    write_head(text, series, "", NULL);
    if (series->family->fn != NULL) {
        write_value(text, series->value);
    } else {
        write_count(text, series->count);
    }
}

static void forget_series(struct metrics_family *family)
{
    for (size_t i = 0; i < family->count; i++) {
        free_series(family->series[i]);
    }
    family->count = 0;
}

static void write_family(struct buffer *text, struct metrics_family *family)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    if (family->fn != NULL) {
        forget_series(family);
        family->fn(family, family->context);
    }
    if (family->count == 0) {
        return;
    }
    buffer_add_text(text, "# HELP ");
    buffer_add_text(text, family->name);
    buffer_add_byte(text, ' ');
    write_escaped(text, family->help, false);
    buffer_add_text(text, "\n# TYPE ");
    buffer_add_text(text, family->name);
    buffer_add_byte(text, ' ');
    buffer_add_text(text, types[family->kind]);
    buffer_add_byte(text, '\n');
    for (size_t i = 0; i < family->count; i++) {
        write_series(text, family->series[i]);
    }
}

void metrics_write(struct metrics *metrics, struct buffer *text)
{
    for (size_t i = 0; i < metrics->count; i++) {
        write_family(text, metrics->families[i]);
    }
}

/* -- life -- */

struct metrics *metrics_new(void)
{
    return MEMORY_NEW(struct metrics);
}

void metrics_free(struct metrics *metrics)
{
    if (metrics == NULL) {
        return;
    }
    for (size_t i = 0; i < metrics->count; i++) {
        forget_series(metrics->families[i]);
        memory_free(metrics->families[i]->series);
        memory_free(metrics->families[i]);
    }
    memory_free(metrics->families);
    memory_free(metrics);
}
