/* purge_tree.h - takes a directory tree away, and nothing beside it.
 *
 * Whoever owns mail may have put anything into it: symbolic links are removed, never followed, nor is a mount point entered; every
 * step starts from a directory that is held open, so what is moved or replaced meanwhile leads nowhere else. */
#ifndef CLI_PURGE_TREE_H
#define CLI_PURGE_TREE_H

#include "base/error.h"

enum purge_tree_result {
    PURGE_TREE_FAILED, /* the error says why; some of it may be gone: try again */
    PURGE_TREE_MISSING,
    PURGE_TREE_REMOVED,
};

/* `path` is below the directory `root`, without "." and "..", and not empty (asserted). */
enum purge_tree_result purge_tree(int root, const char *path, struct error *error);

#endif
