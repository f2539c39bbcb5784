/* change.c - one change on its way: plan, write, and once more when another one came first. */
#include "auth/change.h"

#include "auth/changes.h"
#include "auth/plan.h"
#include "base/memory.h"

#include <assert.h>

enum { TRIES_MAX = 1 + 3 };

enum run_state {
    RUN_PLAN,  /* waits for its turn of the loop */
    RUN_WRITE, /* waits for the store */
};

struct change_run {
    struct changes *changes;
    struct change_run *next, *previous;
    enum run_state state;
    struct change change; /* its texts live in `arena` */
    struct arena arena;
    struct plan plan;
    struct resource resource; /* as it is when all is done */
    int tries;
    struct loop_later later;
    struct store_write *write;
    change_fn *fn; /* NULL: nobody listens */
    void *context;
};

static void link_run(struct change_run *run)
{
    struct changes *changes = run->changes;
    run->next = changes->runs;
    if (run->next != NULL) {
        run->next->previous = run;
    }
    changes->runs = run;
}

static void free_run(struct change_run *run)
{
    *(run->previous == NULL ? &run->changes->runs : &run->previous->next) = run->next;
    if (run->next != NULL) {
        run->next->previous = run->previous;
    }
    loop_later_cancel(&run->later);
    store_change_free(run->plan.steps);
    arena_done(&run->arena);
    memory_free(run);
}

/* Answering. */

static void log_done(const struct change_run *run)
{
    const struct plan *plan = &run->plan;
    log_info(run->changes->log, "account_changed", log_text("action", plan->action),
             log_span("address", plan->subject),
             log_span("account", address_span(&plan->account.primary)),
             log_text("id", plan->account.id), log_span("actor", run->change.actor));
}

static bool about_domain(const struct change_run *run)
{
    return run->change.kind == CHANGE_DOMAIN_ADD || run->change.kind == CHANGE_DOMAIN_DELETE;
}

/* The brake does not hold up anything but the purge: an admin is told, and decides. */
static void log_brake(const struct change_run *run)
{
    if (run->plan.braked > 0) {
        log_warning(run->changes->log, "provisioning_braked",
                    log_span("client", run->change.client->name),
                    log_number("deleted_in_an_hour", run->plan.braked),
                    log_text("remedy", "no mail of these accounts is purged until: postern "
                                       "scim-token release NAME"));
    }
}

/* The account as it is now; as the plan has it, should the database not be readable just now. */
static const struct account *account_now(struct change_run *run)
{
    struct account *account = &run->plan.account, now;
    if (account->id[0] == '\0' || about_domain(run)) {
        return NULL;
    }
    if (account_rows_by_id(run->changes->store, span_of(account->id), &run->arena, &now) ==
        STORE_ROW) {
        *account = now;
    }
    return account;
}

/* Whatever became of it, and before anybody hears: what was remembered of those whom it concerns is not to be believed. */
static void forget_old(struct change_run *run)
{
    struct directory *directory = run->changes->directory;
    const struct change *change = &run->change;
    const struct plan *plan = &run->plan;
    if (about_domain(run) || plan->touched_more) {
        directory_forget_all(directory);
        return;
    }
    directory_forget_account(directory, span_of(plan->account.id));
    directory_forget_address(directory, change->address);
    directory_forget_address(directory, change->target);
    for (size_t i = 0; i < plan->touched_count; i++) {
        directory_forget_account(directory, plan->touched[i].account_id);
        directory_forget_address(directory, plan->touched[i].address);
    }
}

/* Whether it came or went is not known: the lists are read again. */
static void forget_positions(const struct change_run *run)
{
    if (run->changes->index != NULL && !span_empty(run->plan.resource_id)) {
        resource_index_forget(run->changes->index);
    }
}

/* The client's row of what this was about, as it is now: its lists hear whether it came or went, whichever door it was. */
static const struct resource *resource_now(struct change_run *run, enum change_answer answer)
{
    struct resource *resource = &run->resource;
    struct span id = run->plan.resource_id;
    if (span_empty(id)) {
        return NULL;
    }
    enum store_now now = resource_by_id(run->changes->store, id, &run->arena, resource);
    if (now == STORE_ASK) {
        forget_positions(run);
    }
    if (now != STORE_ROW) {
        return NULL;
    }
    if (answer == CHANGE_DONE && run->changes->index != NULL) {
        if (resource->gone != 0) {
            resource_index_went(run->changes->index, resource);
        } else if (run->plan.created) {
            resource_index_came(run->changes->index, resource);
        }
    }
    return resource->gone == 0 ? resource : NULL;
}

static void tell_groups(struct change_run *run)
{
    struct changes *changes = run->changes;
    if (run->plan.groups && changes->groups != NULL) {
        changes->groups(changes->groups_context);
    }
}

static void finish(struct change_run *run, enum change_answer answer)
{
    bool well = answer == CHANGE_DONE || answer == CHANGE_SAME;
    struct change_result result = {
        .answer = answer,
        .problem = well ? NULL : run->plan.problem.text,
        .account = account_now(run),
        .note = answer == CHANGE_DONE ? run->plan.note : (struct span){0},
        .resource = well ? resource_now(run, answer) : NULL,
        .attribute = well ? NULL : run->plan.attribute,
        .created = answer == CHANGE_DONE && run->plan.created,
    };
    if (answer == CHANGE_DONE) {
        log_done(run);
        log_brake(run);
        tell_groups(run);
    }
    if (run->fn != NULL) {
        run->fn(&result, run->context);
    }
    free_run(run);
}

/* Trouble of the database is an operator's business: it is logged, and the caller is told to look. */
static void finish_failed(struct change_run *run, const struct store_result *stored)
{
    log_error(run->changes->log, "change_failed", log_text("action", run->plan.action),
              log_span("address", run->plan.subject), log_span("actor", run->change.actor),
              log_text("reason", stored->failure));
    if (stored->answer == STORE_UNKNOWN) {
        forget_positions(run);
    }
    error_set(
        &run->plan.problem,
        stored->answer == STORE_UNKNOWN
            ? "the database failed while writing: the change may or may not be there (see the log)"
            : "the database could not be written, nothing was changed (see the log)");
    finish(run, CHANGE_FAILED);
}

/* Working. */

static void on_written(const struct store_result *stored, void *context);

static void make_plan(struct change_run *run)
{
    const struct plan_view view = {run->changes->store, run->changes->directory,
                                   loop_wall(run->changes->loop), &run->changes->settings};
    run->tries++;
    plan_make(&view, &run->change, &run->arena, &run->plan);
}

static void start_write(struct change_run *run)
{
    struct store_change *steps = run->plan.steps;
    run->plan.steps = NULL;
    run->state = RUN_WRITE;
    run->write = store_write_start(run->changes->store, steps, on_written, run);
}

static void plan_and_write(void *context)
{
    struct change_run *run = context;
    make_plan(run);
    if (run->plan.answer == CHANGE_DONE) {
        start_write(run);
    } else {
        finish(run, run->plan.answer);
    }
}

/* NULL when the step that did not hold says nothing but that another change came first. */
static const char *broken_rule(const struct plan *plan, int failed_step)
{
    for (size_t i = 0; i < plan->rules_count; i++) {
        if (plan->rules[i].step == failed_step) {
            return plan->rules[i].problem;
        }
    }
    return NULL;
}

static void on_conflict(struct change_run *run, int failed_step)
{
    const char *rule = broken_rule(&run->plan, failed_step);
    if (rule != NULL) {
        error_set(&run->plan.problem, "%s", rule);
        finish(run, CHANGE_REFUSED);
    } else if (run->change.kind == CHANGE_GROUP_PROVISION) {
        /* What it would take out and put in was found out before: that is for its caller to repeat. */
        error_set(&run->plan.problem, "another change came first");
        finish(run, CHANGE_STALE);
    } else if (run->tries < TRIES_MAX) {
        plan_and_write(run);
    } else {
        error_set(&run->plan.problem, "other changes came first, %d times: try again", run->tries);
        finish(run, CHANGE_FAILED);
    }
}

static void on_written(const struct store_result *stored, void *context)
{
    struct change_run *run = context;
    run->write = NULL;
    forget_old(run);
    switch (stored->answer) {
    case STORE_UNKNOWN:
        tell_groups(run); /* perhaps it is there */
        finish_failed(run, stored);
        return;
    case STORE_FAILED:
        finish_failed(run, stored);
        return;
    case STORE_CONFLICT:
        on_conflict(run, stored->failed_step);
        return;
    case STORE_DONE:
        finish(run, CHANGE_DONE);
        return;
    }
}

/* Life. */

static struct change copy_change(struct arena *arena, const struct change *change)
{
    struct change copy = *change;
    struct span *const texts[] = {
        &copy.actor, &copy.domain, &copy.address,       &copy.target,   &copy.account_id,
        &copy.name,  &copy.home,   &copy.password_hash, &copy.provider, &copy.subject};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        *texts[i] = span_copy(arena, *texts[i]);
    }
    copy.client = change->client == NULL ? NULL : client_copy(arena, change->client);
    copy.user = change->user == NULL ? NULL : provision_user_copy(arena, change->user);
    copy.group = change->group == NULL ? NULL : provision_group_copy(arena, change->group);
    return copy;
}

struct change_run *change_start(struct changes *changes, const struct change *change, change_fn *fn,
                                void *context)
{
    struct change_run *run = MEMORY_NEW(struct change_run);
    run->changes = changes;
    run->change = copy_change(&run->arena, change);
    run->fn = fn;
    run->context = context;
    link_run(run);
    loop_later_init(&run->later, plan_and_write, run);
    loop_later(changes->loop, &run->later);
    return run;
}

void change_forget(struct change_run *run)
{
    if (run != NULL) {
        run->fn = NULL;
    }
}

/* A change that has not been planned yet is still owed; one that is with the store will commit. */
void change_abandon(struct change_run *run)
{
    if (run->state == RUN_PLAN) {
        make_plan(run);
        if (run->plan.answer == CHANGE_DONE) {
            start_write(run);
        }
    }
    store_write_forget(run->write);
    free_run(run);
}
