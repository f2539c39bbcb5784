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

/* What a reader works on. */
struct reading {
    const struct json_view *view;
    const struct json_view_value *top;
    enum claims_source source;
};

static const struct json_view_value *member(const struct reading *reading, const char *name)
{
    return json_view_member(reading->view, reading->top, span_of(name));
}

static struct claims_text text(const struct reading *reading, const char *name)
{
    return text_of(member(reading, name));
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
static bool is_there(const struct reading *reading, const char *name)
{
    enum json_view_kind kind = json_view_kind(member(reading, name));
    return kind != JSON_VIEW_ABSENT && kind != JSON_VIEW_NULL;
}

static void read_audiences(const struct reading *reading, struct claims_list *audiences)
{
    const struct json_view_value *value = member(reading, "aud");
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
    const struct json_view_value *scope = member(reading, "scope"), *scp = member(reading, "scp");
    bool use_scp = json_view_kind(scope) == JSON_VIEW_ABSENT;
    read_list(reading->view, use_scp ? scp : scope, add_words, &claims->scopes);
    claims->scp = json_view_kind(scp) != JSON_VIEW_ABSENT &&
                  (!use_scp || claims->scopes.presence == CLAIMS_THERE);
}

/* Every name for the client that is there, so that none can contradict another (azp is OpenID's, client_id RFC 9068's,
 * appid Entra's v1, cid Okta's; tokeninfo calls it aud). */
static void read_clients(const struct reading *reading, struct claims *claims)
{
    static const char *const NAMES[] = {"azp", "client_id", "appid", "cid"};
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
        const struct json_view_value *value = member(reading, "aud");
        if (json_view_kind(value) == JSON_VIEW_TEXT) {
            add(clients, value->text);
        }
    }
}

static enum verdict_verified verified_of(const struct reading *reading)
{
    const struct json_view_value *value = member(reading, "email_verified");
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
    enum json_view_kind kind = json_view_kind(member(reading, "active"));
    return kind == JSON_VIEW_ABSENT ? CLAIMS_ABSENT
           : kind == JSON_VIEW_TRUE ? CLAIMS_THERE
                                    : CLAIMS_BAD;
}

static void read_who(const struct provider *provider, const struct reading *reading,
                     struct claims *claims)
{
    claims->issuer = text(reading, "iss");
    claims->session = text(reading, "sid");
    claims->sub = text(reading, "sub");
    claims->subject = by_paths(reading, provider->subject_claim, "sub");
    claims->username = by_paths(reading, provider->username_claim, "email");
    claims->email = text(reading, "email");
    claims->email_verified = verified_of(reading);
    claims->hosted_domain = text(reading, "hd");
    claims->preferred = text(reading, "preferred_username");
}

static void read_what(const struct reading *reading, struct claims *claims)
{
    claims->own_type = text(reading, "typ");
    claims->token_type = text(reading, "token_type");
    claims->token_use = text(reading, "token_use");
    claims->other_type = text(reading, "tokenType");
    if (claims->other_type.presence == CLAIMS_ABSENT) {
        claims->other_type = text(reading, "type");
    }
    claims->identity_type = text(reading, "idtyp");
    claims->grant = text(reading, "gty");
    claims->uid = text(reading, "uid");
    claims->authorized_party = text(reading, "azp").presence == CLAIMS_THERE;
    claims->confirmation = is_there(reading, "cnf");
    claims->nonce = is_there(reading, "nonce");
    claims->at_hash = is_there(reading, "at_hash");
    claims->c_hash = is_there(reading, "c_hash");
    claims->events = is_there(reading, "events");
    claims->active = active_of(reading);
}

void claims_read(const struct provider *provider, enum claims_source source,
                 const struct json_view *view, struct claims *claims)
{
    struct reading reading = {.view = view, .top = json_view_top(view), .source = source};
    claims->source = source;
    claims->header_type = claims->content_type = (struct span){0};
    read_who(provider, &reading, claims);
    read_what(&reading, claims);
    read_audiences(&reading, &claims->audiences);
    read_scopes(&reading, claims);
    read_clients(&reading, claims);
    claims->expires = time_of(source, member(&reading, "exp"));
    claims->not_before = time_of(source, member(&reading, "nbf"));
    claims->issued = time_of(source, member(&reading, "iat"));
}

void claims_read_jwt(const struct provider *provider, const struct jwt *jwt, struct claims *claims)
{
    claims_read(provider, CLAIMS_JWT, &jwt->claims, claims);
    claims->header_type = jwt->type;
    claims->content_type = jwt->content_type;
}
