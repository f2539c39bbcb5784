/* cli_ask.c - questions to the person at the terminal, and secrets from standard input. */
#include "cli/cli_ask.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { LINE_SIZE = 1100 };

bool cli_ask_possible(void)
{
    return isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1;
}

static bool read_line(char *line, size_t size)
{
    if (fgets(line, (int)size, stdin) == NULL) {
        line[0] = '\0';
        return false;
    }
    size_t length = strcspn(line, "\r\n");
    bool whole = line[length] != '\0' || feof(stdin) != 0;
    line[length] = '\0';
    return whole;
}

void cli_ask_line(const char *question, char *answer, size_t size)
{
    fputs(question, stderr);
    (void)read_line(answer, size);
}

bool cli_ask_yes(const char *question)
{
    char answer[16];
    cli_ask_line(question, answer, sizeof answer);
    return strcmp(answer, "y") == 0 || strcmp(answer, "yes") == 0;
}

static bool read_hidden(const char *question, char *line, size_t size)
{
    struct termios shown, hidden;
    if (tcgetattr(STDIN_FILENO, &shown) != 0) {
        return false;
    }
    hidden = shown;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
    fputs(question, stderr);
    bool whole = read_line(line, size);
    tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    fputc('\n', stderr);
    return whole;
}

static bool ask_twice(const char *what, char *line)
{
    char question[64], again[LINE_SIZE];
    snprintf(question, sizeof question, "New %s: ", what);
    bool good = read_hidden(question, line, LINE_SIZE);
    snprintf(question, sizeof question, "The same %s again: ", what);
    good = good && read_hidden(question, again, sizeof again);
    if (good && strcmp(line, again) != 0) {
        fputs("postern: the two differ: nothing was changed\n", stderr);
        good = false;
    }
    secret_wipe(again, sizeof again);
    return good;
}

bool cli_ask_secret(const char *what, struct secret *secret)
{
    char line[LINE_SIZE];
    bool asked = cli_ask_possible();
    bool good = asked ? ask_twice(what, line) : read_line(line, sizeof line);
    if (good && line[0] == '\0') {
        fprintf(stderr, "postern: no %s on standard input\n", what);
        good = false;
    } else if (!good && !asked) {
        fprintf(stderr, "postern: the %s must be one line of at most %d bytes on standard input\n",
                what, LINE_SIZE - 2);
    }
    if (good) {
        *secret = secret_new(span_of(line));
    }
    secret_wipe(line, sizeof line);
    return good;
}

/* Terminals hand on lines of at most 4,095 bytes: a longer token must come through a pipe. */
bool cli_ask_token(struct secret *token)
{
    char *line = memory_new(1, CLI_ASK_TOKEN_MAX + 2);
    bool whole = cli_ask_possible() ? read_hidden("Token: ", line, CLI_ASK_TOKEN_MAX + 2)
                                    : read_line(line, CLI_ASK_TOKEN_MAX + 2);
    struct span text = span_trim(span_of(line));
    if (!whole && !span_empty(text)) {
        fprintf(stderr,
                "postern: the token must be one line of at most %d bytes on standard input\n",
                CLI_ASK_TOKEN_MAX);
    } else if (span_empty(text)) {
        fputs("postern: no token on standard input\n", stderr);
        whole = false;
    } else {
        *token = secret_new(text);
    }
    secret_wipe(line, CLI_ASK_TOKEN_MAX + 2);
    memory_free(line);
    return whole;
}
