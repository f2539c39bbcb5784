/* cli_time.h - spans of time and moments, as people write them. */
#ifndef CLI_CLI_TIME_H
#define CLI_CLI_TIME_H

#include <stdbool.h>
#include <stdint.h>

/* "90s", "30m", "12h", "7d", "2w", a bare 0: seconds, at most 100 years. */
bool cli_time_span(const char *text, int64_t *seconds);
/* A span before `now` ("2d"), or a date or time of UTC: "2026-11-24", "2026-11-24T03:05", "2026-11-24T03:05:57Z". */
bool cli_time_since(const char *text, int64_t now, int64_t *seconds);
/* "2026-11-24T03:05:57Z" to seconds; false for anything else. */
bool cli_time_read(const char *text, int64_t *seconds);

#endif
