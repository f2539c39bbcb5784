/* config_table.c - every setting once: name, type, default, limits, help. */
#include "config/config_table.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define AT(field)       offsetof(struct config, field)
#define PROVIDER(field) offsetof(struct config_table_provider, field)

enum { KIB = 1024, PEM_MAX = 16 * KIB, CHAIN_MAX = 64 * KIB, MIB = 1024 * KIB };
#define GIB (1024LL * 1024 * KIB)
enum { SECOND = 1000, MINUTE = 60 * SECOND, HOUR = 60 * MINUTE, DAY = 24 * HOUR, PORT_MAX = 65535 };

/* clang-format off */
const struct config_table_setting config_table[] = {
    { "", "user", CONFIG_TABLE_USER, "postern", AT(user), 0, 0, NULL,
      "user of the worker, by name or number", true },
    { "", "group", CONFIG_TABLE_GROUP, "", AT(group), 0, 0, NULL,
      "its group; the user's own when empty", true },
    { "", "run_directory", CONFIG_TABLE_PATH, "/run/postern", AT(run_directory), 0, 60, NULL,
      "directory of the sockets, owned by root", true },
    { "", "log", CONFIG_TABLE_CHOICE, "syslog", AT(log), 0, 0, "syslog|stderr",
      "where log lines go: syslog (facility mail) or stderr (also the journal's)", true },
    { "", "log_socket", CONFIG_TABLE_PATH, "/dev/log", AT(log_socket), 0, 100, NULL,
      "socket of syslog", true },
    { "", "log_level", CONFIG_TABLE_CHOICE, "info", AT(log_level), 0, 0, "error|warning|info|debug",
      "lines above this level are left out", false },
    { "", "default_domain", CONFIG_TABLE_DOMAIN, "", AT(directory.default_domain), 0, 253, NULL,
      "domain of login names without @; they are refused when empty", false },

    { "provider", "preset", CONFIG_TABLE_TEXT, "", PROVIDER(provider.preset), 0, 0, CONFIG_TABLE_PRESETS,
      "product that it is: fills in what is known of it; what the block says stands over it", false },
    { "provider", "issuer", CONFIG_TABLE_URLS, "", PROVIDER(provider.issuers), 0, 400, NULL,
      "issuers as its tokens name them, to the letter; where to find them has a default then", false },
    { "provider", "domains", CONFIG_TABLE_DOMAINS, "", PROVIDER(provider.domains), 0, 253, NULL,
      "mail domains it speaks for; may be left out with one provider only", false },
    { "provider", "shared", CONFIG_TABLE_FLAG, "no", PROVIDER(provider.shared), 0, 0, NULL,
      "other providers may speak for these domains, when they say so too; then it takes JWTs only", false },
    { "provider", "tenant", CONFIG_TABLE_TEXT, "", PROVIDER(tenant), 0, 63, NULL,
      "Entra ID: the directory's id, which stands for its issuers", false },
    { "provider", "check", CONFIG_TABLE_CHOICE, "auto", PROVIDER(provider.check), 0, 0,
      "auto|jwt|jwt_userinfo|introspection|userinfo|tokeninfo",
      "how a token is checked: a JWT by its signature, any token by asking, or whichever fits", false },
    { "provider", "access_token_mark", CONFIG_TABLE_CHOICE, "none", PROVIDER(provider.mark), 0, 0,
      "none|typ_bearer|uid|at_jwt|scp",
      "what tells its access tokens from its ID tokens, where it does not say at+jwt", false },
    { "provider", "id_tokens", CONFIG_TABLE_FLAG, "no", PROVIDER(provider.id_tokens), 0, 0, NULL,
      "its ID tokens sign in too", false },

    { "provider", "audiences", CONFIG_TABLE_LIST, "", PROVIDER(provider.audiences), 0, 255, NULL,
      "one of them must be in a token's aud", false },
    { "provider", "clients", CONFIG_TABLE_LIST, "", PROVIDER(provider.clients), 0, 255, NULL,
      "client ids of the applications whose tokens sign in", false },
    { "provider", "any_client", CONFIG_TABLE_FLAG, "no", PROVIDER(provider.any_client), 0, 0, NULL,
      "tokens of all its applications sign in, so neither audiences nor clients are needed", false },
    { "provider", "scopes", CONFIG_TABLE_LIST, "", PROVIDER(provider.scopes), 0, 255, NULL,
      "scopes that a token must have, all of them, whatever for", false },
    { "provider", "scope_imap", CONFIG_TABLE_LIST, "", PROVIDER(provider.scopes_of[PROVIDER_IMAP]), 0, 255, NULL,
      "scopes that it must have for IMAP as well", false },
    { "provider", "scope_pop3", CONFIG_TABLE_LIST, "", PROVIDER(provider.scopes_of[PROVIDER_POP3]), 0, 255, NULL,
      "scopes that it must have for POP3 as well", false },
    { "provider", "scope_smtp", CONFIG_TABLE_LIST, "", PROVIDER(provider.scopes_of[PROVIDER_SMTP]), 0, 255, NULL,
      "scopes that it must have for sending mail as well", false },
    { "provider", "scope_sieve", CONFIG_TABLE_LIST, "", PROVIDER(provider.scopes_of[PROVIDER_SIEVE]), 0, 255, NULL,
      "scopes that it must have for ManageSieve as well", false },
    { "provider", "algorithms", CONFIG_TABLE_LIST, "RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519",
      PROVIDER(provider.algorithms), 0, 0, "RS256|RS384|RS512|PS256|PS384|PS512|ES256|ES384|ES512|EdDSA|Ed25519",
      "signature algorithms that count", false },
    { "provider", "leeway", CONFIG_TABLE_SECONDS, "30s", PROVIDER(provider.leeway_s), 0, MINUTE, NULL,
      "how far its clock and ours may differ", false },
    { "provider", "max_token_age", CONFIG_TABLE_SECONDS, "0", PROVIDER(provider.max_age_s), 0, 8760LL * HOUR, NULL,
      "oldest token, by its iat, that signs in; 0: any that has not expired", false },

    { "provider", "username_claim", CONFIG_TABLE_TEXT, "email", PROVIDER(provider.username_claim), 0, 200, NULL,
      "claim that holds the mail address; a path like a.b; of several, parted by blanks, the first that is there", false },
    { "provider", "username_template", CONFIG_TABLE_TEXT, "", PROVIDER(provider.username_template), 0, 200, NULL,
      "address made of that claim, like %s@example.com; the claim itself when empty", false },
    { "provider", "subject_claim", CONFIG_TABLE_TEXT, "sub", PROVIDER(provider.subject_claim), 0, 63, NULL,
      "claim that names a person for good, whatever the address", false },
    { "provider", "email_verified", CONFIG_TABLE_CHOICE, "require", PROVIDER(provider.email_verified), 0, 0,
      "require|if_present|trust",
      "at an account's first login email_verified must be true, must not be false, or does not matter", false },
    { "provider", "hosted_domains", CONFIG_TABLE_DOMAINS, "", PROVIDER(provider.hosted_domains), 0, 253, NULL,
      "Google: one of them must be in hd", false },
    { "provider", "bind", CONFIG_TABLE_FLAG, "yes", PROVIDER(provider.binds), 0, 0, NULL,
      "an account opens for the first subject (sub) that opened it, and no other; no: its address alone decides", false },

    { "provider", "userinfo", CONFIG_TABLE_URL, "", PROVIDER(provider.userinfo), 0, 0, NULL,
      "userinfo endpoint (OpenID Connect Core, 5.3), instead of the one that discovery names", false },
    { "provider", "userinfo_file", CONFIG_TABLE_SECRET_FILE, "", PROVIDER(userinfo_file), 0, 0, "userinfo",
      "file that holds that URL, for one with a password in it; no one else may read it", false },
    { "provider", "tokeninfo", CONFIG_TABLE_URL, "", PROVIDER(provider.tokeninfo), 0, 0, NULL,
      "Google's tokeninfo endpoint", false },
    { "provider", "jwks", CONFIG_TABLE_URL, "", PROVIDER(provider.jwks), 0, 0, NULL,
      "its public keys (RFC 7517), instead of those that discovery names", false },
    { "provider", "connect_to", CONFIG_TABLE_TEXT, "", PROVIDER(provider.connect_to), 0, 255, NULL,
      "host:port or address:port at which the issuers' own hosts are reached", false },
    { "provider", "ca_file", CONFIG_TABLE_PATH, "", PROVIDER(provider.ca_file), 0, 0, NULL,
      "PEM file of the authority of its certificate; the system's authorities when empty", false },
    { "provider", "connect_timeout", CONFIG_TABLE_DURATION, "3s", PROVIDER(provider.connect_ms), 10, PROVIDER_TOTAL_MS_MAX, NULL,
      "longest wait for a connection", false },
    { "provider", "timeout", CONFIG_TABLE_DURATION, "6s", PROVIDER(provider.total_ms), 10, PROVIDER_TOTAL_MS_MAX, NULL,
      "longest wait for an answer", false },
    { "provider", "requests", CONFIG_TABLE_COUNT, "64", PROVIDER(provider.requests_max), 1, 10000, NULL,
      "questions under way at once; further ones wait", false },
    { "provider", "queue", CONFIG_TABLE_COUNT, "1000", PROVIDER(provider.queue_max), 0, 100000, NULL,
      "questions waiting for that; beyond it logins fail temporarily", false },

    { "provider", "outage", CONFIG_TABLE_CHOICE, "refuse", PROVIDER(provider.outage), 0, 0, "refuse|cached",
      "while it is down, tokens that must be asked about fail temporarily, or the last good answer counts on", false },
    { "provider", "outage_lifetime", CONFIG_TABLE_DURATION, "1h", PROVIDER(provider.outage_ms), SECOND, 24 * HOUR, NULL,
      "for how long the last good answer counts on", false },
    { "provider", "cache_lifetime", CONFIG_TABLE_DURATION, "60s", PROVIDER(provider.cache_ms), 0, HOUR, NULL,
      "a good answer is not asked for again for so long", false },
    { "provider", "refused_lifetime", CONFIG_TABLE_DURATION, "5s", PROVIDER(provider.refused_ms), 0, 5 * MINUTE, NULL,
      "a refusal is not asked for again for so long", false },
    { "provider", "recheck", CONFIG_TABLE_DURATION, "0", PROVIDER(provider.recheck_ms), 0, 24 * HOUR, NULL,
      "a JWT is asked about again after so long, to see whether it was revoked; 0: its signature is enough", false },
    { "provider", "keys_refresh", CONFIG_TABLE_DURATION, "10m", PROVIDER(provider.keys_refresh_ms), MINUTE, 24 * HOUR, NULL,
      "how often discovery and keys are fetched, unless their Cache-Control says otherwise", false },
    { "provider", "keys_cooldown", CONFIG_TABLE_DURATION, "10s", PROVIDER(provider.keys_cooldown_ms), SECOND, HOUR, NULL,
      "shortest time between two fetches because of a key that is not known", false },
    { "provider", "keys_max_age", CONFIG_TABLE_DURATION, "24h", PROVIDER(provider.keys_max_age_ms), MINUTE, 720LL * HOUR, NULL,
      "keys are used for so long while it is down", false },

    { "provider", "scope", CONFIG_TABLE_TEXT, "openid email", PROVIDER(provider.scope), 0, 200, NULL,
      "scope that a refused client is told to ask for; left out when empty", false },
    { "provider", "configuration_url", CONFIG_TABLE_URL, "", PROVIDER(provider.configuration_url), 0, 300, NULL,
      "discovery document that a refused client is pointed to; the first issuer's unless set; left out when empty", false },

    { "provider.introspection", "url", CONFIG_TABLE_URL, "", PROVIDER(provider.introspection.url), 0, 0, NULL,
      "introspection endpoint (RFC 7662), instead of the one that discovery names", false },
    { "provider.introspection", "id", CONFIG_TABLE_TEXT, "", PROVIDER(provider.introspection.id), 0, 255, NULL,
      "our client id there", false },
    { "provider.introspection", "secret", CONFIG_TABLE_SECRET, "", PROVIDER(provider.introspection.secret), 0, PEM_MAX, NULL,
      "our secret there, in a file that others cannot read", false },
    { "provider.introspection", "secret_file", CONFIG_TABLE_SECRET_FILE, "", PROVIDER(secret_file), 0, 0, "secret",
      "file whose first line is that secret; no one else may read it", false },
    { "provider.introspection", "key_file", CONFIG_TABLE_KEY_FILE, "", PROVIDER(key_file), 0, 0, "secret",
      "file of the private key (PEM) that stands for a secret; no one else may read it", false },
    { "provider.introspection", "auth", CONFIG_TABLE_CHOICE, "basic", PROVIDER(provider.introspection.auth), 0, 0,
      "basic|post|key|bearer|none",
      "how we prove who we are: the secret as client_secret_basic, _post or a bearer token; key: private_key_jwt", false },

    { "accounts", "store", CONFIG_TABLE_TEXT, "sqlite:/var/lib/postern/accounts.db", AT(store), 0, 512, NULL,
      "database: sqlite:PATH in a directory of the user, mode 0700", true },
    { "accounts", "cache", CONFIG_TABLE_MEMORY, "16M", AT(account_cache_bytes), 64 * KIB, 64 * GIB, NULL,
      "memory for accounts that signed in before, so that a repeated login touches no database", true },
    { "accounts", "hold", CONFIG_TABLE_SECONDS, "365d", AT(changes.hold_s), 0, 3650LL * DAY, NULL,
      "what was another account's address is not provisioned to somebody else for so long", false },
    { "accounts", "rename_login", CONFIG_TABLE_SECONDS, "90d", AT(directory.rename_login_s), 0, 3650LL * DAY, NULL,
      "a former address of a renamed account still signs in for so long (0: for ever); it receives mail for ever", false },
    { "accounts", "retention", CONFIG_TABLE_SECONDS, "30d", AT(changes.retention_s), 0, 3650LL * DAY, NULL,
      "mail of a deleted account is kept for so long, unless the account says otherwise", false },
    { "accounts", "brake_deletes", CONFIG_TABLE_COUNT, "20", AT(changes.brake_deletes), 1, 1000000, NULL,
      "when one SCIM token deletes more users than this within an hour, and more than brake_percent, none of their mail is purged until an admin says so", false },
    { "accounts", "brake_percent", CONFIG_TABLE_COUNT, "10", AT(changes.brake_percent), 0, 100, NULL,
      "share of a SCIM token's users, in percent, beside brake_deletes", false },

    { "tokens", "cache", CONFIG_TABLE_MEMORY, "32M", AT(tokens.cache_bytes), 64 * KIB, 64 * GIB, NULL,
      "memory for tokens that were checked before", true },
    { "tokens", "threads", CONFIG_TABLE_THREADS, "auto", AT(tokens.threads), 0, 64, "auto",
      "threads that check signatures; 0: none beside the main one; auto: one less than there are processors", true },
    { "tokens", "signatures_waiting", CONFIG_TABLE_COUNT, "10000", AT(tokens.signatures_max), 1, 1000000, NULL,
      "signatures waiting to be checked; beyond it logins fail temporarily", true },
    { "tokens", "checks", CONFIG_TABLE_COUNT, "5000", AT(tokens.checks_max), 1, 100000, NULL,
      "token checks under way at once; beyond it logins fail temporarily", true },

    { "http", "internal", CONFIG_TABLE_TEXT, "", AT(http.internal), 0, 100, NULL,
      "listener for /introspect, /userinfo and /metrics: 127.0.0.1:8026, or unix:/path; none when empty", true },
    { "http", "internal_secret", CONFIG_TABLE_SECRET, "", AT(http.internal_secret), 0, 255, NULL,
      "secret that /introspect and /userinfo ask for; both are closed without one", false },
    { "http", "internal_secret_file", CONFIG_TABLE_SECRET_FILE, "", AT(http.internal_secret_file), 0, 0, "internal_secret",
      "file whose first line is that secret; no one else may read it", false },
    { "http", "public", CONFIG_TABLE_TEXT, "", AT(http.public), 0, 100, NULL,
      "listener for SCIM: 127.0.0.1:8025 behind a front, 0.0.0.0:443 with a certificate, or unix:/path; none when empty", true },
    { "http", "public_url", CONFIG_TABLE_URL, "", AT(http.public_url), 0, 400, NULL,
      "where others reach it, like https://mail.example.com; made from the listener's address when empty", false },
    { "http", "trusted_proxies", CONFIG_TABLE_LIST, "", AT(http.trusted_proxies), 0, 60, NULL,
      "addresses and networks of fronts, whose X-Forwarded-For says who asks", false },
    { "http", "public_tls_cert", CONFIG_TABLE_SECRET, "", AT(http.public_tls_cert), 0, CHAIN_MAX, NULL,
      "certificate of that listener, with its chain, as PEM; better in a file of its own", false },
    { "http", "public_tls_cert_file", CONFIG_TABLE_PUBLIC_FILE, "", AT(http.public_tls_cert_file), 0, 0, "public_tls_cert",
      "PEM file of that certificate with its chain; read again at SIGHUP", false },
    { "http", "public_tls_key", CONFIG_TABLE_SECRET, "", AT(http.public_tls_key), 0, PEM_MAX, NULL,
      "key of the certificate, as PEM; better in a file of its own", false },
    { "http", "public_tls_key_file", CONFIG_TABLE_KEY_FILE, "", AT(http.public_tls_key_file), 0, 0, "public_tls_key",
      "PEM file of that key; no one else may read it; read again at SIGHUP", false },
    { "http", "connections", CONFIG_TABLE_COUNT, "1000", AT(http.connections), 1, 10000, NULL,
      "connections to the public listener; beyond it idle ones are closed, then it says 503", false },
    { "http", "connections_per_address", CONFIG_TABLE_COUNT, "50", AT(http.connections_per_address), 0, 10000, NULL,
      "of them from one address (IPv6: /64) that is no trusted proxy; beyond it 429; 0: any number", false },
    { "http", "body", CONFIG_TABLE_MEMORY, "4M", AT(http.body), 64LL * KIB, 16LL * MIB, NULL,
      "largest body of a request to the public listener; beyond it 413", false },
    { "http", "request_timeout", CONFIG_TABLE_DURATION, "30s", AT(http.request_timeout_ms), 100, 10 * MINUTE, NULL,
      "how long a request may take to arrive; beyond it 408", false },

    { "scim", "page", CONFIG_TABLE_COUNT, "100", AT(scim.page), 1, 1000, NULL,
      "resources of a list when the client does not say how many", false },
    { "scim", "page_max", CONFIG_TABLE_COUNT, "1000", AT(scim.page_max), 1, 10000, NULL,
      "resources of a list at most, whatever the client says", false },
    { "scim", "bulk_operations", CONFIG_TABLE_COUNT, "1000", AT(scim.bulk_max), 1, 10000, NULL,
      "operations of a Bulk request; beyond it 413", false },
    { "scim", "requests_per_minute", CONFIG_TABLE_COUNT, "60000", AT(scim.requests_max), 1, 10000000, NULL,
      "requests of one client in a minute; beyond it 429", false },
    { "scim", "wrong_tokens_per_minute", CONFIG_TABLE_COUNT, "30", AT(scim.refused_max), 0, 1000000, NULL,
      "wrong tokens from one address in a minute that are told so; beyond it 429; the right one is always taken", false },
    { "scim", "public_discovery", CONFIG_TABLE_FLAG, "no", AT(scim.public_discovery), 0, 0, NULL,
      "ServiceProviderConfig, ResourceTypes and Schemas can be read without a token", false },

    { "login", "passwords", CONFIG_TABLE_FLAG, "yes", AT(login.passwords), 0, 0, NULL,
      "PLAIN and LOGIN with an account's own password, where it has one", false },
    { "login", "cleartext_from_loopback", CONFIG_TABLE_FLAG, "no", AT(login.cleartext), 0, 0, NULL,
      "sign-in without TLS for clients on this machine", false },
    { "login", "deadline", CONFIG_TABLE_DURATION, "8s", AT(login.turn_ms), 100, 9500, NULL,
      "answer within this time of each message of the client; Postfix hangs up after 10s", false },
    { "login", "exchange_deadline", CONFIG_TABLE_DURATION, "150s", AT(login.exchange_ms), SECOND, 10 * MINUTE, NULL,
      "longest sign-in from its first message to its answer", false },
    { "login", "refusal_delay", CONFIG_TABLE_DURATION, "2s", AT(login.refusal_delay_ms), 0, 8 * SECOND, NULL,
      "wait before a refusal; part of the deadline", false },
    { "login", "concurrent", CONFIG_TABLE_COUNT, "5000", AT(login.logins_max), 1, 100000, NULL,
      "sign-ins under way at once; beyond it they fail temporarily", false },
    { "login", "trusted_addresses", CONFIG_TABLE_LIST, "", AT(throttle.trusted), 0, 49, NULL,
      "addresses or networks (192.0.2.0/24) of webmail and monitoring: throttled per user", false },
    { "login", "throttle_free", CONFIG_TABLE_COUNT, "10", AT(throttle.free_failures), 0, 100000, NULL,
      "distinct refused credentials of an address before it is slowed", false },
    { "login", "throttle_stop", CONFIG_TABLE_COUNT, "100", AT(throttle.stop_failures), 0, 1000000, NULL,
      "distinct refused credentials of an address before it fails unchecked; 0: never", false },
    { "login", "throttle_window", CONFIG_TABLE_DURATION, "10m", AT(throttle.window_ms), SECOND, 24 * HOUR, NULL,
      "how long a refusal counts", false },
    { "login", "throttle_delay_max", CONFIG_TABLE_DURATION, "4s", AT(throttle.delay_max_ms), 0, 8 * SECOND, NULL,
      "longest delay of a slowed sign-in; part of the deadline", false },
    { "login", "throttle_addresses", CONFIG_TABLE_COUNT, "10000", AT(throttle.entries_max), 16, 1000000, NULL,
      "addresses remembered; the one idle longest makes room", false },
    { "login", "hash_threads", CONFIG_TABLE_THREADS, "1", AT(passwords.threads), 1, 64, NULL,
      "threads that check passwords, at nice 10", true },
    { "login", "hash_queue", CONFIG_TABLE_COUNT, "200", AT(passwords.queue_max), 1, 10000, NULL,
      "passwords waiting to be checked; beyond it sign-ins fail temporarily", true },

    { "mail", "root", CONFIG_TABLE_PATH, "/var/vmail", AT(directory.mail_root), 0, 512, NULL,
      "directory below which accounts have their mail", false },
    { "mail", "uid", CONFIG_TABLE_USER, "5000", AT(mail_user), 0, 0, NULL,
      "owner of all mail, by name or number", true },
    { "mail", "gid", CONFIG_TABLE_GROUP, "5000", AT(mail_group), 0, 0, NULL,
      "its group", true },
    { "mail", "quota", CONFIG_TABLE_SIZE, "none", AT(directory.quota_bytes), 0, INT64_MAX, NULL,
      "space of an account that has no quota of its own", false },
    { "mail", "recipient_delimiter", CONFIG_TABLE_BYTE, "+", AT(directory.delimiter), 0, 0, NULL,
      "begins the tag of a sub-address; empty: there are none", false },
    { "mail", "format", CONFIG_TABLE_CHOICE, "maildir", AT(mail_format), 0, 0, "maildir|mdbox",
      "how Dovecot keeps mail", false },

    { "dovecot", "base_dir", CONFIG_TABLE_PATH, "/run/dovecot", AT(dovecot.base_dir), 0, 60, NULL,
      "Dovecot's base_dir; empty: no sockets for Dovecot", true },
    { "dovecot", "config", CONFIG_TABLE_PATH, "/etc/dovecot/dovecot.conf", AT(dovecot.config), 0, 512, NULL,
      "Dovecot's configuration, looked at when posternd starts", true },
    { "dovecot", "check", CONFIG_TABLE_FLAG, "yes", AT(dovecot.check), 0, 0, NULL,
      "start only when Dovecot's own auth service is switched off", true },
    { "dovecot", "user", CONFIG_TABLE_USER, "dovecot", AT(dovecot.user), 0, 0, NULL,
      "Dovecot's internal user, which may ask where a user's mail lies", true },
    { "dovecot", "login_group", CONFIG_TABLE_GROUP, "dovenull", AT(dovecot.login_group), 0, 0, NULL,
      "group of Dovecot's login processes", true },

    { "postfix", "queue_directory", CONFIG_TABLE_PATH, "/var/spool/postfix", AT(postfix.queue_directory), 0, 80, NULL,
      "Postfix's queue_directory; empty: no sockets for Postfix", true },
    { "postfix", "config", CONFIG_TABLE_PATH, "/etc/postfix", AT(postfix.config), 0, 512, NULL,
      "directory of Postfix's main.cf and master.cf, for postern doctor", false },
    { "postfix", "group", CONFIG_TABLE_GROUP, "postfix", AT(postfix.group), 0, 0, NULL,
      "group that may use the sockets below it", true },

    { "worker", "heartbeat", CONFIG_TABLE_DURATION, "1s", AT(worker.heartbeat_ms), 20, 10 * SECOND, NULL,
      "how often the worker says that it is alive", true },
    { "worker", "heartbeat_timeout", CONFIG_TABLE_DURATION, "5s", AT(worker.heartbeat_timeout_ms), 100, MINUTE, NULL,
      "a worker that is silent for this long is replaced", false },
    { "worker", "start_timeout", CONFIG_TABLE_DURATION, "60s", AT(worker.start_timeout_ms), 100, HOUR, NULL,
      "a worker that is not ready after this long is replaced", false },
    { "worker", "stop_timeout", CONFIG_TABLE_DURATION, "8s", AT(worker.stop_timeout_ms), 0, MINUTE, NULL,
      "how long sign-ins under way may take when posternd is stopped", true },
    { "worker", "backoff_min", CONFIG_TABLE_DURATION, "1s", AT(worker.backoff_min_ms), 0, MINUTE, NULL,
      "wait before the next worker when one died that had served nothing; doubles each time", false },
    { "worker", "backoff_max", CONFIG_TABLE_DURATION, "10s", AT(worker.backoff_max_ms), 0, HOUR, NULL,
      "longest such wait", false },
    { "worker", "provider_connections", CONFIG_TABLE_COUNT, "64", AT(worker.fetches_max), 1, 1000, NULL,
      "connections for discovery and keys at once; questions about tokens have their own (requests)", true },

    { "stack", "hostname", CONFIG_TABLE_TEXT, "", AT(stack.hostname), 0, 253, NULL,
      "name of the mail server, for the rendered files of Postfix and Dovecot", false },
    { "stack", "public", CONFIG_TABLE_FLAG, "yes", AT(stack.public), 0, 0, NULL,
      "reached by others; no: a trial on this machine's loopback", false },
    { "stack", "tls_cert", CONFIG_TABLE_PATH, "", AT(stack.tls_cert), 0, 512, NULL,
      "PEM file of the server's certificate and its chain", false },
    { "stack", "tls_key", CONFIG_TABLE_PATH, "", AT(stack.tls_key), 0, 512, NULL,
      "PEM file of its key", false },
    { "stack", "port_smtp", CONFIG_TABLE_NUMBER, "25", AT(stack.port_smtp), 1, PORT_MAX, NULL,
      "port for other mail servers", false },
    { "stack", "port_submission", CONFIG_TABLE_NUMBER, "587", AT(stack.port_submission), 1, PORT_MAX, NULL,
      "port of submission with STARTTLS", false },
    { "stack", "port_submissions", CONFIG_TABLE_NUMBER, "465", AT(stack.port_submissions), 1, PORT_MAX, NULL,
      "port of submission with TLS from the start", false },
    { "stack", "port_imap", CONFIG_TABLE_NUMBER, "143", AT(stack.port_imap), 1, PORT_MAX, NULL,
      "port of IMAP with STARTTLS", false },
    { "stack", "port_imaps", CONFIG_TABLE_NUMBER, "993", AT(stack.port_imaps), 1, PORT_MAX, NULL,
      "port of IMAP with TLS from the start", false },
    { "stack", "port_pop3", CONFIG_TABLE_NUMBER, "110", AT(stack.port_pop3), 1, PORT_MAX, NULL,
      "port of POP3 with STARTTLS", false },
    { "stack", "port_pop3s", CONFIG_TABLE_NUMBER, "995", AT(stack.port_pop3s), 1, PORT_MAX, NULL,
      "port of POP3 with TLS from the start", false },
    { "stack", "port_sieve", CONFIG_TABLE_NUMBER, "4190", AT(stack.port_sieve), 1, PORT_MAX, NULL,
      "port of ManageSieve with STARTTLS", false },
    { "stack", "port_sieves", CONFIG_TABLE_NUMBER, "0", AT(stack.port_sieves), 0, PORT_MAX, NULL,
      "port of ManageSieve with TLS from the start; 0: none", false },
    { "stack", "message_size", CONFIG_TABLE_SIZE, "50M", AT(stack.message_size), 1024, INT32_MAX, NULL,
      "largest message", false },
    { "stack", "chroot", CONFIG_TABLE_FLAG, "yes", AT(stack.chroot), 0, 0, NULL,
      "Postfix's processes run inside queue_directory", false },
    { "stack", "postfix_user", CONFIG_TABLE_TEXT, "postfix", AT(stack.postfix_user), 0, 32, NULL,
      "owner of Dovecot's sockets for Postfix", false },
    { "stack", "postfix_data", CONFIG_TABLE_PATH, "/var/lib/postfix", AT(stack.postfix_data), 0, 512, NULL,
      "Postfix's data_directory", false },
    { "stack", "postfix_log", CONFIG_TABLE_PATH, "", AT(stack.postfix_log), 0, 512, NULL,
      "file that Postfix logs to; syslog when empty", false },
    { "stack", "dovecot_state", CONFIG_TABLE_PATH, "/var/lib/dovecot", AT(stack.dovecot_state), 0, 512, NULL,
      "Dovecot's state_dir", false },
    { "stack", "dovecot_listen", CONFIG_TABLE_TEXT, "*, ::", AT(stack.dovecot_listen), 0, 200, NULL,
      "addresses that Dovecot listens on", false },
    { "stack", "dovecot_log_chroot", CONFIG_TABLE_PATH, "", AT(stack.dovecot_log_chroot), 0, 512, NULL,
      "directory below which Dovecot's log service finds dev/log; the system's when empty", false },
};
/* clang-format on */

const size_t config_table_count = sizeof(config_table) / sizeof(config_table[0]);

static_assert(sizeof(config_table) / sizeof(config_table[0]) <= CONFIG_TABLE_MAX,
              "more settings than that");

bool config_table_is_provider(const struct config_table_setting *setting)
{
    return strncmp(setting->section, "provider", strlen("provider")) == 0;
}

bool config_table_is_text(const struct config_table_setting *setting)
{
    return setting->type <= CONFIG_TABLE_KEY_FILE;
}

bool config_table_is_list(const struct config_table_setting *setting)
{
    return setting->type >= CONFIG_TABLE_LIST && setting->type <= CONFIG_TABLE_URLS;
}

bool config_table_is_file(const struct config_table_setting *setting)
{
    return setting->type == CONFIG_TABLE_SECRET_FILE || setting->type == CONFIG_TABLE_PUBLIC_FILE ||
           setting->type == CONFIG_TABLE_KEY_FILE;
}

const struct config_table_setting *config_table_find(const char *section, const char *name)
{
    for (size_t i = 0; i < config_table_count; i++) {
        if (strcmp(config_table[i].section, section) == 0 &&
            strcmp(config_table[i].name, name) == 0) {
            return &config_table[i];
        }
    }
    return NULL;
}

const char *config_table_name(const struct config_table_setting *setting, struct arena *arena)
{
    if (setting->section[0] == '\0') {
        return setting->name;
    }
    return arena_format(arena, "%s.%s", setting->section, setting->name);
}

const char *config_table_type_name(const struct config_table_setting *setting)
{
    switch (setting->type) {
    case CONFIG_TABLE_TEXT:
        return setting->choices == NULL ? "text" : setting->choices;
    case CONFIG_TABLE_PATH:
    case CONFIG_TABLE_SECRET_FILE:
    case CONFIG_TABLE_PUBLIC_FILE:
    case CONFIG_TABLE_KEY_FILE:
        return "path";
    case CONFIG_TABLE_SECRET:
        return "secret";
    case CONFIG_TABLE_DOMAIN:
        return "domain";
    case CONFIG_TABLE_URL:
        return "url";
    case CONFIG_TABLE_LIST:
        return "list";
    case CONFIG_TABLE_DOMAINS:
        return "domains";
    case CONFIG_TABLE_URLS:
        return "urls";
    case CONFIG_TABLE_FLAG:
        return "yes|no";
    case CONFIG_TABLE_CHOICE:
        return setting->choices;
    case CONFIG_TABLE_NUMBER:
    case CONFIG_TABLE_COUNT:
        return "number";
    case CONFIG_TABLE_THREADS:
        return setting->choices == NULL ? "number" : "auto|number";
    case CONFIG_TABLE_DURATION:
    case CONFIG_TABLE_SECONDS:
        return "duration";
    case CONFIG_TABLE_SIZE:
    case CONFIG_TABLE_MEMORY:
        return "size";
    case CONFIG_TABLE_BYTE:
        return "character";
    case CONFIG_TABLE_USER:
        return "user";
    case CONFIG_TABLE_GROUP:
        return "group";
    }
    return "";
}
