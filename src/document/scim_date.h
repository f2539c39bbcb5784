/* scim_date.h - xsd:dateTime as SCIM writes it, for comparing: with fractions and offsets (RFC 7643, 2.3.5). Pure. */
#ifndef DOCUMENT_SCIM_DATE_H
#define DOCUMENT_SCIM_DATE_H

#include "base/span.h"

struct scim_date {
    int64_t seconds;     /* since 1970, UTC */
    int32_t nanoseconds; /* further digits are dropped */
};

/* "2026-11-24T03:05:57Z", "2026-11-23T20:05:57.8617979-07:00"; without an offset it is UTC. Date and time are both needed. */
bool scim_date_read(struct span text, struct scim_date *date);
/* Below, at or above zero. */
int scim_date_compare(struct scim_date a, struct scim_date b);

#endif
