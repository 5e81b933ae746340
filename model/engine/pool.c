#include "model/engine/pool.h"

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SPINS 2000 /* some tens of microseconds */

/* A number that threads wait for to change. */
struct turn {
	_Alignas(64) atomic_uint number;
	atomic_uint sleepers;
};

struct helper {
	struct lm_worker worker;
	pthread_t thread;
};

struct lm_pool {
	struct turn job_turn;  /* counts jobs */
	struct turn meet_turn; /* counts meetings */
	_Alignas(64) atomic_uint arrived;
	atomic_flag busy;
	uint32_t n;
	uint32_t n_started;
	lm_job *job; /* NULL: the helpers end */
	void *data;
	struct helper helpers[MW_LM_MAX_THREADS];
};

static void pause_a_little(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

static void turn_next(struct turn *turn)
{
	(void)atomic_fetch_add(&turn->number, 1);
	if (atomic_load(&turn->sleepers) > 0)
		(void)syscall(SYS_futex, &turn->number, FUTEX_WAKE_PRIVATE, MW_LM_MAX_THREADS, NULL,
			      NULL, 0);
}

/* Returns when the number is no longer `seen`. */
static void turn_wait(struct turn *turn, unsigned int seen)
{
	for (int i = 0; i < SPINS; i++) {
		if (atomic_load_explicit(&turn->number, memory_order_acquire) != seen)
			return;
		pause_a_little();
	}
	(void)atomic_fetch_add(&turn->sleepers, 1);
	while (atomic_load(&turn->number) == seen)
		(void)syscall(SYS_futex, &turn->number, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
	(void)atomic_fetch_sub(&turn->sleepers, 1);
}

void lm_meet(const struct lm_worker *worker)
{
	struct lm_pool *pool = worker->pool;
	unsigned int seen;

	if (worker->n == 1)
		return;
	seen = atomic_load_explicit(&pool->meet_turn.number, memory_order_relaxed);
	if (atomic_fetch_add(&pool->arrived, 1) + 1 < worker->n) {
		turn_wait(&pool->meet_turn, seen);
		return;
	}
	atomic_store_explicit(&pool->arrived, 0, memory_order_relaxed);
	turn_next(&pool->meet_turn);
}

static void *help(void *arg)
{
	const struct lm_worker *worker = arg;
	struct lm_pool *pool = worker->pool;

	for (unsigned int seen = 0;; seen++) {
		turn_wait(&pool->job_turn, seen);
		if (!pool->job)
			return NULL;
		pool->job(pool->data, worker);
		lm_meet(worker);
	}
}

static void call_all(struct lm_pool *pool, lm_job *job, void *data)
{
	pool->job = job;
	pool->data = data;
	turn_next(&pool->job_turn);
}

void lm_pool_run(struct lm_pool *pool, lm_job *job, void *data)
{
	if (!pool || atomic_flag_test_and_set_explicit(&pool->busy, memory_order_acquire)) {
		job(data, &(struct lm_worker){NULL, 0, 1});
		return;
	}
	call_all(pool, job, data);
	job(data, &pool->helpers[0].worker);
	lm_meet(&pool->helpers[0].worker);
	atomic_flag_clear_explicit(&pool->busy, memory_order_release);
}

mw_lm_err lm_pool_new(uint32_t n, struct lm_pool **ret_pool)
{
	struct lm_pool *pool = aligned_alloc(64, sizeof(*pool));

	if (!pool)
		return MW_LM_E_MEMORY;
	*pool = (struct lm_pool){.n = n, .busy = ATOMIC_FLAG_INIT};
	for (uint32_t i = 0; i < n; i++)
		pool->helpers[i].worker = (struct lm_worker){pool, i, n};
	for (pool->n_started = 1; pool->n_started < n; pool->n_started++) {
		struct helper *helper = &pool->helpers[pool->n_started];

		if (pthread_create(&helper->thread, NULL, help, &helper->worker) != 0) {
			lm_pool_free(pool);
			return MW_LM_E_MEMORY;
		}
	}
	*ret_pool = pool;
	return MW_LM_E_OK;
}

void lm_pool_free(struct lm_pool *pool)
{
	if (!pool)
		return;
	call_all(pool, NULL, NULL);
	for (uint32_t i = 1; i < pool->n_started; i++)
		(void)pthread_join(pool->helpers[i].thread, NULL);
	free(pool);
}

uint32_t lm_pool_size(const struct lm_pool *pool)
{
	return pool->n;
}
