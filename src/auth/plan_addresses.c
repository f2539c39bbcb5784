/* plan_addresses.c - the addresses that provisioning gives an account or a group: from those it had to those it shall have. */
#include "auth/plan_addresses.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <inttypes.h>
#include <string.h>

enum { GIVEN_MAX = (PROVISION_LIST_MAX + 1) * (ADDRESS_MAX + 1), DAY = 24 * 60 * 60 };

struct wanted {
    struct address address;
    enum address_kind kind;
    const char *attribute;
};

struct moving {
    struct planning *planning;
    const struct plan_addresses *move;
    struct wanted *wanted;
    size_t count;
    bool changed;
};

/* What is wanted. */

static bool is_wanted(const struct moving *moving, struct span address, enum address_kind *kind)
{
    for (size_t i = 0; i < moving->count; i++) {
        if (span_equal(address_span(&moving->wanted[i].address), address)) {
            *kind = moving->wanted[i].kind;
            return true;
        }
    }
    return false;
}

/* Whoever receives those of the domain's duties can obtain certificates for it. */
bool plan_addresses_allowed(struct planning *planning, const struct address *address)
{
    const struct client *client = planning->change->client;
    if (client == NULL) {
        return true;
    }
    if (!client_may_write(client, address_domain(address))) {
        return planning_refuse(planning, CHANGE_INVALID,
                               "%s: this token may not write addresses like %s",
                               planning->plan->attribute, address->text);
    }
    if ((client->rights & CLIENT_RESERVED) == 0 &&
        client_local_reserved(address_local(address), '+')) {
        return planning_refuse(planning, CHANGE_REFUSED,
                               "%s: %s is reserved for the domain's administrators: an admin gives "
                               "it out, or a token with the right \"reserved\"",
                               planning->plan->attribute, address->text);
    }
    return true;
}

static bool want(struct moving *moving, struct span text, enum address_kind kind,
                 const char *attribute)
{
    struct planning *planning = moving->planning;
    struct wanted *next = &moving->wanted[moving->count];
    enum address_kind ignored;
    planning->plan->attribute = attribute;
    if (!planning_need_address(planning, attribute, text, &next->address)) {
        return false;
    }
    if (is_wanted(moving, address_span(&next->address), &ignored)) {
        return true;
    }
    next->kind = kind;
    next->attribute = attribute;
    moving->count++;
    return true;
}

static bool read_wanted(struct moving *moving)
{
    const struct plan_addresses *move = moving->move;
    moving->wanted =
        arena_new(moving->planning->arena, (move->wanted.list.count + 1) * sizeof *moving->wanted);
    for (size_t i = 0; i < move->wanted.list.count; i++) {
        enum address_kind kind = i == 0 ? ADDRESS_PRIMARY : ADDRESS_PROVISIONED;
        if (!want(moving, move->wanted.list.items[i], kind,
                  provision_addresses_attribute(&move->wanted, i))) {
            return false;
        }
    }
    enum address_kind login = move->wanted.list.count == 0 ? ADDRESS_PRIMARY : ADDRESS_LOGIN;
    return span_empty(move->wanted_login) || want(moving, move->wanted_login, login, "userName");
}

/* Who has it now. */

static bool is_own(const struct moving *moving, const struct account_rows_found *found)
{
    return found->kind != ADDRESS_HELD && span_is(moving->move->id, found->account.id);
}

static int64_t held_until(const struct moving *moving, const struct account_rows_found *found)
{
    return found->since + moving->planning->view->settings->hold_s;
}

/* What this client deleted it may give out again; what was somebody else's waits, lest a new hire read a predecessor's
 * mail. An admin is not bound. */
static bool check_held(struct moving *moving, const struct address *address,
                       const struct account_rows_found *found)
{
    struct planning *planning = moving->planning;
    const struct client *client = planning->change->client;
    struct resource resource;
    if (client == NULL || found->account.id[0] == '\0' ||
        planning->view->now >= held_until(moving, found)) {
        return true;
    }
    switch (resource_by_id(planning->view->store, span_of(found->account.id), planning->arena,
                           &resource)) {
    case STORE_ASK:
        return planning_unavailable(planning);
    case STORE_NONE:
        break;
    case STORE_ROW:
        if (span_is(span_of(resource.client_id), client->id)) {
            return true;
        }
        break;
    }
    return planning_refuse(planning, CHANGE_EXISTS,
                           "%s: %s is on hold for %" PRId64
                           " more days: it was a deleted account's; an admin can give it out now",
                           planning->plan->attribute, address->text,
                           (held_until(moving, found) - planning->view->now) / DAY + 1);
}

/* A former name of another account, after its time. */
static bool take_over(struct moving *moving, const struct address *address,
                      const struct account_rows_found *found)
{
    struct planning *planning = moving->planning;
    struct store_change *steps = planning->plan->steps;
    if (found->kind != ADDRESS_RENAMED || planning->view->now < held_until(moving, found)) {
        return planning_refuse(planning, CHANGE_EXISTS, "%s: the address %s is in use",
                               planning->plan->attribute, address->text);
    }
    account_rows_touch_account(steps, span_of(found->account.id), planning->view->now);
    account_rows_delete_address(steps, address_span(address), span_of(found->account.id));
    planning_touched(planning, span_of(found->account.id), address_span(address));
    return true;
}

/* Steps. */

static void change_kind(struct moving *moving, struct span address, enum address_kind from,
                        enum address_kind to)
{
    account_rows_set_address_kind(moving->planning->plan->steps, address, moving->move->id, from,
                                  to);
    planning_touched(moving->planning, moving->move->id, address);
    moving->changed = true;
}

/* "ceo+bank@" receives what is meant for "ceo@": it is for whoever has that. */
static bool check_base(struct moving *moving, const struct address *address)
{
    struct planning *planning = moving->planning;
    char delimiter = directory_delimiter(planning->view->directory);
    struct account_rows_found found;
    struct address base;
    struct span tag;
    if (planning->change->client == NULL || delimiter == '\0' ||
        !address_strip_tag(address, delimiter, &base, &tag)) {
        return true;
    }
    if (!planning_look_up(planning, &base, &found)) {
        return false;
    }
    return found.kind == ADDRESS_HELD || is_own(moving, &found) ||
           planning_refuse(planning, CHANGE_EXISTS, "%s: %s is a sub-address of one that is in use",
                           planning->plan->attribute, address->text);
}

static bool claim(struct moving *moving, const struct wanted *wanted,
                  const struct account_rows_found *found)
{
    struct planning *planning = moving->planning;
    const struct address *address = &wanted->address;
    bool free = found->kind == ADDRESS_HELD;
    if (!plan_addresses_allowed(planning, address) || !check_base(moving, address) ||
        !planning_need_domain(planning, address) ||
        !(free ? check_held(moving, address, found) : take_over(moving, address, found))) {
        return false;
    }
    account_rows_require_domain(planning->plan->steps, address_domain(address));
    planning_claim(planning, address, moving->move->id, wanted->kind);
    planning_touched(planning, moving->move->id, address_span(address));
    moving->changed = true;
    return true;
}

/* The primary that was. It goes on to receive, also where it is still the name to sign in with, and for a while to sign in. */
static void step_down(struct moving *moving)
{
    const struct address *old = moving->move->primary_now;
    enum address_kind kind;
    if (is_wanted(moving, address_span(old), &kind) && kind != ADDRESS_LOGIN) {
        change_kind(moving, address_span(old), ADDRESS_PRIMARY, kind);
        return;
    }
    account_rows_become_renamed(moving->planning->plan->steps, address_span(old), moving->move->id,
                                moving->planning->view->now);
    planning_touched(moving->planning, moving->move->id, address_span(old));
    moving->changed = true;
}

/* An own address that is wanted as something else. What an admin gave stays what it is. */
static void turn_into(struct moving *moving, const struct wanted *wanted, enum address_kind now)
{
    bool theirs = now == ADDRESS_ALIAS || now == ADDRESS_PRIMARY;
    bool lesser = wanted->kind == ADDRESS_LOGIN && now != ADDRESS_PROVISIONED;
    if (now != wanted->kind && (wanted->kind == ADDRESS_PRIMARY || (!theirs && !lesser))) {
        change_kind(moving, address_span(&wanted->address), now, wanted->kind);
    }
}

static bool reach(struct moving *moving, const struct wanted *wanted)
{
    struct account_rows_found found;
    if (!planning_look_up(moving->planning, &wanted->address, &found)) {
        return false;
    }
    moving->planning->plan->attribute = wanted->attribute;
    if (!is_own(moving, &found)) {
        return claim(moving, wanted, &found);
    }
    turn_into(moving, wanted, found.kind);
    return true;
}

static bool drop(struct moving *moving, struct span text)
{
    struct account_rows_found found;
    struct address address;
    struct error ignored;
    enum address_kind kind;
    if (!address_parse(text, &address, &ignored) ||
        is_wanted(moving, address_span(&address), &kind)) {
        return true;
    }
    if (!planning_look_up(moving->planning, &address, &found)) {
        return false;
    }
    if (is_own(moving, &found) &&
        (found.kind == ADDRESS_PROVISIONED || found.kind == ADDRESS_LOGIN)) {
        account_rows_delete_address(moving->planning->plan->steps, address_span(&address),
                                    moving->move->id);
        planning_touched(moving->planning, moving->move->id, address_span(&address));
        moving->changed = true;
    }
    return true;
}

static bool drop_old(struct moving *moving)
{
    struct span rest = moving->move->had, text;
    while (!span_empty(rest) && span_cut(&rest, ' ', &text)) {
        if (!drop(moving, text)) {
            return false;
        }
    }
    return span_empty(moving->move->had_login) || drop(moving, moving->move->had_login);
}

/* The client's primary is the one it was, whatever an admin made of the account's since. */
static bool keeps_primary(const struct moving *moving)
{
    struct span rest = moving->move->had, first = {0};
    const struct address *primary = &moving->wanted[0].address;
    return moving->move->primary_now != NULL &&
           (address_equal(primary, moving->move->primary_now) ||
            (span_cut(&rest, ' ', &first) && span_equal(first, address_span(primary))));
}

static struct span write_given(const struct moving *moving)
{
    CLEANUP(buffer_done) struct buffer given = buffer_limited(GIVEN_MAX);
    for (size_t i = 0; i < moving->count; i++) {
        if (moving->wanted[i].kind != ADDRESS_LOGIN) {
            buffer_add_text(&given, given.length == 0 ? "" : " ");
            buffer_add(&given, address_span(&moving->wanted[i].address));
        }
    }
    return span_copy(moving->planning->arena, buffer_span(&given));
}

/* Whatever it says of the account's addresses, it said before: what has been made of them since stays. */
static bool nothing_new(const struct moving *moving)
{
    const struct plan_addresses *move = moving->move;
    return move->primary_now != NULL && !span_empty(move->had) &&
           span_equal(write_given(moving), move->had) &&
           span_equal(move->had_login, move->wanted_login);
}

struct span plan_addresses_given(struct planning *planning, const struct plan_addresses *move)
{
    struct moving moving = {.planning = planning, .move = move};
    return read_wanted(&moving) ? write_given(&moving) : (struct span){0};
}

bool plan_addresses(struct planning *planning, const struct plan_addresses *move,
                    struct plan_addresses_result *result)
{
    struct moving moving = {.planning = planning, .move = move};
    if (!read_wanted(&moving)) {
        return false;
    }
    if (moving.count == 0) {
        planning->plan->attribute = move->wanted.primary;
        return planning_refuse(planning, CHANGE_INVALID, "%s: there is no address",
                               move->wanted.primary);
    }
    if (nothing_new(&moving)) {
        *result = (struct plan_addresses_result){.primary = *move->primary_now, .given = move->had};
        return true;
    }
    bool keeps = keeps_primary(&moving);
    if (!drop_old(&moving)) {
        return false;
    }
    if (!keeps && move->primary_now != NULL) {
        step_down(&moving);
    }
    for (size_t i = keeps ? 1 : 0; i < moving.count; i++) {
        if (!reach(&moving, &moving.wanted[i])) {
            return false;
        }
    }
    *result = (struct plan_addresses_result){
        .primary = keeps ? *move->primary_now : moving.wanted[0].address,
        .given = write_given(&moving),
        .changed = moving.changed,
    };
    return true;
}
