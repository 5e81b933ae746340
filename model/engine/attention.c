#include "model/engine/session.h"

#include <math.h>
#include <string.h>

#define QUERIES 8u /* at once, if a key head has no more of them */

/* Turns one head. */
static void rope(const struct mw_lm *model, const struct lm_position *position, float *x)
{
	const struct lm_turns *turns = &position->session->turns[position->session->is_long];
	size_t half = model->rope_dims / 2, at = (position->rope - turns->first) * half;

	model->ops->turn(x, turns->cosines + at, turns->sines + at, half);
}

/* A query or a key becomes what attention takes: normed if the model norms heads, and turned. */
static void prepare_head(const struct mw_lm *model, const struct lm_position *position,
			 const float *norm, float *x)
{
	if (norm)
		model->ops->rms_norm(x, norm, model->info.head_size, model->eps, x);
	rope(model, position, x);
}

static void remember_head(const struct lm_pass *pass, uint32_t at, size_t i, uint32_t head)
{
	const struct lm_layer *layer = &pass->model->layers[at];
	const struct lm_position *position = &pass->scratch->positions[i];
	size_t size = pass->model->info.head_size;
	float *key = pass->scratch->y + i * lm_pad(layer->qkv.rows) + (layer->n_head + head) * size;

	prepare_head(pass->model, position, layer->k_norm, key);
	lm_cache_put(position->session, at, head, position->index, key, key + layer->n_kv * size);
}

void lm_remember(const struct lm_pass *pass, const struct lm_worker *worker, uint32_t at)
{
	uint32_t n_kv = pass->model->layers[at].n_kv;
	struct lm_part part = lm_part(worker, pass->n * n_kv, 1);

	for (size_t i = part.from; i < part.to; i++)
		remember_head(pass, at, i / n_kv, (uint32_t)(i % n_kv));
}

/* Positions that follow each other in a row or a text, and one key head: what they see differs in
 * the last keys only. */
struct block {
	const struct lm_pass *pass;
	const struct lm_attention *buffers;
	uint32_t at; /* layer */
	size_t first, n;
	uint32_t head, group; /* key head, its queries in a position */
};

static const struct lm_position *last_position(const struct block *block)
{
	return &block->pass->scratch->positions[block->first + block->n - 1];
}

static float score_scale(const struct mw_lm *model)
{
	return 1.0f / sqrtf((float)model->info.head_size);
}

/* What is left to do for queries [n], which are ready but for it. */
static void finish_queries(const struct mw_lm *model, float *x, size_t n)
{
	float scale = score_scale(model);

	for (size_t i = 0; model->arch->scaled_queries && i < n; i++)
		x[i] *= scale;
	if (model->precision == MW_LM_F16)
		model->ops->round(x, n);
}

static void take_queries(const struct block *block)
{
	const struct lm_pass *pass = block->pass;
	const struct lm_layer *layer = &pass->model->layers[block->at];
	size_t size = pass->model->info.head_size, stride = lm_pad(layer->qkv.rows);
	float *to = block->buffers->queries;

	for (size_t k = 0; k < block->n; k++) {
		const float *from = pass->scratch->y + (block->first + k) * stride +
				    (size_t)block->head * block->group * size;

		memcpy(to, from, block->group * size * sizeof(*to));
		for (uint32_t g = 0; g < block->group; g++, to += size)
			prepare_head(pass->model, &pass->scratch->positions[block->first + k],
				     layer->q_norm, to);
	}
	finish_queries(pass->model, block->buffers->queries, block->n * block->group * size);
}

/* Scores over a span, as the numbers from n on. */
static void score_span(const struct block *block, struct lm_span see, size_t n)
{
	const struct lm_attention *buffers = block->buffers;
	const struct mw_lm *model = block->pass->model;
	size_t n_q = block->n * block->group, stride = block->pass->scratch->stride;
	struct lm_held held;

	for (uint32_t done = 0; done < see.n; done += held.n) {
		size_t skew;

		held = lm_cache_held(last_position(block)->session, see.first + done, see.n - done);
		skew = held.first % LM_LANES;
		model->ops->scores(buffers->queries, n_q,
				   lm_cache_keys(&held, block->at, block->head, buffers->wide),
				   (skew + held.n + LM_LANES - 1) / LM_LANES, model->info.head_size,
				   buffers->raw, stride);
		for (size_t q = 0; q < n_q; q++)
			memcpy(buffers->scores + q * stride + n + done,
			       buffers->raw + q * stride + skew, held.n * sizeof(float));
	}
}

/* Softmax of the scores over what each position sees. */
static void weigh(const struct block *block)
{
	const struct lm_position *last = last_position(block);
	const struct mw_lm *model = block->pass->model;
	float scale = model->arch->scaled_queries ? 1.0f : score_scale(model);
	size_t stride = block->pass->scratch->stride;
	size_t n_q = block->n * block->group, n = 0;

	for (int i = 0; i < 2; i++) {
		score_span(block, last->see[i], n);
		n += last->see[i].n;
	}
	for (size_t q = 0; q < n_q; q++) {
		float *scores = block->buffers->scores + q * stride;
		size_t n_seen = n - (block->n - 1 - q / block->group);

		model->ops->softmax(scores, n_seen, scale);
		if (model->precision == MW_LM_F16)
			model->ops->round(scores, n_seen);
	}
}

/* The values of n positions by their scores, for n_q queries. */
static void mix_values(const struct block *block, struct lm_span see, const float *scores,
		       size_t n_q, float *mixed)
{
	const struct mw_lm *model = block->pass->model;
	struct lm_held held;

	for (uint32_t done = 0; done < see.n; done += held.n) {
		held = lm_cache_held(last_position(block)->session, see.first + done, see.n - done);
		model->ops->mix(
		    scores + done, block->pass->scratch->stride, n_q,
		    lm_cache_values(&held, block->at, block->head, block->buffers->wide), held.n,
		    model->info.head_size, mixed);
	}
}

/* The values of a span, from score `n` on: first those that all positions see. */
static void mix_span(const struct block *block, struct lm_span see, size_t n, uint32_t shared)
{
	const struct lm_attention *buffers = block->buffers;
	size_t width = block->group * block->pass->model->info.head_size;
	size_t stride = block->pass->scratch->stride;
	const float *scores = buffers->scores + n;

	mix_values(block, (struct lm_span){see.first, shared}, scores, block->n * block->group,
		   buffers->mixed);
	for (uint32_t k = 1; k < block->n && shared < see.n; k++)
		mix_values(block, (struct lm_span){see.first + shared, k},
			   scores + k * block->group * stride + shared, block->group,
			   buffers->mixed + k * width);
}

static void attend_block(const struct block *block)
{
	const struct lm_position *last = last_position(block);
	const struct lm_pass *pass = block->pass;
	size_t size = pass->model->info.head_size, width = block->group * size;
	size_t q_size = (size_t)pass->model->layers[block->at].n_head * size;

	take_queries(block);
	weigh(block);
	memset(block->buffers->mixed, 0, block->n * width * sizeof(float));
	if (last->see[0].n > 0)
		mix_span(block, last->see[0], 0, last->see[0].n);
	mix_span(block, last->see[1], last->see[0].n, last->see[1].n - (uint32_t)(block->n - 1));
	for (size_t k = 0; k < block->n; k++)
		memcpy(pass->scratch->h + (block->first + k) * q_size + block->head * width,
		       block->buffers->mixed + k * width, width * sizeof(float));
}

static bool follows(const struct lm_position *a, const struct lm_position *b)
{
	return a->session == b->session && a->index + 1 == b->index && a->see[0].n == b->see[0].n &&
	       a->see[0].first == b->see[0].first && a->see[1].first == b->see[1].first;
}

/* Positions from `first` on that make a block, at most `max`. */
static size_t block_length(const struct lm_pass *pass, size_t first, size_t max)
{
	const struct lm_position *positions = pass->scratch->positions + first;
	size_t n = 1;

	while (n < max && first + n < pass->n && follows(&positions[n - 1], &positions[n]))
		n++;
	return n;
}

uint32_t lm_attention_queries(const struct lm_layer *layer)
{
	uint32_t group = layer->n_head / layer->n_kv;

	return group < QUERIES ? QUERIES / group * group : group;
}

void lm_attend(const struct lm_pass *pass, const struct lm_worker *worker, uint32_t at)
{
	const struct lm_layer *layer = &pass->model->layers[at];
	struct block block = {.pass = pass, .at = at, .group = layer->n_head / layer->n_kv};
	size_t max = lm_attention_queries(layer) / block.group, unit = 0;

	block.buffers = &pass->scratch->attention[worker->rank];
	for (; block.first < pass->n; block.first += block.n) {
		block.n = block_length(pass, block.first, max);
		for (block.head = 0; block.head < layer->n_kv; block.head++)
			if (unit++ % worker->n == worker->rank)
				attend_block(&block);
	}
}
