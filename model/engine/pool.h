/*
 * pool.h -- threads that share the work of one job after the other.
 *
 * A job is a function that all workers run at once, the caller among them; each takes its part of
 * what there is to do, and they meet where one needs what another made.  Waiting spins for some
 * microseconds and then sleeps: a pass has many short steps, but a processor may also be wanted by
 * others.
 */
#ifndef MW_LM_POOL_H
#define MW_LM_POOL_H

#include <stddef.h>
#include <stdint.h>

#include "model/engine/millwright_lm.h"

struct lm_pool;

/* One of n that run a job. */
struct lm_worker {
	struct lm_pool *pool; /* NULL: alone */
	uint32_t rank, n;
};

typedef void lm_job(void *job, const struct lm_worker *worker);

/* n threads with the caller's, 2..MW_LM_MAX_THREADS.  Errors: MEMORY (no thread could be started).
 * Returns owned: lm_pool_free. */
mw_lm_err lm_pool_new(uint32_t n, struct lm_pool **ret_pool);
void lm_pool_free(struct lm_pool *pool);
uint32_t lm_pool_size(const struct lm_pool *pool);

/* Runs a job to its end.  Without a pool, or while another thread uses the pool, the caller runs it
 * alone. */
void lm_pool_run(struct lm_pool *pool, lm_job *job, void *data);

/* Returns when all workers of the job are here; what each wrote before is seen by all. */
void lm_meet(const struct lm_worker *worker);

struct lm_part {
	size_t from, to;
};

/* The worker's part of n things, in steps of `step`. */
static inline struct lm_part lm_part(const struct lm_worker *worker, size_t n, size_t step)
{
	size_t steps = (n + step - 1) / step;
	size_t from = steps * worker->rank / worker->n * step;
	size_t to = steps * (worker->rank + 1) / worker->n * step;

	return (struct lm_part){from, to < n ? to : n};
}

#endif
