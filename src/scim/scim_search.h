/* scim_search.h - the body of .search: a SearchRequest (RFC 7644, 3.4.3). Internal to scim/. */
#ifndef SCIM_SCIM_SEARCH_H
#define SCIM_SCIM_SEARCH_H

#include "scim/scim_call.h"

/* Fills what the query of a GET fills. false: `error` says why not. */
bool scim_search_read(struct scim_call *call, struct scim_error *error);

#endif
