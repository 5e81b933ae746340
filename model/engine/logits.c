#include "model/engine/session.h"

#include <string.h>

#define CHUNK_FLOATS 8192u /* of logits that are made at once */
#define ALONE        64u   /* panels that are not worth waking others for */

/* Logits of the tokens [first, first + count) of n <= P sessions. */
struct job {
	struct mw_lm_session *const *sessions;
	size_t n;
	uint32_t first, count;
	float *const *ret_logits; /* [n][count] */
};

static void take_hidden(const struct job *job, const struct lm_worker *worker)
{
	const struct mw_lm *model = job->sessions[0]->model;
	const struct lm_q8 *q8 = &job->sessions[0]->scratch.q8[0];
	size_t cols = model->info.n_embd, n_blocks = cols / LM_BLOCK;
	struct lm_part part = lm_part(worker, job->n, 1);

	for (size_t i = part.from; i < part.to; i++) {
		float *h = job->sessions[0]->scratch.h + i * cols;

		memcpy(h, job->sessions[i]->hidden, cols * sizeof(*h));
		lm_take(model, h, n_blocks, q8, i * n_blocks);
	}
}

/* The logits [from, to), from a whole panel on. */
static void make_logits(const struct job *job, uint32_t from, uint32_t to, float *y, size_t stride)
{
	const struct mw_lm *model = job->sessions[0]->model;
	const struct lm_matrix *matrix = &model->output;
	size_t cols = matrix->cols, n_blocks = cols / LM_BLOCK;

	if (matrix->panels.q) {
		model->ops->gemm(lm_panels_from(matrix->panels, from / LM_LANES, n_blocks),
				 lm_pad(to - from) / LM_LANES, n_blocks,
				 &job->sessions[0]->scratch.q8[0], job->n, y, stride);
		return;
	}
	for (size_t i = 0; i < job->n; i++)
		for (uint32_t r = from; r < to; r++)
			y[i * stride + r - from] = lm_row_dot(
			    model->ops, matrix, r, job->sessions[0]->scratch.h + i * cols);
}

/* The part of [from, to) that was asked for. */
static void give_logits(const struct job *job, uint32_t from, uint32_t to, const float *y,
			size_t stride)
{
	uint32_t first = from > job->first ? from : job->first;
	uint32_t end = job->first + job->count, last = to < end ? to : end;

	for (size_t i = 0; i < job->n; i++)
		memcpy(job->ret_logits[i] + first - job->first, y + i * stride + first - from,
		       (last - first) * sizeof(*y));
}

static void run_logits(void *data, const struct lm_worker *worker)
{
	const struct job *job = data;
	const struct lm_scratch *scratch = &job->sessions[0]->scratch;
	uint32_t n_vocab = job->sessions[0]->model->info.n_vocab;
	uint32_t base = job->first / LM_LANES * LM_LANES, step;
	struct lm_part part = lm_part(worker, job->first + job->count - base, 2 * LM_LANES);
	size_t room = scratch->y_size / worker->n / LM_LANES * LM_LANES, stride;
	float *y = scratch->y + worker->rank * room;

	stride = (room < CHUNK_FLOATS ? room : CHUNK_FLOATS) / job->n / LM_LANES * LM_LANES;
	take_hidden(job, worker);
	lm_meet(worker);
	for (uint32_t at = (uint32_t)part.from; at < part.to; at += step) {
		uint32_t from = base + at, to;

		step = part.to - at < stride ? (uint32_t)(part.to - at) : (uint32_t)stride;
		to = from + step < n_vocab ? from + step : n_vocab;
		make_logits(job, from, to, y, stride);
		give_logits(job, from, to, y, stride);
	}
}

static void logits_of(const struct job *job)
{
	struct lm_pool *pool = job->sessions[0]->model->pool;

	lm_pool_run(job->count > ALONE * LM_LANES ? pool : NULL, run_logits,
		    (void *)(uintptr_t)job);
}

mw_lm_err mw_lm_logits(struct mw_lm_session *session, uint32_t first, uint32_t n, float *ret_logits)
{
	uint32_t n_vocab = session->model->info.n_vocab;

	if (n == 0 || first >= n_vocab || n > n_vocab - first)
		return MW_LM_E_ARGUMENT;
	if (session->n_tail == 0 || session->was_cut)
		return MW_LM_E_STATE;
	logits_of(&(struct job){&session, 1, first, n, &ret_logits});
	return MW_LM_E_OK;
}

static mw_lm_err batch_check(struct mw_lm_session *const *sessions, size_t n)
{
	mw_lm_err err = MW_LM_E_OK;

	for (size_t i = 0; i < n && !err; i++) {
		if (sessions[i]->model != sessions[0]->model || sessions[i]->mark)
			err = MW_LM_E_ARGUMENT;
		else if (sessions[i]->n_tail == 0 || sessions[i]->was_cut)
			err = MW_LM_E_STATE;
		sessions[i]->mark = true;
	}
	for (size_t i = 0; i < n; i++)
		sessions[i]->mark = false;
	return err;
}

mw_lm_err mw_lm_logits_batch(struct mw_lm_session *const *sessions, size_t n,
			     float *const *ret_logits)
{
	mw_lm_err err = batch_check(sessions, n);

	/* as many at once as have a panel each in every worker's part of y */
	for (size_t i = 0, some; i < n && !err; i += some) {
		const struct mw_lm_session *first = sessions[i];

		some = first->scratch.pass < n - i ? first->scratch.pass : n - i;
		logits_of(&(struct job){sessions + i, some, 0, first->model->info.n_vocab,
					ret_logits + i});
	}
	return err;
}

void lm_logits_begin(struct mw_lm_session *session)
{
	const struct lm_worker alone = {.rank = 0, .n = 1};

	memset(session->scratch.panel_done, 0, lm_pad(session->model->info.n_vocab) / LM_LANES);
	take_hidden(&(struct job){&session, 1, 0, 0, NULL}, &alone);
}

void lm_logits_panels(struct mw_lm_session *session, uint32_t first, uint32_t n)
{
	struct lm_scratch *scratch = &session->scratch;
	uint32_t n_vocab = session->model->info.n_vocab;
	const struct job job = {&session, 1, first, n, NULL};

	for (uint32_t p = first / LM_LANES; p <= (first + n - 1) / LM_LANES; p++) {
		uint32_t from = p * LM_LANES, to = from + LM_LANES;

		if (!scratch->panel_done[p])
			make_logits(&job, from, to < n_vocab ? to : n_vocab, scratch->logits + from,
				    LM_LANES);
		scratch->panel_done[p] = 1;
	}
}
