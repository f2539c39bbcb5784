/* token_check.c - whose token is this? One check of one token, as named states,
 * and those who wait for it. */
#include "token/token_check.h"

#include "base/memory.h"
#include "base/text.h"
#include "token/token_checks.h"
#include "token/token_explain.h"
#include "token/token_metrics.h"

#include <assert.h>
#include <string.h>

/* The story, in order; a flight rests only in the states that wait. */
enum flight_state {
    FLIGHT_BEGIN,          /* a JWT? of which issuer? */
    FLIGHT_NEXT,           /* what is to be asked now? */
    FLIGHT_PROVE,          /* what does it say, and which key proves it? */
    FLIGHT_WAIT_KEYS,      /* that are being fetched */
    FLIGHT_WAIT_SIGNATURE, /* being verified */
    FLIGHT_ASK,            /* where? and may we, now? */
    FLIGHT_WAIT_ENDPOINT,  /* for discovery to tell */
    FLIGHT_WAIT_TURN,      /* at the gate */
    FLIGHT_SEND,           /* the question */
    FLIGHT_WAIT_ANSWER,
    FLIGHT_CONCLUDE, /* cache it, tell all who wait */
    FLIGHT_OVER,
};

/* One login that waits. */
struct token_check {
    struct token_checks *checks;
    struct token_flight *flight; /* NULL: nothing had to be asked */
    struct token_check *next, *previous;
    enum provider_protocol protocol;
    bool named;
    struct address user; /* `named` */
    struct loop_later later;
    struct verdict verdict; /* without a flight */
    token_check_fn *fn;
    void *context;
};

/* One check of one token, for all who brought it. */
struct token_flight {
    struct token_checks_link link; /* first: in the table of those under way */
    struct token_checks *checks;
    struct token_generation *generation;
    struct token_check *waiters;
    enum flight_state state;
    struct secret token;
    char domain[ADDRESS_DOMAIN_MAX + 1]; /* of the first one's name; empty: none */
    const struct provider *chosen;       /* by that domain; NULL: the issuer decides */
    struct token_case is;                /* what is known of it */
    enum token_way first_way;
    bool waited; /* for keys or discovery, once */
    /* a JWT without kid: that it needs a new key shows when the old ones do not prove it */
    bool nameless;
    bool doomed; /* refused, but whoever wants findings hears of the rest */
    struct issuer_wait *wait;
    struct signature_check *signature;
    struct gate_turn turn;
    struct fetch *fetch;
    uint64_t keys_changes;   /* checks->keys_changes when it looked at keys */
    struct loop_later later; /* begins it, and goes on after the gate */
    struct moment started;
    char login_id[TOKEN_CHECKS_LOGIN_ID];
};

static void flight_step(void *context);

/* -- endings -- */

static enum flight_state refuse(struct token_flight *flight, enum verdict_reason reason,
                                const char *detail)
{
    if (!flight->doomed) {
        (void)verdict_refuse(&flight->is.verdict, reason, detail);
    }
    return FLIGHT_CONCLUDE;
}

static enum flight_state cannot_say(struct token_flight *flight, enum verdict_reason reason,
                                    const char *detail)
{
    if (!flight->doomed) {
        (void)verdict_cannot_say(&flight->is.verdict, reason, detail);
    }
    return FLIGHT_CONCLUDE;
}

/* -- a JWT? -- */

/* The struct that tokens are read into is shared: whoever has waited reads
 * again. */
static enum jwt_shape read_jwt(struct token_flight *flight)
{
    struct token_checks *checks = flight->checks;
    checks->reader = flight;
    return jwt_read(&checks->scratch->jwt, secret_reveal(&flight->token));
}

/* The provider is known: whose keys, whose endpoints? */
static void set_issuer(struct token_flight *flight, size_t index)
{
    flight->is.issuer =
        token_generation_issuers(flight->is.provider) == 0
            ? NULL
            : token_generation_issuer(flight->generation, flight->is.provider, index);
}

/* Several providers speak for the name's domain, or there is no name: the
 * issuer decides. */
static enum flight_state find_provider(struct token_flight *flight, enum jwt_shape shape)
{
    const struct provider_set *set = token_generation_set(flight->generation);
    struct span domain = span_of(flight->domain);
    size_t index = 0;
    if (shape != JWT_GOOD) {
        return refuse(flight, shape == JWT_OPAQUE ? VERDICT_NO_PROVIDER : VERDICT_MALFORMED,
                      "no name and no issuer says whom to ask");
    }
    struct span named = token_case_issuer_named(&flight->checks->scratch->jwt);
    const struct provider *provider = provider_set_issuer(set, named, &index);
    if (provider == NULL || (!span_empty(domain) && !provider_speaks_for(provider, domain))) {
        return refuse(flight, VERDICT_OTHER_ISSUER, "of no provider that speaks for this domain");
    }
    flight->is.provider = flight->is.verdict.provider = provider;
    flight->is.known.jwt = true;
    set_issuer(flight, index);
    return FLIGHT_NEXT;
}

/* What an endpoint is asked about is opaque to us, whatever it looks like. */
static bool reads_jwts(const struct provider *provider)
{
    return token_generation_issuers(provider) > 0 &&
           provider->check != PROVIDER_CHECK_INTROSPECTION &&
           provider->check != PROVIDER_CHECK_TOKENINFO;
}

/* The provider is chosen; which of its issuers made the token? */
static enum flight_state find_issuer(struct token_flight *flight, enum jwt_shape shape)
{
    const struct provider *provider = flight->is.provider;
    const struct jwt *jwt = &flight->checks->scratch->jwt;
    bool reads = reads_jwts(provider);
    size_t count = token_generation_issuers(provider);
    set_issuer(flight, 0);
    if (shape == JWT_MALFORMED && reads) {
        return refuse(flight, VERDICT_MALFORMED, jwt->problem);
    }
    if (shape != JWT_GOOD || count == 0) {
        return FLIGHT_NEXT;
    }
    struct span named = token_case_issuer_named(jwt);
    for (size_t i = 0; i < count; i++) {
        if (span_is(named, provider->issuers[i])) {
            set_issuer(flight, i);
            flight->is.known.jwt = true;
            return FLIGHT_NEXT;
        }
    }
    return reads ? refuse(flight, VERDICT_OTHER_ISSUER, "iss is none of the provider's issuers")
                 : FLIGHT_NEXT;
}

static enum flight_state begin(struct token_flight *flight)
{
    struct finding_list *findings = flight->is.findings;
    flight->is = (struct token_case){
        .provider = flight->chosen, .verdict = {.provider = flight->chosen}, .findings = findings};
    flight->waited = flight->link.forgotten = false;
    enum jwt_shape shape = read_jwt(flight);
    token_explain_shape(findings, shape, &flight->checks->scratch->jwt);
    enum flight_state next =
        flight->chosen == NULL ? find_provider(flight, shape) : find_issuer(flight, shape);
    token_explain_provider(&flight->is, token_generation_set(flight->generation), shape,
                           &flight->checks->scratch->jwt, span_of(flight->domain));
    return next;
}

static enum flight_state next(struct token_flight *flight)
{
    flight->is.way = token_way_next(flight->is.provider, &flight->is.known);
    flight->first_way = flight->first_way == TOKEN_WAY_REFUSE ? flight->is.way : flight->first_way;
    token_explain_way(&flight->is);
    switch (flight->is.way) {
    case TOKEN_WAY_REFUSE:
        return refuse(flight, VERDICT_OPAQUE, "no JWT, and nobody can say for whom it was issued");
    case TOKEN_WAY_PROVE:
        return FLIGHT_PROVE;
    case TOKEN_WAY_INTROSPECT:
    case TOKEN_WAY_TOKENINFO:
    case TOKEN_WAY_USERINFO:
        flight->waited = false;
        return FLIGHT_ASK;
    case TOKEN_WAY_DONE:
        break;
    }
    if (flight->is.known.identified) {
        flight->is.verdict.answer = VERDICT_ACCEPTED;
        flight->is.verdict.reason = VERDICT_NO_REASON;
        flight->is.verdict.detail[0] = '\0';
        return FLIGHT_CONCLUDE;
    }
    return refuse(flight, VERDICT_NO_ADDRESS, "nothing that was asked says whose it is");
}

/* -- its proof -- */

static void on_keys(void *context)
{
    struct token_flight *flight = context;
    flight->wait = NULL;
    flight->state = flight->state == FLIGHT_WAIT_KEYS ? FLIGHT_PROVE : FLIGHT_ASK;
    flight_step(flight);
}

/* Once: what a fetch did not bring, a second one will not. */
static bool wait_for_issuer(struct token_flight *flight)
{
    if (flight->waited || flight->is.issuer == NULL) {
        return false;
    }
    flight->waited = true;
    flight->wait = issuer_refresh_start(flight->is.issuer, on_keys, flight);
    return flight->wait != NULL;
}

static void on_signature(enum signature_answer answer, void *context)
{
    struct token_flight *flight = context;
    flight->signature = NULL;
    switch (answer) {
    case SIGNATURE_GOOD:
        flight->is.known.proved = true;
        flight->state = flight->doomed ? FLIGHT_CONCLUDE : FLIGHT_NEXT;
        break;
    case SIGNATURE_BAD:
        flight->state = flight->nameless && wait_for_issuer(flight)
                            ? FLIGHT_WAIT_KEYS
                            : refuse(flight, VERDICT_SIGNATURE, "");
        break;
    case SIGNATURE_BUSY:
        flight->state = cannot_say(flight, VERDICT_BUSY, "too many signatures wait");
        break;
    }
    token_explain_signature(flight->is.findings, answer);
    flight_step(flight);
}

static enum flight_state prove(struct token_flight *flight)
{
    struct token_checks *checks = flight->checks;
    const struct jwt *jwt = &checks->scratch->jwt;
    if (checks->reader != flight) {
        (void)read_jwt(flight);
    }
    int64_t now = loop_wall(checks->loop);
    flight->doomed = !token_case_judge_jwt(&flight->is, checks->scratch, now);
    if (flight->doomed && flight->is.findings == NULL) {
        return FLIGHT_CONCLUDE;
    }
    issuer_want_keys(flight->is.issuer); /* introspection may not have spoken of it */
    struct keyset *keys = issuer_keys(flight->is.issuer);
    flight->keys_changes = checks->keys_changes;
    flight->nameless = span_empty(jwt->key_id) && flight->is.findings == NULL;
    struct keyset_found found = {.count = 0};
    enum signature_algorithm algorithm = signature_algorithm_of(jwt->algorithm);
    enum keyset_answer answer =
        keys == NULL ? KEYSET_NONE : keyset_find(keys, jwt->key_id, algorithm, &found);
    if (answer == KEYSET_NONE && wait_for_issuer(flight)) {
        return FLIGHT_WAIT_KEYS;
    }
    token_explain_jwt(&flight->is, checks->scratch, now);
    token_explain_key(&flight->is, keys, jwt, answer);
    bool may_be_there = answer == KEYSET_NONE && issuer_keys_in_trouble(flight->is.issuer);
    if (keys == NULL || may_be_there) {
        return cannot_say(flight, VERDICT_NO_KEYS, issuer_trouble(flight->is.issuer));
    }
    switch (answer) {
    case KEYSET_NONE:
        return refuse(flight, VERDICT_KEY_UNKNOWN, "the issuer has no such key");
    case KEYSET_AMBIGUOUS:
        return refuse(flight, VERDICT_KEY_UNKNOWN, "no kid, and too many keys fit");
    case KEYSET_UNFIT:
        return refuse(flight, VERDICT_ALGORITHM, "alg does not fit the key");
    case KEYSET_FOUND:
        break;
    }
    flight->signature =
        signature_queue_start(checks->signatures, &found, algorithm, jwt->signed_part,
                              jwt->signature, on_signature, flight);
    return FLIGHT_WAIT_SIGNATURE;
}

/* -- asking about it -- */

/* Not from here: a flight that ends may take the gate with it. */
static void on_turn(enum gate_answer answer, void *context)
{
    struct token_flight *flight = context;
    flight->state = answer == GATE_GO
                        ? FLIGHT_SEND
                        : cannot_say(flight, VERDICT_PAUSED, "it failed several times in a row");
    loop_later(flight->checks->loop, &flight->later);
}

static enum flight_state not_asked(struct token_flight *flight, enum verdict_reason reason,
                                   const char *detail)
{
    (void)verdict_cannot_say(&flight->is.verdict, reason, detail);
    token_explain_not_asked(&flight->is);
    return FLIGHT_CONCLUDE;
}

static enum flight_state ask(struct token_flight *flight)
{
    if (token_case_endpoint(&flight->is) == NULL) {
        if (wait_for_issuer(flight)) {
            return FLIGHT_WAIT_ENDPOINT;
        }
        const char *why = flight->is.issuer == NULL ? NULL : issuer_trouble(flight->is.issuer);
        return not_asked(flight, VERDICT_NO_ENDPOINT,
                         why == NULL ? "discovery names no such endpoint" : why);
    }
    struct gate *gate = token_generation_gate(flight->generation, flight->is.provider);
    switch (gate_enter(gate, &flight->turn)) {
    case GATE_CLOSED:
        return not_asked(flight, VERDICT_PAUSED, "it failed several times in a row");
    case GATE_FULL:
        return not_asked(flight, VERDICT_BUSY, "too many questions wait for it");
    case GATE_WAIT:
        return FLIGHT_WAIT_TURN;
    case GATE_GO:
        break;
    }
    return FLIGHT_SEND;
}

static void on_answer(const struct fetch_answer *answer, void *context)
{
    struct token_flight *flight = context;
    struct token_checks *checks = flight->checks;
    struct verdict *verdict = &flight->is.verdict;
    flight->fetch = NULL;
    bool goes_on = token_case_hear(&flight->is, checks->scratch, answer, loop_wall(checks->loop));
    verdict->answer = goes_on ? VERDICT_REFUSED : verdict->answer; /* as long as it is not over */
    gate_leave(&flight->turn, verdict, span_of(flight->login_id));
    flight->state = goes_on ? FLIGHT_NEXT : FLIGHT_CONCLUDE;
    flight_step(flight);
}

static enum flight_state send_question(struct token_flight *flight)
{
    struct introspect_request request;
    if (!token_case_request(&flight->is, &flight->token, loop_wall(flight->checks->loop),
                            &request)) {
        gate_cancel(&flight->turn);
        introspect_request_done(&request);
        return FLIGHT_CONCLUDE;
    }
    flight->fetch = fetch_start(token_generation_fetches(flight->generation, flight->is.provider),
                                &request.fetch, on_answer, flight);
    introspect_request_done(&request);
    return FLIGHT_WAIT_ANSWER;
}

/* -- the end of a flight -- */

static void flight_free(struct token_flight *flight)
{
    struct token_checks *checks = flight->checks;
    token_checks_unlist(checks, &flight->link);
    issuer_refresh_cancel(flight->wait);
    signature_queue_cancel(flight->signature);
    fetch_cancel(flight->fetch);
    gate_cancel(&flight->turn);
    loop_later_cancel(&flight->later);
    secret_done(&flight->token);
    checks->reader = checks->reader == flight ? NULL : checks->reader;
    token_generation_release(flight->generation);
    memory_free(flight);
}

void token_check_abandon(struct token_checks_link *link)
{
    struct token_flight *flight = (struct token_flight *)(void *)link;
    assert(flight->waiters == NULL);
    flight_free(flight);
}

static void check_free(struct token_check *check)
{
    struct token_flight *flight = check->flight;
    if (flight != NULL) {
        if (check->previous != NULL) {
            check->previous->next = check->next;
        } else {
            flight->waiters = check->next;
        }
        if (check->next != NULL) {
            check->next->previous = check->previous;
        }
    }
    loop_later_cancel(&check->later);
    check->checks->running--;
    memory_free(check);
}

/* An answer may make others leave, or come: those who stay are told one by one.
 */
static void tell(struct token_flight *flight)
{
    while (flight->waiters != NULL) {
        struct token_check *check = flight->waiters;
        struct verdict verdict = flight->is.verdict;
        token_checks_fit(&verdict, check->named ? &check->user : NULL, check->protocol,
                         flight->is.findings != NULL);
        token_check_fn *fn = check->fn;
        void *context = check->context;
        check_free(check);
        fn(&verdict, context);
    }
}

static enum flight_state conclude(struct token_flight *flight)
{
    struct token_checks *checks = flight->checks;
    struct verdict *verdict = &flight->is.verdict;
    bool current = flight->generation == checks->current;
    bool keeps = flight->is.findings == NULL && current;
    if (verdict->answer == VERDICT_ACCEPTED && flight->link.forgotten) {
        return FLIGHT_BEGIN; /* what it was told may be older than what made us
                            forget */
    }
    if (keeps && verdict->answer == VERDICT_UNAVAILABLE) {
        (void)token_checks_stand_in(checks, &flight->link.key, verdict);
    } else if (keeps && !flight->link.forgotten && flight->keys_changes == checks->keys_changes) {
        token_checks_remember(checks, &flight->link.key, verdict, flight->is.known.proved);
    }
    token_metrics_count(checks, flight->is.provider, flight->first_way, verdict,
                        moment_since(loop_now(checks->loop), flight->started));
    token_checks_unlist(checks, &flight->link);
    tell(flight);
    return FLIGHT_OVER;
}

/* What each state does, and which follows; those that wait do nothing. */
static enum flight_state (*const acts[])(struct token_flight *flight) = {
    [FLIGHT_BEGIN] = begin, [FLIGHT_NEXT] = next,          [FLIGHT_PROVE] = prove,
    [FLIGHT_ASK] = ask,     [FLIGHT_SEND] = send_question, [FLIGHT_CONCLUDE] = conclude,
    [FLIGHT_OVER] = NULL,
};

static void flight_step(void *context)
{
    struct token_flight *flight = context;
    while (acts[flight->state] != NULL) {
        flight->state = acts[flight->state](flight);
    }
    if (flight->state == FLIGHT_OVER) {
        flight_free(flight);
    }
}

static struct token_flight *flight_new(struct token_checks *checks,
                                       const struct token_question *question,
                                       const struct token_checks_choice *choice)
{
    struct token_flight *flight = MEMORY_NEW(struct token_flight);
    flight->checks = checks;
    flight->generation = token_generation_hold(checks->current);
    flight->chosen = choice->provider;
    flight->token = secret_copy(question->token);
    flight->is.findings = question->findings;
    flight->started = loop_now(checks->loop);
    flight->keys_changes = checks->keys_changes;
    if (question->user != NULL) {
        (void)span_fits(address_domain(question->user), flight->domain, sizeof flight->domain);
    }
    (void)span_fits(question->login_id, flight->login_id, sizeof flight->login_id);
    gate_turn_init(&flight->turn, on_turn, flight);
    loop_later_init(&flight->later, flight_step, flight);
    loop_later(checks->loop, &flight->later);
    token_checks_list(checks, &flight->link, &choice->key, question->findings == NULL);
    return flight;
}

/* -- the door -- */

bool token_check_lookup(struct token_checks *checks, const struct token_question *question,
                        struct verdict *verdict)
{
    struct token_checks_choice choice;
    if (question->findings != NULL || !token_checks_choose(checks, question, &choice) ||
        !token_checks_recall(checks, &choice.key, verdict)) {
        return false;
    }
    token_checks_fit(verdict, question->user, question->protocol, false);
    return true;
}

static void on_later(void *context)
{
    struct token_check *check = context;
    struct verdict verdict = check->verdict;
    token_check_fn *fn = check->fn;
    void *owner = check->context;
    check_free(check);
    fn(&verdict, owner);
}

static void join(struct token_check *check, struct token_flight *flight)
{
    check->flight = flight;
    check->next = flight->waiters;
    if (flight->waiters != NULL) {
        flight->waiters->previous = check;
    }
    flight->waiters = check;
}

/* Nobody is to be asked, or nobody may be. */
static bool turned_away(struct token_checks *checks, bool chosen, struct verdict *verdict)
{
    if (!chosen) {
        return !verdict_refuse(verdict, VERDICT_NO_PROVIDER, "");
    }
    return checks->running > checks->settings.checks_max &&
           !verdict_cannot_say(verdict, VERDICT_BUSY, "too many checks are under way");
}

struct token_check *token_check_start(struct token_checks *checks,
                                      const struct token_question *question, token_check_fn *fn,
                                      void *context)
{
    /* RFC 7628 lets CR and LF into a message; one in a token would write headers
   * of its own. */
    assert(text_b64token(secret_reveal(question->token)));
    struct token_checks_choice choice;
    struct token_check *check = MEMORY_NEW(struct token_check);
    check->checks = checks;
    check->fn = fn;
    check->context = context;
    check->protocol = question->protocol;
    check->named = question->user != NULL;
    check->user = check->named ? *question->user : check->user;
    loop_later_init(&check->later, on_later, check);
    checks->running++;
    bool chosen = token_checks_choose(checks, question, &choice);
    if (turned_away(checks, chosen, &check->verdict)) {
        token_explain_turned_away(question->findings, &check->verdict, check->named);
        loop_later(checks->loop, &check->later);
        return check;
    }
    struct token_checks_link *link =
        question->findings != NULL ? NULL : token_checks_under_way(checks, &choice.key);
    checks->stats.joined += link != NULL ? 1 : 0;
    join(check, link != NULL ? (struct token_flight *)(void *)link
                             : flight_new(checks, question, &choice));
    return check;
}

/* A question that is on its way goes on, and its answer is remembered. */
static bool worth_finishing(const struct token_flight *flight)
{
    return flight->is.findings == NULL && flight->state == FLIGHT_WAIT_ANSWER;
}

void token_check_cancel(struct token_check *check)
{
    if (check == NULL) {
        return;
    }
    struct token_flight *flight = check->flight;
    check_free(check);
    /* One that is not listed any more is just telling its waiters. */
    if (flight != NULL && flight->link.listed && flight->waiters == NULL &&
        !worth_finishing(flight)) {
        flight_free(flight);
    }
}
