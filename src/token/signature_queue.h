/* signature_queue.h - signatures of first-seen tokens, checked where it costs least.
 *
 * What comes within one turn of the loop is gathered. Up to two are verified in the loop; of more, the loop takes its
 * share (at most about 200 µs of work), and the rest goes to the threads in one lock and one wake-up; a thread takes up
 * to 16 and reports once. Threads get no more than keeps them at work; what is left over waits for the next turn, when
 * the loop takes some more. Without threads the loop does all, some each turn. */
#ifndef TOKEN_SIGNATURE_QUEUE_H
#define TOKEN_SIGNATURE_QUEUE_H

#include "net/loop.h"
#include "token/keyset.h"

struct signature_queue;
struct signature_check;

enum signature_answer { SIGNATURE_BAD, SIGNATURE_BUSY, SIGNATURE_GOOD };
/* Later, never before the call returned. BUSY: more than `waiting_max` wait. */
typedef void signature_check_fn(enum signature_answer answer, void *context);

struct signature_queue *signature_queue_new(struct loop *loop, unsigned threads,
                                            size_t waiting_max);
void signature_queue_free(
    struct signature_queue *queue); /* no check is waiting: asserted. Takes NULL */
/* Good when one of the found keys verifies. Copies the bytes and holds the keys. */
struct signature_check *signature_queue_start(struct signature_queue *queue,
                                              const struct keyset_found *keys,
                                              enum signature_algorithm algorithm,
                                              struct span signed_part, struct span signature,
                                              signature_check_fn *fn, void *context);
void signature_queue_cancel(struct signature_check *check); /* takes NULL */
size_t signature_queue_waiting(const struct signature_queue *queue);
/* How many were verified in the loop and in threads, for metrics. */
uint64_t signature_queue_inline(const struct signature_queue *queue);
uint64_t signature_queue_pooled(const struct signature_queue *queue);

#endif
