/* with_config.h - postern.conf written to a directory of this test's own, and read. */
#ifndef WITH_CONFIG_H
#define WITH_CONFIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "config/config.h"

static char directory[64], path[96];

static inline int group_setup(void **state)
{
    (void)state;
    snprintf(directory, sizeof(directory), "/tmp/pc-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof(path), "%s/postern.conf", directory);
    return 0;
}

static inline int group_teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static inline void file_write(const char *name, const char *text, mode_t mode)
{
    FILE *file = fopen(name, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    assert_int_equal(fclose(file), 0);
}

/* From a file that everybody can read. */
static inline bool load(const char *text, const char *const *env, struct config *config,
                        struct error *error)
{
    file_write(path, text, 0644);
    return config_load(path, env, config, error);
}

/* From a file that nobody else can read. */
static inline void load_good(const char *text, const char *const *env, struct config *config)
{
    struct error error;
    file_write(path, text, 0600);
    if (!config_load(path, env, config, &error)) {
        fail_msg("%s: %s", text, error.text);
    }
}

static inline void assert_holds(const char *text, const char *part)
{
    if (strstr(text, part) == NULL) {
        fail_msg("\"%s\" is not in \"%s\"", part, text);
    }
}

#endif
