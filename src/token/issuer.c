/* issuer.c - one issuer while we run: its discovery document and its keys, fetched in the background and kept. */
#include "token/issuer.h"

#include "base/memory.h"
#include "token/issuer_settings.h"

#include <assert.h>

enum {
    CONNECT_MS = 2000,
    TOTAL_MS = 5000,
    AGE_MIN_MS = 60 * 1000, /* what Cache-Control may ask for */
    AGE_MAX_MS = 24 * 3600 * 1000,
};

/* A round goes through these in order; one for an unknown kid has its keys alone to fetch. */
enum issuer_step { ISSUER_IDLE, ISSUER_DOCUMENT, ISSUER_KEYS };

/* What there can be trouble with. */
enum part { PART_DOCUMENT, PART_KEYS, PARTS };

struct issuer_wait {
    struct issuer *issuer;
    struct issuer_wait *next, *previous;
    struct loop_later wake;
    issuer_wait_fn *fn;
    void *context;
};

struct issuer {
    struct loop *loop;
    const struct log *log;
    struct fetch_client *client;
    issuer_changed_fn *changed;
    void *context;
    struct issuer_settings_copy own;
    const struct issuer_settings *settings; /* in it */
    struct url url;                         /* of the issuer */

    enum issuer_step step;
    bool wants_keys; /* needs them, or somebody came to need them */
    bool whole;      /* this round began with the document */
    struct fetch *fetch;
    char *asked;                /* its URL, as it may be shown */
    enum discovery_form form;   /* the one that worked last */
    enum discovery_form trying; /* the one under way */
    bool failed;                /* a part of this round */
    bool replaced;              /* this round brought other keys */
    int64_t max_age;            /* seconds, of this round's last answer; -1: not said */

    bool has_document;
    struct discovery document;
    struct moment document_at;
    struct keyset *keys; /* also when they are too old: to see whether the next ones differ */
    struct moment keys_at;

    struct loop_timer *timer;
    struct moment due;  /* of the next round */
    int64_t retry_ms;   /* 0: the last round was good */
    struct moment cool; /* when the next fetch for an unknown kid may begin */
    struct error trouble[PARTS];
    bool in_trouble; /* as was logged */
    struct moment trouble_since;
    uint64_t fetches, failures;
    struct issuer_wait *waits;
};

/* -- the end of a round -- */

static const struct error *trouble(const struct issuer *issuer)
{
    const struct error *keys = &issuer->trouble[PART_KEYS];
    const struct error *document = &issuer->trouble[PART_DOCUMENT];
    return keys->text[0] != '\0' ? keys : document->text[0] != '\0' ? document : NULL;
}

static size_t keys_kept(const struct issuer *issuer)
{
    struct keyset *keys = issuer_keys(issuer);
    return keys != NULL ? keyset_count(keys) : 0;
}

static void log_trouble(struct issuer *issuer)
{
    const struct error *error = trouble(issuer);
    struct moment now = loop_now(issuer->loop);
    if (error != NULL && !issuer->in_trouble) {
        issuer->trouble_since = now;
        log_warning(
            issuer->log, "issuer_unavailable", log_text("provider", issuer->settings->provider),
            log_text("issuer", issuer->settings->issuer),
            log_text("reason", error == &issuer->trouble[PART_KEYS] ? "keys" : "discovery"),
            log_text("detail", error->text), log_number("keys", (int64_t)keys_kept(issuer)));
    } else if (error == NULL && issuer->in_trouble) {
        log_info(issuer->log, "issuer_recovered", log_text("provider", issuer->settings->provider),
                 log_text("issuer", issuer->settings->issuer),
                 log_number("seconds", moment_since(now, issuer->trouble_since) / 1000),
                 log_number("keys", (int64_t)keys_kept(issuer)));
    }
    issuer->in_trouble = error != NULL;
}

/* A quarter more or less, so that many who lost one provider do not come back as one. */
static int64_t with_jitter(int64_t ms)
{
    uint32_t chance = 0;
    secret_random(&chance, sizeof chance);
    return ms - ms / 4 + (int64_t)(chance % (uint64_t)(ms / 2 + 1));
}

static int64_t within(int64_t ms, int64_t least, int64_t most)
{
    return ms < least ? least : ms > most ? most : ms;
}

static int64_t retry_delay(struct issuer *issuer)
{
    int64_t least = issuer->settings->retry_min_ms, most = issuer->settings->retry_max_ms;
    issuer->retry_ms = issuer->retry_ms == 0 ? least : within(issuer->retry_ms * 2, least, most);
    return within(with_jitter(issuer->retry_ms), least, most);
}

static int64_t refresh_delay(const struct issuer *issuer)
{
    return issuer->max_age < 0 ? issuer->settings->refresh_ms
                               : within(issuer->max_age * 1000, AGE_MIN_MS, AGE_MAX_MS);
}

/* Good keys for an unknown kid do not put off the round that also asks for the document. */
static void schedule(struct issuer *issuer)
{
    struct moment now = loop_now(issuer->loop);
    if (issuer->failed) {
        struct moment again = moment_after(now, retry_delay(issuer));
        issuer->due = issuer->whole ? again : moment_earlier(again, issuer->due);
    } else if (issuer->whole) {
        issuer->retry_ms = 0;
        issuer->due = moment_after(now, refresh_delay(issuer));
    }
    int64_t left = moment_since(issuer->due, now);
    loop_timer_set(issuer->timer, left > 0 ? left : 0);
}

static void log_keys(struct issuer *issuer)
{
    log_info(issuer->log, "issuer_keys_changed", log_text("provider", issuer->settings->provider),
             log_text("issuer", issuer->settings->issuer),
             log_number("keys", (int64_t)keyset_count(issuer->keys)),
             log_number("ignored", (int64_t)keyset_ignored(issuer->keys)));
}

static void end_round(struct issuer *issuer)
{
    issuer->step = ISSUER_IDLE;
    schedule(issuer);
    log_trouble(issuer);
    for (struct issuer_wait *wait = issuer->waits; wait != NULL; wait = wait->next) {
        loop_later(issuer->loop, &wait->wake);
    }
    if (issuer->replaced) {
        log_keys(issuer);
        issuer->changed(issuer, issuer->context);
    }
}

/* -- asking -- */

static char *shown(const char *url)
{
    struct buffer text = buffer_limited(URL_MAX + 1);
    if (!url_show(span_of(url), &text)) {
        buffer_clear(&text);
        buffer_add_text(&text, "(no URL)");
    }
    buffer_add_byte(&text, '\0');
    char *copy = memory_text(text.at);
    buffer_done(&text);
    return copy;
}

static void fail(struct issuer *issuer, enum part part, const struct error *why)
{
    (void)error_set(&issuer->trouble[part], "%.180s: %s", issuer->asked, why->text);
    issuer->failed = true;
    issuer->failures++;
}

static void mend(struct issuer *issuer, enum part part, const struct fetch_answer *answer)
{
    issuer->trouble[part].text[0] = '\0';
    issuer->max_age = answer->max_age;
}

/* Whatever the document says, only the host that the admin typed is reached on a private address. */
static void ask(struct issuer *issuer, const char *target, bool typed, size_t body_max,
                fetch_fn *fn)
{
    struct url url;
    bool own = url_parse(span_of(target), &url) && span_equal_fold(url.host, issuer->url.host);
    struct fetch_request request = {
        .url = target,
        .ca_file = issuer->settings->ca_file,
        .connect_to = own ? issuer->settings->connect_to : NULL,
        .public_only = !own && !typed,
        .connect_ms = CONNECT_MS,
        .total_ms = TOTAL_MS,
        .body_max = body_max,
    };
    memory_free(issuer->asked);
    issuer->asked = shown(target);
    issuer->fetches++;
    issuer->fetch = fetch_start(issuer->client, &request, fn, issuer);
}

static bool judge_status(const struct fetch_answer *answer, struct error *error)
{
    if (answer->outcome == FETCH_FAILED) {
        return error_set(error, "%s", answer->failure);
    }
    if (answer->status >= 300 && answer->status < 400) {
        return error_set(error, "HTTP %d: redirects are not followed", answer->status);
    }
    return answer->status == 200 || error_set(error, "HTTP %d", answer->status);
}

/* -- the keys -- */

/* NULL: nobody has said where they are. */
static const char *keys_url(const struct issuer *issuer)
{
    const struct discovery *document = issuer_discovery(issuer);
    return issuer->settings->jwks != NULL ? issuer->settings->jwks
           : document != NULL             ? document->jwks
                                          : NULL;
}

static bool refuse_keys(struct keyset *keys, const struct finding_list *findings,
                        struct error *error)
{
    if (keyset_ignored(keys) == 0) {
        return error_set(error, "it has no keys; a provider that signs with HS256 publishes none: "
                                "choose a signing key there");
    }
    return error_set(error, "none of its keys can be used: %s",
                     findings->count > 0 ? findings->items[0].text : "no reason given");
}

/* Good keys are not given up for none: an emptied document is an accident, or somebody's. */
static struct keyset *read_keys(const struct fetch_answer *answer, struct error *error)
{
    if (!judge_status(answer, error)) {
        return NULL;
    }
    CLEANUP(finding_list_done) struct finding_list findings = finding_list_empty();
    struct keyset *keys = keyset_new(answer->body, &findings, error);
    if (keys != NULL && keyset_count(keys) == 0) {
        (void)refuse_keys(keys, &findings, error);
        keyset_release(keys);
        return NULL;
    }
    return keys;
}

static void on_keys(const struct fetch_answer *answer, void *context)
{
    struct issuer *issuer = context;
    struct error error;
    issuer->fetch = NULL;
    struct keyset *keys = read_keys(answer, &error);
    if (keys == NULL) {
        fail(issuer, PART_KEYS, &error);
    } else {
        mend(issuer, PART_KEYS, answer);
        issuer->replaced = issuer->keys == NULL || !keyset_equal(issuer->keys, keys);
        keyset_release(issuer->keys);
        issuer->keys = keys;
        issuer->keys_at = loop_now(issuer->loop);
    }
    end_round(issuer);
}

static void ask_keys(struct issuer *issuer)
{
    issuer->step = ISSUER_KEYS;
    ask(issuer, keys_url(issuer), issuer->settings->jwks != NULL, KEYSET_SIZE_MAX, on_keys);
}

/* -- the document -- */

static void ask_document(struct issuer *issuer, enum discovery_form form);

static bool take_document(struct issuer *issuer, const struct fetch_answer *answer,
                          struct error *error)
{
    struct discovery document;
    if (!judge_status(answer, error) ||
        !discovery_read(issuer->settings->issuer, answer->body, &document, error)) {
        return false;
    }
    discovery_done(&issuer->document);
    issuer->document = document;
    issuer->has_document = true;
    issuer->document_at = loop_now(issuer->loop);
    issuer->form = issuer->trying;
    mend(issuer, PART_DOCUMENT, answer);
    return true;
}

static void after_document(struct issuer *issuer)
{
    if (issuer->wants_keys && keys_url(issuer) != NULL) {
        ask_keys(issuer);
        return;
    }
    if (issuer->wants_keys && !issuer->failed) {
        struct error error;
        (void)error_set(&error, "it names no jwks_uri, so there are no keys to check a JWT with");
        fail(issuer, PART_KEYS, &error);
    }
    end_round(issuer);
}

static void on_document(const struct fetch_answer *answer, void *context)
{
    struct issuer *issuer = context;
    struct error error;
    bool absent = answer->outcome == FETCH_ANSWERED && answer->status == 404;
    issuer->fetch = NULL;
    if (absent && issuer->trying == issuer->form) {
        ask_document(issuer, issuer->form == DISCOVERY_OPENID ? DISCOVERY_OAUTH : DISCOVERY_OPENID);
        return;
    }
    if (!take_document(issuer, answer, &error)) {
        if (absent) {
            (void)error_set(&error, "HTTP 404, and neither is the other form of it there: is the "
                                    "issuer right?");
        }
        fail(issuer, PART_DOCUMENT, &error);
    }
    after_document(issuer);
}

static void ask_document(struct issuer *issuer, enum discovery_form form)
{
    char *url = discovery_url(issuer->settings->issuer, form);
    issuer->step = ISSUER_DOCUMENT;
    issuer->trying = form;
    ask(issuer, url, true, DISCOVERY_SIZE_MAX, on_document);
    memory_free(url);
}

/* -- when -- */

static void begin_round(struct issuer *issuer, bool whole)
{
    issuer->whole = whole;
    issuer->failed = issuer->replaced = false;
    issuer->max_age = -1;
    if (whole) {
        ask_document(issuer, issuer->form);
    } else {
        ask_keys(issuer);
    }
}

static void on_due(void *context)
{
    struct issuer *issuer = context;
    if (issuer->step == ISSUER_IDLE) { /* else the end of the round sets it again */
        begin_round(issuer, true);
    }
}

struct issuer *issuer_new(struct loop *loop, const struct log *log, struct fetch_client *fetches,
                          const struct issuer_settings *settings, issuer_changed_fn *changed,
                          void *context)
{
    struct issuer *issuer = MEMORY_NEW(struct issuer);
    *issuer = (struct issuer){
        .loop = loop,
        .log = log,
        .client = fetches,
        .changed = changed,
        .context = context,
        .settings = &issuer->own.settings,
        .cool = loop_now(loop),
    };
    issuer_settings_copy(&issuer->own, settings);
    issuer->wants_keys = settings->needs_keys;
    bool known = url_parse(span_of(issuer->settings->issuer), &issuer->url);
    assert(known); /* provider_set_check() */
    issuer->timer = loop_timer_new(loop, on_due, issuer);
    begin_round(issuer, true);
    return issuer;
}

void issuer_free(struct issuer *issuer)
{
    if (issuer == NULL) {
        return;
    }
    assert(issuer->waits == NULL);
    fetch_cancel(issuer->fetch);
    loop_timer_free(issuer->timer);
    discovery_done(&issuer->document);
    keyset_release(issuer->keys);
    issuer_settings_done(&issuer->own);
    memory_free(issuer->asked);
    memory_free(issuer);
}

bool issuer_same(const struct issuer *issuer, const struct issuer_settings *settings)
{
    return issuer_settings_same(&issuer->own, settings);
}

/* -- what is known -- */

static bool fresh(const struct issuer *issuer, struct moment since)
{
    return moment_since(loop_now(issuer->loop), since) <= issuer->settings->max_age_ms;
}

const char *issuer_name(const struct issuer *issuer)
{
    return issuer->settings->issuer;
}

const struct discovery *issuer_discovery(const struct issuer *issuer)
{
    return issuer->has_document && fresh(issuer, issuer->document_at) ? &issuer->document : NULL;
}

struct keyset *issuer_keys(const struct issuer *issuer)
{
    return issuer->keys != NULL && fresh(issuer, issuer->keys_at) ? issuer->keys : NULL;
}

int64_t issuer_keys_age_ms(const struct issuer *issuer)
{
    return issuer->keys == NULL ? -1 : moment_since(loop_now(issuer->loop), issuer->keys_at);
}

const char *issuer_trouble(const struct issuer *issuer)
{
    const struct error *error = trouble(issuer);
    return error != NULL ? error->text : NULL;
}

bool issuer_keys_in_trouble(const struct issuer *issuer)
{
    return issuer->trouble[PART_KEYS].text[0] != '\0';
}

uint64_t issuer_fetches(const struct issuer *issuer)
{
    return issuer->fetches;
}

uint64_t issuer_failures(const struct issuer *issuer)
{
    return issuer->failures;
}

/* -- those who wait for keys -- */

static void unlink_wait(struct issuer_wait *wait)
{
    if (wait->previous != NULL) {
        wait->previous->next = wait->next;
    } else {
        wait->issuer->waits = wait->next;
    }
    if (wait->next != NULL) {
        wait->next->previous = wait->previous;
    }
}

static void on_wake(void *context)
{
    struct issuer_wait *wait = context;
    issuer_wait_fn *fn = wait->fn;
    void *whose = wait->context;
    unlink_wait(wait);
    memory_free(wait);
    fn(whose); /* may free the issuer, if it was the last */
}

void issuer_want_keys(struct issuer *issuer)
{
    issuer->wants_keys = true;
}

/* false: not now. */
static bool begin_refresh(struct issuer *issuer)
{
    struct moment now = loop_now(issuer->loop);
    if (!moment_reached(now, issuer->cool)) {
        return false;
    }
    issuer->cool = moment_after(now, issuer->settings->cooldown_ms);
    begin_round(issuer, !issuer->wants_keys || keys_url(issuer) == NULL);
    return true;
}

struct issuer_wait *issuer_refresh_start(struct issuer *issuer, issuer_wait_fn *fn, void *context)
{
    if (issuer->step == ISSUER_IDLE && !begin_refresh(issuer)) {
        return NULL;
    }
    struct issuer_wait *wait = MEMORY_NEW(struct issuer_wait);
    *wait =
        (struct issuer_wait){.issuer = issuer, .next = issuer->waits, .fn = fn, .context = context};
    loop_later_init(&wait->wake, on_wake, wait);
    if (issuer->waits != NULL) {
        issuer->waits->previous = wait;
    }
    issuer->waits = wait;
    return wait;
}

void issuer_refresh_cancel(struct issuer_wait *wait)
{
    if (wait != NULL) {
        loop_later_cancel(&wait->wake);
        unlink_wait(wait);
        memory_free(wait);
    }
}
