/* test_stack_check.c - whether Dovecot's own auth service is off, judged from what doveconf prints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "config/stack_check.h"

#define OFF                                                                                 \
    "service auth {\n  chroot = \n  client_limit = 0\n"                                     \
    "  unix_listener auth-client {\n    group = \n    mode = 00\n    user = dovecot\n  }\n" \
    "  unix_listener login/login {\n    mode = 0\n  }\n"

static const struct {
    const char *doveconf;
    enum stack_check_dovecot answer;
    const char *says;
} cases[] = {
    {OFF "}\n", STACK_CHECK_OFF, NULL},
    {OFF "  user = dovecot\n  vsz_limit = 18446744073709551615 B\n}\n", STACK_CHECK_OFF, NULL},
    {OFF "  unix_listener auth-master {\n    mode = 0600\n  }\n}\n", STACK_CHECK_ON,
     "it has \"unix_listener auth-master\" with a mode other than 0; write `service auth { "
     "unix_listener auth-master { mode = 0 } }`"},
    /* Postfix's usual one, the seventh. */
    {OFF "  unix_listener /var/spool/postfix/private/auth {\n    group = postfix\n    mode = "
         "0660\n  }\n}\n",
     STACK_CHECK_ON, "unix_listener /var/spool/postfix/private/auth"},
    {OFF "  fifo_listener x {\n    mode = 0600\n  }\n}\n", STACK_CHECK_ON, "fifo_listener x"},
    {OFF "  inet_listener {\n    address = \n    port = 12345\n  }\n}\n", STACK_CHECK_ON,
     "inet_listener"},
    {OFF "  inet_listener a {\n    address = \n    port = 0\n  }\n}\n", STACK_CHECK_OFF, NULL},
    /* A mode outside any listener is not a listener's. */
    {OFF "  mode = 0600\n  port = 7\n}\n", STACK_CHECK_OFF, NULL},
    {"service auth {\n  chroot = \n}\n", STACK_CHECK_FAILED, "no listener"},
    {"", STACK_CHECK_FAILED, "no listener"},
};

static void test_listeners(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct error error = {""};
        enum stack_check_dovecot answer = stack_check_listeners(span_of(cases[i].doveconf), &error);
        if (answer != cases[i].answer) {
            fail_msg("%s: %d", cases[i].doveconf, (int)answer);
        }
        if (cases[i].says != NULL && strstr(error.text, cases[i].says) == NULL) {
            fail_msg("\"%s\" is not in \"%s\"", cases[i].says, error.text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listeners),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
