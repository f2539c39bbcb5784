/* purge.h - `postern purge` and `postern account deleted`: mail of deleted accounts, and its end. */
#ifndef CLI_PURGE_H
#define CLI_PURGE_H

#include "cli/cli_options.h"

/* Removes what is kept of deleted accounts once their retention is over and no brake holds. For each account: a mark
 * (purge_marks.h), the daemon's word that nothing can re-attach the mail any more, the files, the mark away. Whatever ends it in
 * between, the next run goes on. Never: a home outside the mail root, or one that another account uses. */
enum cli_exit purge(const struct cli_options *options);
enum cli_exit purge_list(const struct cli_options *options); /* postern account deleted */

#endif
