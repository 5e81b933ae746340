#include "model/engine/session.h"

#include <math.h>
#include <string.h>

#define QUERIES 8u /* at once, if a key head has no more of them */

/* Turns one head. */
static void rope(const struct mw_lm *model, const struct lm_position *position, float *x)
{
	size_t half = model->rope_dims / 2;
	const struct lm_turns *turns = &position->session->turns[position->session->is_long];

	model->ops->turn(x, turns->cosines + position->rope * half,
			 turns->sines + position->rope * half, half);
}

static float *key_tile(const struct mw_lm_session *session, const struct lm_cache *cache,
		       uint32_t head, uint32_t index)
{
	size_t tile = (size_t)head * session->n_tiles + index / LM_LANES;

	return cache->keys + tile * session->model->info.head_size * LM_LANES;
}

static float *value_row(const struct mw_lm_session *session, const struct lm_cache *cache,
			uint32_t head, uint32_t index)
{
	return cache->values +
	       ((size_t)head * session->capacity + index) * session->model->info.head_size;
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
	const struct mw_lm_session *session = position->session;
	const struct lm_cache *cache = &session->caches[at];
	size_t size = pass->model->info.head_size;
	float *key = pass->scratch->y + i * lm_pad(layer->qkv.rows) + (layer->n_head + head) * size;
	float *tile = key_tile(session, cache, head, position->index);

	prepare_head(pass->model, position, layer->k_norm, key);
	for (size_t d = 0; d < size; d++)
		tile[d * LM_LANES + position->index % LM_LANES] = key[d];
	memcpy(value_row(session, cache, head, position->index), key + layer->n_kv * size,
	       size * sizeof(*key));
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
}

/* Softmax of the scores over what each position sees. */
static void weigh(const struct block *block)
{
	const struct lm_position *last = last_position(block);
	const struct mw_lm_session *session = last->session;
	const struct lm_kernels *ops = session->model->ops;
	const struct lm_attention *buffers = block->buffers;
	size_t size = session->model->info.head_size, stride = block->pass->scratch->stride;
	size_t n_q = block->n * block->group, n = 0;

	for (int i = 0; i < 2; i++) {
		struct lm_span see = last->see[i];
		size_t skew = see.first % LM_LANES;

		if (see.n == 0)
			continue;
		ops->scores(buffers->queries, n_q,
			    key_tile(session, &session->caches[block->at], block->head, see.first),
			    (skew + see.n + LM_LANES - 1) / LM_LANES, size, buffers->raw, stride);
		for (size_t q = 0; q < n_q; q++)
			memcpy(buffers->scores + q * stride + n, buffers->raw + q * stride + skew,
			       see.n * sizeof(float));
		n += see.n;
	}
	for (size_t q = 0; q < n_q; q++)
		ops->softmax(buffers->scores + q * stride, n - (block->n - 1 - q / block->group),
			     1.0f / sqrtf((float)size));
}

/* The values of a span, from score `n` on: first those that all positions see. */
static void mix_span(const struct block *block, struct lm_span see, size_t n, size_t shared)
{
	const struct mw_lm_session *session = last_position(block)->session;
	const struct lm_cache *cache = &session->caches[block->at];
	const struct lm_attention *buffers = block->buffers;
	const struct lm_kernels *ops = session->model->ops;
	size_t size = session->model->info.head_size, stride = block->pass->scratch->stride;
	const float *scores = buffers->scores + n;

	ops->mix(scores, stride, block->n * block->group,
		 value_row(session, cache, block->head, see.first), shared, size, buffers->mixed);
	for (size_t k = 1; k < block->n && shared < see.n; k++)
		ops->mix(scores + k * block->group * stride + shared, stride, block->group,
			 value_row(session, cache, block->head, see.first + (uint32_t)shared), k,
			 size, buffers->mixed + k * block->group * size);
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
	mix_span(block, last->see[1], last->see[0].n, last->see[1].n - (block->n - 1));
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
