/* test_shared_files.c - who may use which shared mailbox, as Dovecot reads it. */
#include "with_mail.h"

#include "mail/shared_files.h"

#include <fcntl.h>
#include <sys/stat.h>

static char directory[64];
static struct shared_files *files;

static const char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static void share(const char *mailbox, const char *member, enum group_rows_rights rights)
{
    with_groups_shares[with_groups_shares_count++] =
        (struct with_groups_share){mailbox, member, rights};
}

static void begin(size_t bytes_max)
{
    const struct shared_files_settings settings = {
        .directory = directory, .wait_ms = 20, .bytes_max = bytes_max};
    files = shared_files_new(with_mail_loop, &with_mail_log, NULL, &settings);
}

static int start(void **state)
{
    (void)state;
    with_mail_start();
    with_groups_start();
    strcpy(directory, "/tmp/postern-shared-XXXXXX");
    assert_non_null(mkdtemp(directory));
    return 0;
}

static int stop(void **state)
{
    static const char *const NAMES[] = {"acl", "shared-mailboxes", "acl.new",
                                        "shared-mailboxes.new"};
    (void)state;
    shared_files_free(files);
    files = NULL;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        unlink(path_of(NAMES[i]));
    }
    assert_int_equal(rmdir(directory), 0);
    with_mail_stop();
    return 0;
}

static const char *text_of(const char *name)
{
    static char text[256 * 1024];
    int fd = open(path_of(name), O_RDONLY);
    ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    assert_true(length >= 0);
    text[length] = '\0';
    if (fd >= 0) {
        close(fd);
    }
    return text;
}

static void wait_reads(size_t count)
{
    while (with_mail_reads < count) {
        loop_turn(with_mail_loop, 5);
    }
    for (int i = 0; i < 5; i++) {
        loop_turn(with_mail_loop, 0);
    }
}

static void test_what_is_written(void **state)
{
    (void)state;
    share("a@example.com", "m@example.com", GROUP_ROWS_LOOK);
    share("a@example.com", "n@example.com", GROUP_ROWS_LOOK_AND_MARK);
    share("b@example.com", "m@example.com", GROUP_ROWS_FULL);
    share("star*@example.com", "m@example.com", GROUP_ROWS_FULL);
    share("what?@example.com", "m@example.com", GROUP_ROWS_FULL);
    begin(1 << 20);
    wait_reads(1);
    assert_string_equal(text_of("acl"), "Shared/a@example.com user=m@example.com lr\n"
                                        "Shared/a@example.com/* user=m@example.com lr\n"
                                        "Shared/a@example.com user=n@example.com lrs\n"
                                        "Shared/a@example.com/* user=n@example.com lrs\n"
                                        "Shared/b@example.com user=m@example.com lrwstipekx\n"
                                        "Shared/b@example.com/* user=m@example.com lrwstipekx\n");
    assert_string_equal(text_of("shared-mailboxes"),
                        "shared/shared-boxes/user/m@example.com/a@example.com\n1\n"
                        "shared/shared-boxes/user/n@example.com/a@example.com\n1\n"
                        "shared/shared-boxes/user/m@example.com/b@example.com\n1\n");
    assert_int_equal(with_mail_logged("shared_files_left_out count=2"), 1);
    struct stat status;
    assert_int_equal(stat(path_of("acl"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0644);
}

/* Without any shared mailbox there are empty files: Dovecot would complain of missing ones. */
static void test_nothing_is_shared(void **state)
{
    (void)state;
    begin(1 << 20);
    wait_reads(1);
    struct stat status;
    assert_int_equal(stat(path_of("acl"), &status), 0);
    assert_int_equal(status.st_size, 0);
    assert_int_equal(stat(path_of("shared-mailboxes"), &status), 0);
}

static void test_many_in_pages(void **state)
{
    (void)state;
    static char names[600][32];
    for (size_t i = 0; i < 600; i++) {
        snprintf(names[i], sizeof names[i], "m%03zu@example.com", i);
        share(i < 300 ? "a@example.com" : "b@example.com", names[i], GROUP_ROWS_LOOK);
    }
    begin(1 << 20);
    wait_reads(2);
    const char *text = text_of("acl");
    size_t lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')) != NULL; at++) {
        lines++;
    }
    assert_int_equal(lines, 1200);
    assert_non_null(strstr(text_of("acl"), "Shared/b@example.com user=m599@example.com lr\n"));
}

static ino_t number_of(const char *name)
{
    struct stat status;
    assert_int_equal(stat(path_of(name), &status), 0);
    return status.st_ino;
}

static void test_changes_are_gathered(void **state)
{
    (void)state;
    share("a@example.com", "m@example.com", GROUP_ROWS_LOOK);
    begin(1 << 20);
    wait_reads(1);
    ino_t acl = number_of("acl");
    for (int i = 0; i < 1000; i++) {
        shared_files_touch(files);
    }
    wait_reads(2);
    assert_int_equal(number_of("acl"), acl); /* as it was: left alone */
    loop_turn(with_mail_loop, 60);
    assert_int_equal(with_mail_reads, 2);
    with_groups_shares[0].rights = GROUP_ROWS_FULL;
    int held = open(path_of("shared-mailboxes"), O_RDONLY);
    shared_files_touch(files);
    wait_reads(3);
    assert_non_null(strstr(text_of("acl"), "lrwstipekx"));
    struct stat same;
    assert_int_equal(fstat(held, &same), 0);
    assert_int_equal(same.st_ino, number_of("shared-mailboxes")); /* that one says the same */
    close(held);
}

/* A change while it is read is not missed. */
static void test_a_change_in_between(void **state)
{
    (void)state;
    share("a@example.com", "m@example.com", GROUP_ROWS_LOOK);
    with_mail_read_stalls = true;
    begin(1 << 20);
    while (with_mail_reads == 0) {
        loop_turn(with_mail_loop, 5);
    }
    shared_files_touch(files);
    with_mail_read_stalls = false;
    loop_later(with_mail_loop, &with_mail_read.later);
    wait_reads(2);
    assert_non_null(strstr(text_of("acl"), "m@example.com lr\n"));
}

static void test_trouble(void **state)
{
    (void)state;
    share("a@example.com", "m@example.com", GROUP_ROWS_LOOK);
    begin(1 << 20);
    wait_reads(1);
    with_groups_shares[0].rights = GROUP_ROWS_FULL;
    with_mail_read_fails = true;
    shared_files_touch(files);
    wait_reads(2);
    assert_int_equal(with_mail_logged("shared_files_failed"), 1);
    assert_non_null(strstr(text_of("acl"), "m@example.com lr\n")); /* the old one stays */
    with_mail_read_fails = false;
    shared_files_free(files);
    begin(60); /* too small for it */
    wait_reads(3);
    assert_int_equal(with_mail_logged("there are too many members"), 1);
    assert_non_null(strstr(text_of("acl"), "m@example.com lr\n"));
    shared_files_free(files);
    assert_int_equal(mkdir(path_of("acl.new"), 0700), 0); /* in the way */
    begin(1 << 20);
    wait_reads(4);
    assert_int_equal(with_mail_logged("shared_files_failed"), 3);
    assert_int_equal(rmdir(path_of("acl.new")), 0);
    shared_files_free(files);
    with_mail_read_stalls = true;
    begin(1 << 20);
    while (with_mail_reads == 4) {
        loop_turn(with_mail_loop, 5);
    }
    shared_files_free(files);
    files = NULL;
    assert_int_equal(with_mail_cancels, 1);
    shared_files_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_is_written, start, stop),
        cmocka_unit_test_setup_teardown(test_nothing_is_shared, start, stop),
        cmocka_unit_test_setup_teardown(test_many_in_pages, start, stop),
        cmocka_unit_test_setup_teardown(test_changes_are_gathered, start, stop),
        cmocka_unit_test_setup_teardown(test_a_change_in_between, start, stop),
        cmocka_unit_test_setup_teardown(test_trouble, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
