/* config.h - postern.conf and the environment, turned into every module's settings.
 *
 * One table (config_table.h) names each setting; the parser, the environment's names, `posternd
 * --settings` and the manual page all follow it. Reading is all or nothing: a configuration is complete
 * and checked, or there is none and an error that names file, line, setting and remedy. */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "account/password.h"
#include "auth/directory.h"
#include "auth/login.h"
#include "auth/throttle.h"
#include "base/buffer.h"
#include "base/error.h"
#include "base/log.h"
#include "scim/scim_routes.h"
#include "token/token_check.h"

#define CONFIG_PATH "/etc/postern/postern.conf"

enum { CONFIG_TEXT_MAX = 1024 * 1024, CONFIG_PROVIDERS_MAX = 64 };

/* Texts that may be left out are NULL when they are. */

/* A user or a group: a name or a number as it was written, and its number; -1: this system has none of
 * that name. */
struct config_id {
    char *name;
    int64_t number;
};

enum config_log { CONFIG_LOG_SYSLOG, CONFIG_LOG_STDERR };
enum config_format { CONFIG_FORMAT_MAILDIR, CONFIG_FORMAT_MDBOX };

struct config_dovecot {
    char *base_dir; /* NULL: no sockets for Dovecot */
    char *config;
    bool check;                   /* its service auth must be switched off */
    struct config_id user;        /* may ask for users on auth-userdb */
    struct config_id login_group; /* of base_dir/login */
};

struct config_postfix {
    char *queue_directory; /* NULL: no sockets for Postfix */
    char *config;          /* directory of main.cf; for `postern doctor` */
    struct config_id group;
};

/* What the rendered files of Postfix and Dovecot need to know beyond the rest (stack_files.h). */
struct config_stack {
    char *hostname;
    bool public; /* reached by others; false: a trial on loopback */
    char *tls_cert, *tls_key;
    int64_t port_smtp, port_submission, port_submissions;
    int64_t port_imap, port_imaps, port_pop3, port_pop3s, port_sieve;
    int64_t port_sieves; /* 0: none */
    int64_t message_size;
    bool chroot;
    char *postfix_user, *postfix_data, *postfix_log;
    char *dovecot_state, *dovecot_listen, *dovecot_log_chroot;
};

struct config_http {
    char *internal; /* "127.0.0.1:8026", "[::1]:8026" or "unix:/path"; NULL: no such listener */
    char *internal_secret, *internal_secret_file;
    char *public; /* "127.0.0.1:8025", "[::]:443", "unix:/path"; NULL: no such listener */
    /* Under which others reach it, without "/" at the end. Of a configuration with a listener never NULL: without the
     * setting it is made from the address. */
    char *public_url;
    char **trusted_proxies; /* addresses and networks whose X-Forwarded-For counts; may be NULL */
    char *public_tls_cert, *public_tls_cert_file; /* PEM, with its chain; NULL: no TLS */
    char *public_tls_key, *public_tls_key_file;
    size_t connections, connections_per_address, body;
    int64_t request_timeout_ms;
};

struct config_worker {
    int64_t heartbeat_ms, heartbeat_timeout_ms, start_timeout_ms, stop_timeout_ms;
    int64_t backoff_min_ms, backoff_max_ms;
    size_t fetches_max; /* connections to providers at once */
};

struct config {
    char *path;                   /* the file, or what stands for it in messages */
    struct config_id user, group; /* the worker's; group: the user's own when not set */
    char *run_directory;
    enum config_log log;
    char *log_socket;
    enum log_level log_level;
    struct provider_set *providers; /* config_take_providers() hands them on */
    struct token_settings tokens;
    char *store; /* "sqlite:/…" */
    size_t account_cache_bytes;
    struct change_settings changes;
    struct config_http http;
    struct scim_settings scim; /* without what [http] says of it: URL, body */
    struct login_settings login;
    struct throttle_settings throttle;
    struct password_settings passwords;
    struct directory_settings directory;
    struct config_id mail_user, mail_group;
    enum config_format mail_format;
    struct config_dovecot dovecot;
    struct config_postfix postfix;
    struct config_stack stack;
    struct config_worker worker;
    char **warnings; /* NULL-terminated: what an admin should hear at every start; may be NULL */
};

/* Reads the file at `path`, then the environment `env` ("NAME=value" texts, NULL-terminated; NULL: none) over
 * it, resolves names of users, reads secret files and checks what belongs together. A NULL `path` means
 * that there is no file: the environment alone. false: `config` is empty. */
bool config_load(const char *path, const char *const *env, struct config *config,
                 struct error *error);
/* The same from the text that config_print() made: the worker's way in. Touches no file. */
bool config_read(struct span text, struct config *config, struct error *error);
void config_free(struct config *config); /* in place; takes one that is all zeroes */

/* The whole configuration as postern.conf, complete and canonical: no defaults left out, names of users
 * as numbers, secrets in it. For the worker only; buffer_wipe() it. */
void config_print(const struct config *config, struct buffer *text);
/* One line for each setting: section.name TAB type TAB default TAB help. */
void config_describe(struct buffer *text);
/* What a running daemon cannot change stays as it is: moves those settings from `running` to `wanted`, which will
 * take its place, and names those that differed in `changed` ("user accounts.store"). Both stay complete. */
void config_keep(struct config *wanted, struct config *running, struct buffer *changed);
/* The providers now belong to the caller. */
struct provider_set *config_take_providers(struct config *config);

#endif
