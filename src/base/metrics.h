/* metrics.h - counters, histograms and gauges, and their Prometheus text (exposition format 0.0.4).
 *
 * Everything belongs to the loop's thread; counting is an addition. Label values that come from outside are
 * mapped to known ones by the caller; a family holds at most METRICS_SERIES_MAX series, and what would be one
 * more is counted in a series whose labels are all "other". */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include "base/buffer.h"

#include <stdint.h>

enum { METRICS_LABELS_MAX = 5, METRICS_SERIES_MAX = 2000, METRICS_TEXT_MAX = 4 * 1024 * 1024 };

struct metrics;
struct metrics_family;
struct metrics_series;

struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics); /* takes NULL */

/* Families, once, at start. `name` as Prometheus shows it ("postern_logins_total"); `labels` are the label names,
 * NULL-terminated, or NULL. Literals all of them. */
struct metrics_family *metrics_counter(struct metrics *metrics, const char *name, const char *help,
                                       const char *const *labels);
/* `bounds` in seconds, growing; kept by the caller. */
struct metrics_family *metrics_histogram(struct metrics *metrics, const char *name,
                                         const char *help, const char *const *labels,
                                         const double *bounds, size_t bounds_count);
/* Read when somebody looks: calls fn once for each scrape, which calls metrics_gauge_say() for each series. */
typedef void metrics_gauge_fn(struct metrics_family *family, void *context);
void metrics_gauge(struct metrics *metrics, const char *name, const char *help,
                   const char *const *labels, metrics_gauge_fn *fn, void *context);
/* The same for a number that only grows and is counted elsewhere. */
void metrics_total(struct metrics *metrics, const char *name, const char *help,
                   const char *const *labels, metrics_gauge_fn *fn, void *context);
void metrics_gauge_say(struct metrics_family *family, const char *const *values, double value);

/* `values`: one for each label, in their order. A NULL family counts nothing (tests). */
void metrics_count(struct metrics_family *family, const char *const *values, uint64_t count);
void metrics_observe(struct metrics_family *family, const char *const *values, double seconds);
/* A series to keep, for what counts often: metrics_count() without the search. Lives as long as the metrics. */
struct metrics_series *metrics_series(struct metrics_family *family, const char *const *values);
void metrics_series_count(struct metrics_series *series, uint64_t count);
void metrics_series_observe(struct metrics_series *series, double seconds);

void metrics_write(struct metrics *metrics, struct buffer *text); /* escaped, sorted, complete */

#endif
