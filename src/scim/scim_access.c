/* scim_access.c - who asks: the secret of a provisioning client, and what it may do. */
#include "scim/scim_access.h"

#include "base/memory.h"
#include "wire/ip_address.h"

enum { NOTE_EVERY_S = 60 };

/* What follows "Bearer " (RFC 9110, 11.1: in any case). */
static bool bearer(const struct http_request *http, struct span *token)
{
    struct span whole, word;
    if (!http_find(http->headers, http->headers_count, "Authorization", &whole) ||
        !span_cut(&whole, ' ', &word) || !span_is_fold(word, "Bearer") || whole.at == NULL) {
        return false;
    }
    *token = span_trim(whole);
    return !span_empty(*token);
}

static bool refuse(struct scim_call *call, const char *reason, const char *detail)
{
    call->reason = reason;
    scim_call_refuse_with(call, 401, SCIM_ERROR_NO_TYPE, "%s", detail);
    return false;
}

/* One IPv4 address, or an IPv6 network of 64 bits: the same client as far as limits go. */
static struct span limit_key(struct scim_call *call)
{
    char text[IP_ADDRESS_TEXT_MAX];
    struct ip_address address;
    if (!ip_address_parse(call->client_address, &address)) {
        return SPAN_LITERAL("-");
    }
    if (!ip_address_is_v4(&address)) {
        for (size_t i = 8; i < sizeof address.bytes; i++) {
            address.bytes[i] = 0;
        }
    }
    return span_copy(&call->arena, ip_address_print(&address, text));
}

/* Whether its address was refused too often in this minute: then nothing is logged of it any more. */
static bool too_often(struct scim_call *call, int64_t *rest_ms)
{
    struct scim_door *door = call->door;
    size_t count = scim_limits_count(door->limits, SCIM_LIMITS_REFUSED, limit_key(call),
                                     loop_now(door->services.loop), rest_ms);
    call->quiet = count > door->settings.refused_max + 1;
    return count > door->settings.refused_max;
}

/* Who guesses is counted. The right secret is taken from there all the same: others may share the address. */
static bool refuse_guess(struct scim_call *call)
{
    int64_t rest_ms;
    if (too_often(call, &rest_ms)) {
        call->reason = "too_many_wrong_tokens";
        scim_call_slow_down(call, rest_ms, "too many wrong tokens from this address");
        return false;
    }
    return refuse(call, "unknown_token", "the bearer token is not known, or was withdrawn");
}

static bool network_holds(struct span networks, struct span client_address)
{
    struct ip_address address;
    struct ip_address_range range;
    struct span word;
    if (span_empty(networks)) {
        return true;
    }
    bool known = ip_address_parse(client_address, &address);
    while (known && span_cut(&networks, ' ', &word)) {
        if (ip_address_range_parse(word, &range) && ip_address_range_holds(&range, &address)) {
            return true;
        }
    }
    return false;
}

static void on_noted(const struct store_result *result, void *context)
{
    (void)result; /* it is only a note */
    (void)context;
}

static void note_use(struct scim_call *call)
{
    struct scim_door *door = call->door;
    int64_t now = loop_wall(door->services.loop), rest_ms;
    struct span id = span_of(call->client.id);
    if (now - call->client.last_used < NOTE_EVERY_S ||
        scim_limits_count(door->limits, SCIM_LIMITS_NOTES, id, loop_now(door->services.loop),
                          &rest_ms) > 1) {
        return;
    }
    struct store_change *change = store_change_new();
    client_set_last_used(change, id, now);
    (void)store_write_start(door->services.store, change, on_noted, NULL);
}

static bool within_rate(struct scim_call *call)
{
    struct scim_door *door = call->door;
    int64_t rest_ms;
    size_t count = scim_limits_count(door->limits, SCIM_LIMITS_REQUESTS, span_of(call->client.id),
                                     loop_now(door->services.loop), &rest_ms);
    if (count <= door->settings.requests_max) {
        return true;
    }
    call->reason = "too_many_requests";
    scim_call_slow_down(call, rest_ms, "too many requests of this client: wait, then go on");
    return false;
}

/* What the row says of who has proved itself. */
static bool judge(struct scim_call *call, const struct client *client, int64_t expires)
{
    if (expires != 0 && expires <= loop_wall(call->door->services.loop)) {
        return refuse(call, "expired_token", "the bearer token has expired");
    }
    call->client = *client;
    call->actor =
        span_of(arena_format(&call->arena, "scim:%.*s", (int)client->name.length, client->name.at));
    if (!network_holds(client->networks, call->client_address)) {
        call->reason = "address_not_allowed";
        scim_call_refuse_with(call, 403, SCIM_ERROR_NO_TYPE,
                              "this token may not be used from this address");
        return false;
    }
    if (!within_rate(call)) {
        return false;
    }
    note_use(call);
    return true;
}

bool scim_access_check(struct scim_call *call, const struct http_request *http)
{
    struct span token;
    if (!bearer(http, &token)) {
        int64_t rest_ms;
        (void)too_often(call, &rest_ms);
        return refuse(call, "no_token", "send the client's secret as a bearer token");
    }
    if (token.length > CLIENT_SECRET_MAX) {
        return refuse_guess(call);
    }
    struct digest hash = client_secret_hash(token);
    struct client *client = arena_new(&call->arena, sizeof *client);
    struct client_secret secret;
    switch (client_by_secret(call->door->services.store, &hash, &call->arena, client, &secret)) {
    case STORE_ASK:
        scim_call_unavailable(call);
        return false;
    case STORE_NONE:
        return refuse_guess(call);
    case STORE_ROW:
        break;
    }
    return digest_equal(&hash, &secret.hash) ? judge(call, client, secret.expires)
                                             : refuse_guess(call);
}

/* What a route asks for: where either will do, the first that an admin would think of. */
static const char *right_name(unsigned rights)
{
    return (rights & CLIENT_USERS) != 0 ? "users" : "groups";
}

bool scim_access_allow(struct scim_call *call, unsigned rights, bool writes)
{
    unsigned has = call->client.rights;
    if (rights != 0 && (has & rights) == 0) {
        call->reason = "right_missing";
        scim_call_refuse_with(call, 403, SCIM_ERROR_NO_TYPE,
                              "this token lacks the right \"%s\": an admin gives it with postern "
                              "scim-token set NAME --rights",
                              right_name(rights));
        return false;
    }
    if (writes && (has & CLIENT_READ_ONLY) != 0) {
        call->reason = "read_only";
        scim_call_refuse_with(call, 403, SCIM_ERROR_NO_TYPE, "this token may only read");
        return false;
    }
    return true;
}
