/* claims_read.c - the claims of a token, or of an answer about one, read into a struct; nothing is judged here. */
#include "token/claims.h"

static bool is_control(struct span text, size_t index)
{
    int byte = span_at(text, index), next = span_at(text, index + 1);
    /* C1 as UTF-8 has it: terminals obey it like C0 */
    bool upper = byte == 0xc2 && next >= 0x80 && next <= 0x9f;
    return byte < 0x20 || byte == 0x7f || upper;
}

static bool is_good(struct span text)
{
    for (size_t i = 0; i < text.length; i++) {
        if (is_control(text, i)) {
            return false;
        }
    }
    return !span_empty(text);
}

static struct claims_text text_of(const struct json_view_value *value)
{
    enum json_view_kind kind = json_view_kind(value);
    if (kind == JSON_VIEW_ABSENT) {
        return (struct claims_text){CLAIMS_ABSENT, {0}};
    }
    if (kind != JSON_VIEW_TEXT) {
        return (struct claims_text){CLAIMS_BAD, {0}};
    }
    return (struct claims_text){is_good(value->text) ? CLAIMS_THERE : CLAIMS_BAD, value->text};
}

/* RFC 7519, 2: a number of seconds. Google's tokeninfo writes numbers as strings, and nobody else may. */
static struct claims_time time_of(enum claims_source source, const struct json_view_value *value)
{
    const uint64_t MAX = (uint64_t)1 << 53;
    int64_t seconds = 0;
    uint64_t written = 0;
    enum json_view_kind kind = json_view_kind(value);
    if (kind == JSON_VIEW_ABSENT) {
        return (struct claims_time){CLAIMS_ABSENT, 0};
    }
    if (kind == JSON_VIEW_TEXT && source == CLAIMS_TOKENINFO &&
        span_number(value->text, MAX, &written)) {
        return (struct claims_time){CLAIMS_THERE, (int64_t)written};
    }
    return json_view_number(value, &seconds) ? (struct claims_time){CLAIMS_THERE, seconds}
                                             : (struct claims_time){CLAIMS_BAD, 0};
}

/* Takes one more in, or makes the whole list bad. */
static void add(struct claims_list *list, struct span item)
{
    if (list->presence == CLAIMS_BAD) {
        return;
    }
    if (!is_good(item) || list->count == CLAIMS_LIST_MAX) {
        list->presence = CLAIMS_BAD;
        return;
    }
    list->presence = CLAIMS_THERE;
    list->items[list->count++] = item;
}

/* RFC 6749, 3.3: words with single blanks between them; more blanks are forgiven. */
static void add_words(struct claims_list *list, struct span words)
{
    struct span word;
    while (span_cut(&words, ' ', &word)) {
        if (!span_empty(word)) {
            add(list, word);
        }
    }
}

typedef void list_add_fn(struct claims_list *list, struct span item);

static void read_items(const struct json_view *view, const struct json_view_value *array,
                       list_add_fn *take, struct claims_list *list)
{
    for (const struct json_view_value *item = json_view_first(view, array); item != NULL;
         item = json_view_next(view, item)) {
        if (json_view_kind(item) == JSON_VIEW_TEXT) {
            take(list, item->text);
        } else {
            list->presence = CLAIMS_BAD;
        }
    }
}

/* A string or an array of strings. What holds nothing at all stays BAD. */
static void read_list(const struct json_view *view, const struct json_view_value *value,
                      list_add_fn *take, struct claims_list *list)
{
    enum json_view_kind kind = json_view_kind(value);
    list->presence = CLAIMS_ABSENT;
    list->count = 0;
    if (kind == JSON_VIEW_TEXT) {
        take(list, value->text);
    } else if (kind == JSON_VIEW_ARRAY) {
        read_items(view, value, take, list);
    }
    if (kind != JSON_VIEW_ABSENT && list->presence == CLAIMS_ABSENT) {
        list->presence = CLAIMS_BAD;
    }
}

/* The claims we know. */
enum claim {
    CLAIM_AUD,
    CLAIM_SCOPE,
    CLAIM_SCP,
    CLAIM_EMAIL_VERIFIED,
    CLAIM_ACTIVE,
    CLAIM_ISS,
    CLAIM_SID,
    CLAIM_SUB,
    CLAIM_EMAIL,
    CLAIM_HD,
    CLAIM_PREFERRED_USERNAME,
    CLAIM_TYP,
    CLAIM_TOKEN_TYPE,
    CLAIM_TOKEN_USE,
    CLAIM_CAMEL_TOKEN_TYPE, /* tokenType */
    CLAIM_TYPE,
    CLAIM_IDTYP,
    CLAIM_GTY,
    CLAIM_UID,
    CLAIM_AZP,
    CLAIM_CNF,
    CLAIM_NONCE,
    CLAIM_AT_HASH,
    CLAIM_C_HASH,
    CLAIM_EVENTS,
    CLAIM_EXP,
    CLAIM_NBF,
    CLAIM_IAT,
    CLAIM_CLIENT_ID,
    CLAIM_APPID,
    CLAIM_CID,
    CLAIMS,
};

static const struct span names[CLAIMS] = {
    [CLAIM_AUD] = SPAN_LITERAL("aud"),
    [CLAIM_SCOPE] = SPAN_LITERAL("scope"),
    [CLAIM_SCP] = SPAN_LITERAL("scp"),
    [CLAIM_EMAIL_VERIFIED] = SPAN_LITERAL("email_verified"),
    [CLAIM_ACTIVE] = SPAN_LITERAL("active"),
    [CLAIM_ISS] = SPAN_LITERAL("iss"),
    [CLAIM_SID] = SPAN_LITERAL("sid"),
    [CLAIM_SUB] = SPAN_LITERAL("sub"),
    [CLAIM_EMAIL] = SPAN_LITERAL("email"),
    [CLAIM_HD] = SPAN_LITERAL("hd"),
    [CLAIM_PREFERRED_USERNAME] = SPAN_LITERAL("preferred_username"),
    [CLAIM_TYP] = SPAN_LITERAL("typ"),
    [CLAIM_TOKEN_TYPE] = SPAN_LITERAL("token_type"),
    [CLAIM_TOKEN_USE] = SPAN_LITERAL("token_use"),
    [CLAIM_CAMEL_TOKEN_TYPE] = SPAN_LITERAL("tokenType"),
    [CLAIM_TYPE] = SPAN_LITERAL("type"),
    [CLAIM_IDTYP] = SPAN_LITERAL("idtyp"),
    [CLAIM_GTY] = SPAN_LITERAL("gty"),
    [CLAIM_UID] = SPAN_LITERAL("uid"),
    [CLAIM_AZP] = SPAN_LITERAL("azp"),
    [CLAIM_CNF] = SPAN_LITERAL("cnf"),
    [CLAIM_NONCE] = SPAN_LITERAL("nonce"),
    [CLAIM_AT_HASH] = SPAN_LITERAL("at_hash"),
    [CLAIM_C_HASH] = SPAN_LITERAL("c_hash"),
    [CLAIM_EVENTS] = SPAN_LITERAL("events"),
    [CLAIM_EXP] = SPAN_LITERAL("exp"),
    [CLAIM_NBF] = SPAN_LITERAL("nbf"),
    [CLAIM_IAT] = SPAN_LITERAL("iat"),
    [CLAIM_CLIENT_ID] = SPAN_LITERAL("client_id"),
    [CLAIM_APPID] = SPAN_LITERAL("appid"),
    [CLAIM_CID] = SPAN_LITERAL("cid"),
};

/* What a reader works on. */
struct reading {
    const struct json_view *view;
    const struct json_view_value *found[CLAIMS]; /* NULL: absent */
    enum claims_source source;
};

static void find(struct reading *reading, const struct json_view_value *member)
{
    for (size_t i = 0; i < CLAIMS; i++) {
        if (span_equal(names[i], member->name)) {
            reading->found[i] = member;
            return;
        }
    }
}

/* Looks at each member once, however many a token brings. */
static void find_all(struct reading *reading)
{
    const struct json_view_value *top = json_view_top(reading->view);
    for (const struct json_view_value *member = json_view_first(reading->view, top); member != NULL;
         member = json_view_next(reading->view, member)) {
        find(reading, member);
    }
}

static const struct json_view_value *member(const struct reading *reading, enum claim claim)
{
    return reading->found[claim];
}

static struct claims_text text(const struct reading *reading, enum claim claim)
{
    return text_of(member(reading, claim));
}

/* By one path, or the first of several (parted by blanks) that is there. */
static struct claims_text by_paths(const struct reading *reading, const char *paths,
                                   const char *otherwise)
{
    struct span rest = span_of(paths == NULL ? otherwise : paths), path;
    while (span_cut(&rest, ' ', &path)) {
        struct claims_text found = text_of(json_view_path(reading->view, path));
        if (!span_empty(path) && found.presence != CLAIMS_ABSENT) {
            return found;
        }
    }
    return (struct claims_text){CLAIMS_ABSENT, {0}};
}

/* null says as little as nothing: no binding, no nonce, no event. */
static bool is_there(const struct reading *reading, enum claim claim)
{
    enum json_view_kind kind = json_view_kind(member(reading, claim));
    return kind != JSON_VIEW_ABSENT && kind != JSON_VIEW_NULL;
}

static void read_audiences(const struct reading *reading, struct claims_list *audiences)
{
    const struct json_view_value *value = member(reading, CLAIM_AUD);
    bool empty =
        json_view_kind(value) == JSON_VIEW_ARRAY && json_view_first(reading->view, value) == NULL;
    read_list(reading->view, value, add, audiences);
    /* Authelia's answers have an empty array where no audience was asked for. */
    if (empty && reading->source == CLAIMS_INTROSPECTION) {
        audiences->presence = CLAIMS_ABSENT;
    }
}

static void read_scopes(const struct reading *reading, struct claims *claims)
{
    const struct json_view_value *scope = member(reading, CLAIM_SCOPE),
                                 *scp = member(reading, CLAIM_SCP);
    bool use_scp = json_view_kind(scope) == JSON_VIEW_ABSENT;
    read_list(reading->view, use_scp ? scp : scope, add_words, &claims->scopes);
    claims->scp = json_view_kind(scp) != JSON_VIEW_ABSENT &&
                  (!use_scp || claims->scopes.presence == CLAIMS_THERE);
}

/* Every name for the client that is there, so that none can contradict another (azp is OpenID's, client_id RFC 9068's,
 * appid Entra's v1, cid Okta's; tokeninfo calls it aud). */
static void read_clients(const struct reading *reading, struct claims *claims)
{
    static const enum claim NAMES[] = {CLAIM_AZP, CLAIM_CLIENT_ID, CLAIM_APPID, CLAIM_CID};
    struct claims_list *clients = &claims->clients;
    clients->presence = CLAIMS_ABSENT;
    clients->count = 0;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const struct json_view_value *value = member(reading, NAMES[i]);
        if (json_view_kind(value) == JSON_VIEW_TEXT) {
            add(clients, value->text);
        } else if (json_view_kind(value) != JSON_VIEW_ABSENT) {
            clients->presence = CLAIMS_BAD;
        }
    }
    if (reading->source == CLAIMS_TOKENINFO) {
        const struct json_view_value *value = member(reading, CLAIM_AUD);
        if (json_view_kind(value) == JSON_VIEW_TEXT) {
            add(clients, value->text);
        }
    }
}

static enum verdict_verified verified_of(const struct reading *reading)
{
    const struct json_view_value *value = member(reading, CLAIM_EMAIL_VERIFIED);
    enum json_view_kind kind = json_view_kind(value);
    if (kind == JSON_VIEW_ABSENT) {
        return VERIFIED_UNSAID;
    }
    /* AWS Cognito and others say "true" as a string, which is a no; only Google's tokeninfo says everything so. */
    bool written = reading->source == CLAIMS_TOKENINFO && kind == JSON_VIEW_TEXT &&
                   span_is(value->text, "true");
    return kind == JSON_VIEW_TRUE || written ? VERIFIED_YES : VERIFIED_NO;
}

/* RFC 7662, 2.2: a JSON true. "true" and 1 are no such thing. */
static enum claims_presence active_of(const struct reading *reading)
{
    enum json_view_kind kind = json_view_kind(member(reading, CLAIM_ACTIVE));
    return kind == JSON_VIEW_ABSENT ? CLAIMS_ABSENT
           : kind == JSON_VIEW_TRUE ? CLAIMS_THERE
                                    : CLAIMS_BAD;
}

static void read_who(const struct provider *provider, const struct reading *reading,
                     struct claims *claims)
{
    claims->issuer = text(reading, CLAIM_ISS);
    claims->session = text(reading, CLAIM_SID);
    claims->sub = text(reading, CLAIM_SUB);
    claims->subject = by_paths(reading, provider->subject_claim, "sub");
    claims->username = by_paths(reading, provider->username_claim, "email");
    claims->email = text(reading, CLAIM_EMAIL);
    claims->email_verified = verified_of(reading);
    claims->hosted_domain = text(reading, CLAIM_HD);
    claims->preferred = text(reading, CLAIM_PREFERRED_USERNAME);
}

static void read_what(const struct reading *reading, struct claims *claims)
{
    claims->own_type = text(reading, CLAIM_TYP);
    claims->token_type = text(reading, CLAIM_TOKEN_TYPE);
    claims->token_use = text(reading, CLAIM_TOKEN_USE);
    claims->other_type = text(reading, CLAIM_CAMEL_TOKEN_TYPE);
    if (claims->other_type.presence == CLAIMS_ABSENT) {
        claims->other_type = text(reading, CLAIM_TYPE);
    }
    claims->identity_type = text(reading, CLAIM_IDTYP);
    claims->grant = text(reading, CLAIM_GTY);
    claims->uid = text(reading, CLAIM_UID);
    claims->authorized_party = text(reading, CLAIM_AZP).presence == CLAIMS_THERE;
    claims->confirmation = is_there(reading, CLAIM_CNF);
    claims->nonce = is_there(reading, CLAIM_NONCE);
    claims->at_hash = is_there(reading, CLAIM_AT_HASH);
    claims->c_hash = is_there(reading, CLAIM_C_HASH);
    claims->events = is_there(reading, CLAIM_EVENTS);
    claims->active = active_of(reading);
}

void claims_read(const struct provider *provider, enum claims_source source,
                 const struct json_view *view, struct claims *claims)
{
    struct reading reading = {.view = view, .source = source};
    find_all(&reading);
    claims->source = source;
    claims->header_type = claims->content_type = (struct span){0};
    read_who(provider, &reading, claims);
    read_what(&reading, claims);
    read_audiences(&reading, &claims->audiences);
    read_scopes(&reading, claims);
    read_clients(&reading, claims);
    claims->expires = time_of(source, member(&reading, CLAIM_EXP));
    claims->not_before = time_of(source, member(&reading, CLAIM_NBF));
    claims->issued = time_of(source, member(&reading, CLAIM_IAT));
}

void claims_read_jwt(const struct provider *provider, const struct jwt *jwt, struct claims *claims)
{
    claims_read(provider, CLAIMS_JWT, &jwt->claims, claims);
    claims->header_type = jwt->type;
    claims->content_type = jwt->content_type;
}
