/* login.c - one SASL exchange, from mechanism to answer, told in one file. */
#include "auth/login.h"

#include "auth/credential.h"
#include "auth/login_challenge.h"
#include "base/memory.h"

#include <stdio.h>

/* The story, in order; a login rests only in the states that wait. */
enum login_state {
    LOGIN_BEGIN,            /* may this mechanism be used here at all? */
    LOGIN_ASK,              /* challenge for credentials */
    LOGIN_WAIT_MESSAGE,     /* the client's turn */
    LOGIN_SILENCE,          /* which it did not take */
    LOGIN_READ,             /* its message */
    LOGIN_THROTTLE,         /* too many wrong guesses from there? */
    LOGIN_WAIT_THROTTLE,    /* some, so more slowly */
    LOGIN_CHECK,            /* token or password */
    LOGIN_WAIT_CHECK,       /* for provider or pool */
    LOGIN_FIND,             /* whose account? */
    LOGIN_DECIDE,           /* policy.c */
    LOGIN_BIND,             /* the account to (provider, subject) */
    LOGIN_WAIT_BINDING,     /* until it is durable */
    LOGIN_CONCLUDE,         /* as it was decided */
    LOGIN_TOO_SLOW,         /* a check or a binding, for the client's patience */
    LOGIN_WAIT_REFUSAL,     /* decided and logged; the client waits for it */
    LOGIN_TELL,             /* why, as OAUTHBEARER's error challenge */
    LOGIN_WAIT_ACKNOWLEDGE, /* whatever the client says to that */
    LOGIN_ANSWER,           /* once */
    LOGIN_OVER,
};

enum { CHALLENGE_MAX = 1000 };

struct login {
    struct login_service *service;
    login_fn *fn;
    void *context;
    enum login_state state;
    struct loop_later later;
    struct loop_timer *timer;
    enum login_state timed_out; /* where the timer leads */
    struct moment started, turn, checked;

    struct arena arena;
    struct login_request request; /* how it was asked; texts: `record` */
    char id[16];
    struct credential credential; /* its secret until it is decided */
    bool password_next;           /* LOGIN: the user name is here */

    struct token_check *token_check;
    struct password_check *password_check;
    struct change_run *binding;

    struct verdict verdict; /* its provider: in the step that got it, no longer */
    enum password_answer password_answer;
    struct span hash; /* that the password was checked against */
    bool store_unavailable;
    const struct account *account, *named;
    struct policy_outcome decided;

    enum login_answer answer;
    enum login_hint hint;
    struct login_record record; /* as far as it is known; its texts live in the arena */
    bool logged;
    struct buffer challenge;      /* the error JSON; empty: refused directly */
    struct login_outcome outcome; /* what is to be said when the step is done */
    bool speaks;
};

static void login_step(void *context);

static struct moment now(const struct login *login)
{
    return loop_now(login->service->loop);
}

/* Postfix hangs up 10 s after its question; the client's turns are few, so the whole has a limit too. */
static struct moment deadline(const struct login *login)
{
    const struct login_settings *settings = &login->service->settings;
    return moment_earlier(moment_after(login->turn, settings->turn_ms),
                          moment_after(login->started, settings->exchange_ms));
}

/* Rests in `state` until something else wakes it, or until `end` makes it go on with `timed_out`. */
static enum login_state wait_until(struct login *login, enum login_state state, struct moment end,
                                   enum login_state timed_out)
{
    login->timed_out = timed_out;
    loop_timer_set(login->timer, moment_since(end, now(login)));
    return state;
}

/* Says `challenge` and waits for what the client says to it. */
static enum login_state challenge(struct login *login, struct span text, enum login_state state,
                                  enum login_state timed_out)
{
    login->outcome = (struct login_outcome){.answer = LOGIN_CHALLENGE, .challenge = text};
    login->speaks = true;
    struct moment end = moment_after(login->started, login->service->settings.exchange_ms);
    return wait_until(login, state, end, timed_out);
}

/* -- what becomes of it -- */

static void record(struct login *login, enum login_record_event event)
{
    struct login_record *record = &login->record;
    record->user = login->credential.user;
    if (span_empty(record->user) && login->verdict.answer == VERDICT_ACCEPTED) {
        record->user = address_span(&login->verdict.address);
    }
    if (login->account != NULL) {
        record->account = address_span(&login->account->primary);
    }
    record->status = login->verdict.status;
    record->ms = moment_since(now(login), login->started);
    record->turn_ms = moment_since(now(login), login->turn);
    login_record_write(login->service->log, &login->service->counts, event, record);
    login->logged = true;
}

static enum login_state succeed(struct login *login)
{
    const struct login_service *service = login->service;
    throttle_accepted(service->throttle, login->record.client, credential_user(&login->credential));
    credential_wipe(&login->credential);
    record(login, LOGIN_RECORD_ACCEPTED);
    if (service->changes != NULL) {
        changes_note_login(service->changes, span_of(login->account->id), loop_wall(service->loop));
    }
    login->answer = LOGIN_ACCEPTED;
    return LOGIN_ANSWER;
}

/* Trouble of ours or the provider's: at once, and never counted. */
static enum login_state unavailable(struct login *login, const char *reason)
{
    credential_wipe(&login->credential);
    login->record.reason = reason;
    record(login, LOGIN_RECORD_UNAVAILABLE);
    login->answer = LOGIN_UNAVAILABLE;
    return LOGIN_ANSWER;
}

/* No credential that could be judged. */
static enum login_state malformed(struct login *login, const char *reason, enum login_hint hint)
{
    login->record.reason = reason;
    login->record.detail = login->credential.problem;
    credential_wipe(&login->credential);
    record(login, LOGIN_RECORD_MALFORMED);
    login->answer = LOGIN_REFUSED;
    login->hint = hint;
    return LOGIN_ANSWER;
}

static void prepare_challenge(struct login *login, const char *status)
{
    login_challenge_error(login->request.mechanism, login->service->tokens,
                          credential_name(&login->credential), status, &login->challenge);
}

/* The delay begins with the check, so that what was found out cannot be told from the time it took. */
static enum login_state delay_refusal(struct login *login)
{
    login->answer = LOGIN_REFUSED;
    if (login->credential.given) {
        return LOGIN_ANSWER;
    }
    struct moment end = moment_after(login->checked, login->service->settings.refusal_delay_ms);
    return wait_until(login, LOGIN_WAIT_REFUSAL, moment_earlier(end, deadline(login)),
                      login->challenge.length > 0 ? LOGIN_TELL : LOGIN_ANSWER);
}

static enum login_state refuse(struct login *login, const char *reason)
{
    bool is_new =
        throttle_refused(login->service->throttle, now(login), login->record.client,
                         credential_user(&login->credential), &login->credential.sasl.secret);
    credential_wipe(&login->credential);
    login->record.reason = reason;
    record(login, is_new ? LOGIN_RECORD_REFUSED : LOGIN_RECORD_REFUSED_AGAIN);
    prepare_challenge(login, verdict_status(login->verdict.reason, login->credential.name_given));
    return delay_refusal(login);
}

/* -- the way in, and the client's message -- */

static enum login_state begin(struct login *login)
{
    const struct login_settings *settings = &login->service->settings;
    struct policy_door door = {login->request.mechanism, login->record.client,
                               login->request.secured, settings->cleartext, settings->passwords};
    if (login->service->running > settings->logins_max) {
        return unavailable(login, "too_many_logins");
    }
    if (login->credential.given) {
        return LOGIN_READ; /* its door asked for a secret */
    }
    switch (policy_enter(&door)) {
    case POLICY_ENTRY_MECHANISM:
        return malformed(login, "mechanism_not_offered", LOGIN_HINT_MECHANISM);
    case POLICY_ENTRY_NEEDS_TLS:
        return malformed(login, "no_tls", LOGIN_HINT_NEEDS_TLS);
    case POLICY_ENTRY_OPEN:
        break;
    }
    return login->request.has_response ? LOGIN_READ : LOGIN_ASK;
}

static enum login_state ask(struct login *login)
{
    struct span prompt = login_challenge_prompt(login->request.mechanism, login->password_next);
    return challenge(login, prompt, LOGIN_WAIT_MESSAGE, LOGIN_SILENCE);
}

static enum login_state client_silent(struct login *login)
{
    login->record.reason = "client_silent";
    record(login, LOGIN_RECORD_ABANDONED);
    return LOGIN_ANSWER;
}

/* Malformed, but read well enough for an error challenge. */
static enum login_state malformed_told(struct login *login, const char *reason, const char *status)
{
    (void)malformed(login, reason, LOGIN_HINT_NONE);
    prepare_challenge(login, status);
    return delay_refusal(login);
}

static enum login_state read_message(struct login *login)
{
    switch (credential_read(&login->credential, login->request.mechanism, login->request.line_limit,
                            login->service->directory, &login->arena)) {
    case CREDENTIAL_NOT_BASE64:
        return malformed(login, "invalid_base64", LOGIN_HINT_INVALID_BASE64);
    case CREDENTIAL_TRUNCATED:
        return malformed(login, "truncated", LOGIN_HINT_TRUNCATED);
    case CREDENTIAL_TOO_LONG:
        return malformed(login, "too_long", LOGIN_HINT_TOO_LONG);
    case CREDENTIAL_ASKS_CONFIGURATION:
        /* RFC 7628, 4.3: an empty auth= is a question; nobody guesses anything with it. */
        return malformed_told(login, "asks_configuration", "invalid_token");
    case CREDENTIAL_CONTINUE:
        login->password_next = true;
        return LOGIN_ASK;
    case CREDENTIAL_COMPLETE:
        return LOGIN_THROTTLE;
    case CREDENTIAL_MALFORMED:
        break;
    }
    return malformed_told(login, "malformed", "invalid_request");
}

static enum login_state ask_throttle(struct login *login)
{
    int64_t delay_ms = 0;
    if (login->credential.given && span_is(login->record.client, "-")) {
        return LOGIN_CHECK; /* all clients of that server would count as one guesser */
    }
    switch (throttle_ask(login->service->throttle, now(login), login->record.client,
                         credential_user(&login->credential), &delay_ms)) {
    case THROTTLE_DELAY:
        return wait_until(login, LOGIN_WAIT_THROTTLE,
                          moment_earlier(moment_after(now(login), delay_ms), deadline(login)),
                          LOGIN_CHECK);
    case THROTTLE_GO:
        return LOGIN_CHECK;
    case THROTTLE_STOP:
        break;
    }
    return unavailable(login, "throttled");
}

/* -- the check -- */

static void stop_waiting(struct login *login)
{
    token_check_cancel(login->token_check);
    password_check_cancel(login->password_check);
    change_forget(login->binding);
    login->token_check = NULL;
    login->password_check = NULL;
    login->binding = NULL;
}

static enum login_state too_slow(struct login *login)
{
    const char *reason = login->token_check != NULL ? "provider_slow" : "binding_slow";
    reason = login->password_check != NULL ? "passwords_slow" : reason;
    stop_waiting(login);
    return unavailable(login, reason);
}

/* The provider that the verdict names is good for this turn, which steps on to the decision. */
static enum login_state take_verdict(struct login *login)
{
    const struct provider *provider = login->verdict.provider;
    struct span name = span_of(provider == NULL ? NULL : provider->name);
    login->record.provider = span_empty(name) ? NULL : span_text(&login->arena, name);
    login->record.detail = login->verdict.detail;
    return LOGIN_FIND;
}

static void on_token_checked(const struct verdict *verdict, void *context)
{
    struct login *login = context;
    login->token_check = NULL;
    login->verdict = *verdict;
    login->state = take_verdict(login);
    login_step(login);
}

static void on_password_checked(enum password_answer answer, void *context)
{
    struct login *login = context;
    login->password_check = NULL;
    login->password_answer = answer;
    login->state = LOGIN_FIND;
    login_step(login);
}

static enum login_state check_token(struct login *login)
{
    if (login->credential.name_given && !login->credential.name_valid) {
        return refuse(login, "user_malformed");
    }
    struct token_question question = {
        .token = &login->credential.sasl.secret,
        .user = credential_name(&login->credential),
        .protocol = provider_protocol_of(login->record.protocol),
        .login_id = span_of(login->id),
    };
    if (token_check_lookup(login->service->tokens, &question, &login->verdict)) {
        return take_verdict(login);
    }
    login->token_check =
        token_check_start(login->service->tokens, &question, on_token_checked, login);
    return wait_until(login, LOGIN_WAIT_CHECK, deadline(login), LOGIN_TOO_SLOW);
}

/* NULL for nobody, and for no address. */
static const struct account *look_up(struct login *login, const struct address *address)
{
    if (address == NULL) {
        return NULL;
    }
    struct account_rows_found *found = arena_new(&login->arena, sizeof *found);
    enum directory_answer answer =
        directory_login(login->service->directory, address, &login->arena, found);
    login->store_unavailable |= answer == DIRECTORY_UNAVAILABLE;
    return answer == DIRECTORY_FOUND ? &found->account : NULL;
}

/* Whoever is unknown, disabled or without a password pays for a hash like everybody else. */
static enum login_state check_password(struct login *login)
{
    const struct account *account = look_up(login, credential_name(&login->credential));
    if (login->store_unavailable) {
        return unavailable(login, "store_unavailable");
    }
    login->hash = account == NULL ? (struct span){0} : account->password;
    login->password_check =
        password_check_start(login->service->passwords, login->hash, &login->credential.sasl.secret,
                             on_password_checked, login);
    return wait_until(login, LOGIN_WAIT_CHECK, deadline(login), LOGIN_TOO_SLOW);
}

/* A token in PLAIN's password field is a password like any other: never tried as a token. */
static enum login_state check(struct login *login)
{
    login->checked = now(login);
    if (moment_reached(login->checked, deadline(login))) {
        return unavailable(login, "throttled");
    }
    return login->credential.kind == SASL_TOKEN ? check_token(login) : check_password(login);
}

/* -- the decision -- */

/* Looked up after the check, and for passwords once more: what was disabled meanwhile stays out. */
static enum login_state find(struct login *login)
{
    bool token = login->credential.kind == SASL_TOKEN;
    if (token && login->verdict.answer != VERDICT_ACCEPTED) {
        return LOGIN_DECIDE;
    }
    const struct address *name = credential_name(&login->credential);
    login->named = look_up(login, name);
    bool other = token && (name == NULL || !address_equal(name, &login->verdict.address));
    login->account = other ? look_up(login, &login->verdict.address) : login->named;
    return LOGIN_DECIDE;
}

static enum login_state decide(struct login *login)
{
    bool stale = login->account != NULL && !span_equal(login->account->password, login->hash);
    struct policy_facts facts = {
        .verdict = login->credential.kind == SASL_TOKEN ? &login->verdict : NULL,
        .password = stale && login->password_answer == PASSWORD_RIGHT ? PASSWORD_WRONG
                                                                      : login->password_answer,
        .store_unavailable = login->store_unavailable,
        .account = login->account,
        .named = login->named,
        .name_given = login->credential.name_given,
        .protocol = login->record.protocol,
    };
    login->decided = policy_decide(&facts);
    login->verdict.provider = NULL;
    bool binds = login->decided.binds && login->service->changes != NULL;
    return binds ? LOGIN_BIND : LOGIN_CONCLUDE;
}

static void on_bound(const struct change_result *result, void *context)
{
    struct login *login = context;
    login->binding = NULL;
    login->decided = policy_bound(result);
    login->state = LOGIN_CONCLUDE;
    login_step(login);
}

/* A first login counts only once the binding is durable: else a second subject could come in by the
 * same address. */
static enum login_state bind_account(struct login *login)
{
    struct change change = {
        .kind = CHANGE_ACCOUNT_BIND,
        .actor = SPAN_LITERAL("login"),
        .account_id = span_of(login->account->id),
        .provider = span_of(login->record.provider),
        .subject = span_of(login->verdict.subject),
    };
    login->binding = change_start(login->service->changes, &change, on_bound, login);
    return wait_until(login, LOGIN_WAIT_BINDING, deadline(login), LOGIN_TOO_SLOW);
}

/* The reason is the policy's, or else the verdict's. */
static enum login_state conclude(struct login *login)
{
    const char *reason = login->decided.reason == POLICY_NO_REASON
                             ? verdict_reason_name(login->verdict.reason)
                             : policy_reason_name(login->decided.reason);
    switch (login->decided.decision) {
    case DECISION_ACCEPT:
        return succeed(login);
    case DECISION_RETRY_LATER:
        return unavailable(login, reason);
    case DECISION_REFUSE:
        break;
    }
    return refuse(login, reason);
}

/* -- the answer -- */

static void login_free(struct login *login)
{
    stop_waiting(login);
    loop_later_cancel(&login->later);
    loop_timer_free(login->timer);
    credential_wipe(&login->credential);
    buffer_done(&login->challenge);
    arena_done(&login->arena);
    login->service->running--;
    memory_free(login);
}

static enum login_state tell(struct login *login)
{
    return challenge(login, buffer_span(&login->challenge), LOGIN_WAIT_ACKNOWLEDGE, LOGIN_ANSWER);
}

static enum login_state give_answer(struct login *login)
{
    bool accepted = login->answer == LOGIN_ACCEPTED;
    const struct address *user =
        accepted ? &login->account->primary : credential_name(&login->credential);
    login->outcome = (struct login_outcome){.answer = login->answer, .hint = login->hint};
    login->outcome.user = user == NULL ? (struct span){0} : address_span(user);
    login->outcome.account_id = span_of(accepted ? login->account->id : NULL);
    login->speaks = true;
    return LOGIN_OVER;
}

/* What each state does, and which follows; those that wait do nothing. */
static enum login_state (*const acts[])(struct login *login) = {
    [LOGIN_BEGIN] = begin,
    [LOGIN_ASK] = ask,
    [LOGIN_SILENCE] = client_silent,
    [LOGIN_READ] = read_message,
    [LOGIN_THROTTLE] = ask_throttle,
    [LOGIN_CHECK] = check,
    [LOGIN_FIND] = find,
    [LOGIN_DECIDE] = decide,
    [LOGIN_BIND] = bind_account,
    [LOGIN_CONCLUDE] = conclude,
    [LOGIN_TOO_SLOW] = too_slow,
    [LOGIN_TELL] = tell,
    [LOGIN_ANSWER] = give_answer,
    [LOGIN_OVER] = NULL,
};

/* The last thing that is done: the door may cancel the login when it hears a challenge. */
static void speak(struct login *login)
{
    bool over = login->state == LOGIN_OVER;
    login->speaks = false;
    login->fn(&login->outcome, login->context);
    if (over) {
        login_free(login);
    }
}

static void login_step(void *context)
{
    struct login *login = context;
    while (acts[login->state] != NULL) {
        login->state = acts[login->state](login);
    }
    if (login->speaks) {
        speak(login);
    }
}

static void on_timer(void *context)
{
    struct login *login = context;
    login->state = login->timed_out;
    login_step(login);
}

/* -- the door's side -- */

struct login *login_start(struct login_service *service, const struct login_request *request,
                          login_fn *fn, void *context)
{
    struct login *login = MEMORY_NEW(struct login);
    unsigned long long id;
    login->service = service;
    login->fn = fn;
    login->context = context;
    login->request = (struct login_request){.mechanism = request->mechanism,
                                            .secured = request->secured,
                                            .line_limit = request->line_limit,
                                            .has_response = request->has_response};
    login->record = (struct login_record){
        .mechanism = request->token != NULL ? request->way : sasl_name(request->mechanism),
        .protocol = span_copy(&login->arena, request->protocol),
        .client = span_empty(request->client) ? SPAN_LITERAL("-") /* every line has a rip= */
                                              : span_copy(&login->arena, request->client),
        .session = span_copy(&login->arena, request->session),
        .login = login->id,
    };
    login->challenge = buffer_limited(CHALLENGE_MAX);
    login->started = login->turn = login->checked = loop_now(service->loop);
    login->timer = loop_timer_new(service->loop, on_timer, login);
    secret_random(&id, sizeof id);
    snprintf(login->id, sizeof login->id, "%012llx", id >> 16);
    if (request->token != NULL) {
        credential_give(&login->credential, request->token);
    } else {
        credential_take(&login->credential, request->response, true);
    }
    service->running++;
    loop_later_init(&login->later, login_step, login);
    loop_later(service->loop, &login->later);
    return login;
}

void login_continue(struct login *login, struct span response)
{
    if (login->state == LOGIN_WAIT_MESSAGE) {
        credential_take(&login->credential, response, false);
        login->state = LOGIN_READ;
    } else if (login->state == LOGIN_WAIT_ACKNOWLEDGE) {
        /* RFC 7628, 3.2.3: ^A, but whatever it is, nothing is checked a second time. */
        login->state = LOGIN_ANSWER;
    } else {
        return;
    }
    login->turn = login->checked = now(login);
    loop_timer_clear(login->timer);
    loop_later(login->service->loop, &login->later);
}

void login_cancel(struct login *login)
{
    if (login == NULL || login->state == LOGIN_OVER) {
        return; /* the door hears the last answer just now */
    }
    if (!login->logged) {
        login->record.reason = login->service->stopping ? "stopping" : "client_left";
        record(login, LOGIN_RECORD_ABANDONED);
    }
    login_free(login);
}
