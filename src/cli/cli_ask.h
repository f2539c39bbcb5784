/* cli_ask.h - questions to the person at the terminal, and secrets from standard input. */
#ifndef CLI_CLI_ASK_H
#define CLI_CLI_ASK_H

#include "base/secret.h"

#include <stdbool.h>

/* Whether there is a person: standard input and standard error are a terminal. */
bool cli_ask_possible(void);
/* "… [y/N] "; false for anything but yes. */
bool cli_ask_yes(const char *question);
/* One line, without its end; empty for none. Cut at `size`. */
void cli_ask_line(const char *question, char *answer, size_t size);
/* A secret that must not be an argument: at a terminal asked for twice without echo, else one line of standard
 * input. false: said why on standard error. */
bool cli_ask_secret(const char *what, struct secret *secret);
/* A token: one line of standard input, at a terminal asked for once without echo; at most CLI_ASK_TOKEN_MAX bytes,
 * blanks around it taken off. false: said why on standard error. */
enum { CLI_ASK_TOKEN_MAX = 64 * 1024 };
bool cli_ask_token(struct secret *token);

#endif
