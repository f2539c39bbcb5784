/* scim_turn.h - who may read everything now: one list at a time for each client, a few in all; others wait. Internal to scim/. */
#ifndef SCIM_SCIM_TURN_H
#define SCIM_SCIM_TURN_H

#include "base/uuid.h"
#include "net/loop.h"

enum { SCIM_TURNS_RUNNING_MAX = 4, SCIM_TURNS_WAITING_MAX = 100, SCIM_TURNS_CLIENT_MAX = 20 };

struct scim_turns;
struct scim_turn;
typedef void scim_turn_fn(void *context);

struct scim_turns *scim_turns_new(struct loop *loop);
void scim_turns_free(struct scim_turns *turns); /* takes NULL; all turns have ended */
/* `fn` runs once, later, when it is its turn. NULL: too many wait, in all or of this client. */
struct scim_turn *scim_turn_start(struct scim_turns *turns, struct span client_id, scim_turn_fn *fn,
                                  void *context);
void scim_turn_end(struct scim_turn *turn); /* waiting or running; takes NULL */
size_t scim_turns_waiting(const struct scim_turns *turns);

#endif
