/* scim_list.h - lists: GET and .search of users, of groups, and of both (RFC 7644, 3.4.2 and 3.4.3). Internal to scim/.
 *
 * A page of all costs what it shows: positions come from account/resource_index. A filter with an equality that rows
 * have an index for reads a few rows; any other one, and sorting, reads all in the order of their numbers, a batch
 * after the other, one such list at a time for each client. */
#ifndef SCIM_SCIM_LIST_H
#define SCIM_SCIM_LIST_H

#include "scim/scim_call.h"

void scim_list_get(struct scim_call *call);    /* of the route's type; none: of both */
void scim_list_search(struct scim_call *call); /* POST with a SearchRequest */

#endif
