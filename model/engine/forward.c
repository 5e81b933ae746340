#include "model/engine/session.h"

#include <math.h>
#include <string.h>

void lm_matmul(struct lm_scratch *scratch, const struct mw_lm *model,
	       const struct lm_matrix *matrix, const float *x, size_t x_stride, size_t n, float *y,
	       size_t stride)
{
	const struct lm_kernels *ops = model->ops;
	struct lm_q8 *q8 = &scratch->q8;
	size_t cols = matrix->cols, n_blocks = cols / LM_BLOCK;

	if (matrix->floats) {
		for (size_t i = 0; i < n; i++)
			for (size_t r = 0; r < matrix->rows; r++)
				y[i * stride + r] =
				    ops->dot(matrix->floats + r * cols, x + i * x_stride, cols);
		return;
	}
	for (size_t i = 0; i < n; i++)
		ops->quantize(x + i * x_stride, n_blocks, q8->q + i * cols,
			      q8->scale + i * n_blocks, q8->bias + i * n_blocks);
	ops->gemm(matrix->panels, lm_pad(matrix->rows) / LM_LANES, n_blocks, q8, n, y, stride);
}

static void add_embedding(const struct mw_lm *model, uint32_t token, float *x)
{
	size_t cols = model->embd.cols, n_blocks = cols / LM_BLOCK;

	if (model->embd.floats)
		model->ops->add(x, model->embd.floats + token * cols, cols);
	else
		model->ops->add_row(model->embd.panels + token / LM_LANES * n_blocks,
				    token % LM_LANES, n_blocks, x);
}

static void embed(const struct mw_lm *model, const struct lm_position *position, float *x)
{
	memset(x, 0, model->info.n_embd * sizeof(*x));
	if (!position->codes) {
		add_embedding(model, position->token, x);
		return;
	}
	for (uint32_t i = 0; i < model->info.slots; i++)
		if (position->codes[i] != MW_LM_NO_CODE)
			add_embedding(model, position->codes[i], x);
}

/* Turns one head. */
static void rope(const struct mw_lm *model, const struct lm_position *position, float *x)
{
	size_t half = model->rope_dims / 2;
	const struct lm_turns *turns = &position->session->turns[position->session->is_long];
	const float *cosines = turns->cosines + position->rope * half;
	const float *sines = turns->sines + position->rope * half;
	bool pairs = model->arch->rope == LM_ROPE_PAIRS;
	size_t apart = pairs ? 1 : half, step = pairs ? 2 : 1;

	for (size_t i = 0; i < half; i++) {
		float *a = x + i * step, *b = a + apart;
		float turned = *a * cosines[i] - *b * sines[i];

		*b = *a * sines[i] + *b * cosines[i];
		*a = turned;
	}
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

/* Puts the position's keys (prepared) and values into its cache. */
static void remember(const struct lm_layer *layer, uint32_t at, const struct lm_position *position,
		     float *keys, const float *values)
{
	const struct mw_lm_session *session = position->session;
	const struct lm_cache *cache = &session->caches[at];
	size_t size = session->model->info.head_size;

	for (uint32_t head = 0; head < layer->n_kv; head++, keys += size, values += size) {
		float *tile = key_tile(session, cache, head, position->index);

		prepare_head(session->model, position, layer->k_norm, keys);
		for (size_t d = 0; d < size; d++)
			tile[d * LM_LANES + position->index % LM_LANES] = keys[d];
		memcpy(value_row(session, cache, head, position->index), values,
		       size * sizeof(*values));
	}
}

/* One head: y[head_size] = softmax(q . keys / sqrt(head_size)) . values over what is seen. */
static void attend_head(struct lm_scratch *scratch, const struct lm_position *position,
			const struct lm_cache *cache, uint32_t kv_head, const float *q, float *y)
{
	const struct mw_lm_session *session = position->session;
	const struct lm_kernels *ops = session->model->ops;
	size_t size = session->model->info.head_size, n = 0;

	for (int i = 0; i < 2; i++) {
		struct lm_span see = position->see[i];

		if (see.n == 0)
			continue;
		ops->scores(q, key_tile(session, cache, kv_head, see.first),
			    (see.first % LM_LANES + see.n + LM_LANES - 1) / LM_LANES, size,
			    scratch->raw);
		memcpy(scratch->scores + n, scratch->raw + see.first % LM_LANES,
		       see.n * sizeof(float));
		n += see.n;
	}
	ops->softmax(scratch->scores, n, 1.0f / sqrtf((float)size));
	memset(y, 0, size * sizeof(*y));
	n = 0;
	for (int i = 0; i < 2; i++) {
		struct lm_span see = position->see[i];

		if (see.n > 0)
			ops->mix(scratch->scores + n, value_row(session, cache, kv_head, see.first),
				 see.n, size, y);
		n += see.n;
	}
}

static void attend(struct lm_scratch *scratch, const struct lm_layer *layer, uint32_t at,
		   const struct lm_position *position, float *queries, float *y)
{
	size_t size = position->session->model->info.head_size;
	uint32_t group = layer->n_head / layer->n_kv;

	for (uint32_t head = 0; head < layer->n_head; head++) {
		float *q = queries + head * size;

		prepare_head(position->session->model, position, layer->q_norm, q);
		attend_head(scratch, position, &position->session->caches[at], head / group, q,
			    y + head * size);
	}
}

static void norm_all(struct lm_scratch *scratch, const struct mw_lm *model, const float *weight,
		     size_t n)
{
	size_t n_embd = model->info.n_embd;

	for (size_t i = 0; i < n; i++)
		model->ops->rms_norm(scratch->x + i * n_embd, weight, n_embd, model->eps,
				     scratch->h + i * n_embd);
}

static void attention_block(struct lm_scratch *scratch, const struct mw_lm *model, uint32_t at,
			    size_t n)
{
	const struct lm_layer *layer = &model->layers[at];
	size_t n_embd = model->info.n_embd, stride = lm_pad(layer->qkv.rows);
	size_t q_size = (size_t)layer->n_head * model->info.head_size;
	size_t kv_size = (size_t)layer->n_kv * model->info.head_size;

	norm_all(scratch, model, layer->attn_norm, n);
	lm_matmul(scratch, model, &layer->qkv, scratch->h, n_embd, n, scratch->y, stride);
	for (size_t i = 0; i < n; i++) {
		float *keys = scratch->y + i * stride + q_size;

		remember(layer, at, &scratch->positions[i], keys, keys + kv_size);
	}
	for (size_t i = 0; i < n; i++)
		attend(scratch, layer, at, &scratch->positions[i], scratch->y + i * stride,
		       scratch->h + i * q_size);
	lm_matmul(scratch, model, &layer->out, scratch->h, q_size, n, scratch->y, n_embd);
	model->ops->add(scratch->x, scratch->y, n * n_embd);
}

static void feed_forward_block(struct lm_scratch *scratch, const struct mw_lm *model, uint32_t at,
			       size_t n)
{
	const struct lm_layer *layer = &model->layers[at];
	size_t n_embd = model->info.n_embd, n_ff = layer->n_ff;

	norm_all(scratch, model, layer->ffn_norm, n);
	lm_matmul(scratch, model, &layer->gate_up, scratch->h, n_embd, n, scratch->y, 2 * n_ff);
	for (size_t i = 0; i < n; i++) {
		float *gate = scratch->y + i * 2 * n_ff;

		model->ops->silu_mul(gate, gate + n_ff, n_ff);
	}
	lm_matmul(scratch, model, &layer->down, scratch->y, 2 * n_ff, n, scratch->h, n_embd);
	model->ops->add(scratch->x, scratch->h, n * n_embd);
}

/* The normed state of a position to its head, or to its session. */
static void deliver(struct lm_scratch *scratch, const struct mw_lm *model,
		    const struct lm_position *position, const float *x)
{
	float *state = position->keep ? position->session->hidden : scratch->h;
	size_t n_embd = model->info.n_embd;

	if (!position->keep && !position->ret_patch)
		return;
	model->ops->rms_norm(x, model->output_norm, n_embd, model->eps, state);
	if (position->ret_patch)
		*position->ret_patch =
		    model->ops->dot(model->head_weight[position->channel], state, n_embd) +
		    model->head_bias[position->channel];
}

void lm_forward(struct lm_scratch *scratch, const struct mw_lm *model, size_t n)
{
	size_t n_embd = model->info.n_embd;

	for (size_t i = 0; i < n; i++)
		embed(model, &scratch->positions[i], scratch->x + i * n_embd);
	for (uint32_t at = 0; at < model->info.n_layers; at++) {
		attention_block(scratch, model, at, n);
		feed_forward_block(scratch, model, at, n);
	}
	for (size_t i = 0; i < n; i++)
		deliver(scratch, model, &scratch->positions[i], scratch->x + i * n_embd);
}

void lm_logits_begin(struct mw_lm_session *session)
{
	const struct mw_lm *model = session->model;
	struct lm_q8 *q8 = &session->scratch.q8;

	memset(session->scratch.panel_done, 0, lm_pad(model->info.n_vocab) / LM_LANES);
	model->ops->quantize(session->hidden, model->info.n_embd / LM_BLOCK, q8->q, q8->scale,
			     q8->bias);
}

void lm_logits_panels(struct mw_lm_session *session, uint32_t first, uint32_t n)
{
	const struct mw_lm *model = session->model;
	const struct lm_matrix *matrix = &model->output;
	struct lm_scratch *scratch = &session->scratch;
	size_t n_blocks = matrix->cols / LM_BLOCK;

	for (uint32_t p = first / LM_LANES; p <= (first + n - 1) / LM_LANES; p++) {
		if (scratch->panel_done[p])
			continue;
		scratch->panel_done[p] = 1;
		if (matrix->panels)
			model->ops->gemm(matrix->panels + p * n_blocks, 1, n_blocks, &scratch->q8,
					 1, scratch->logits + (size_t)p * LM_LANES, LM_LANES);
		for (uint32_t r = p * LM_LANES;
		     matrix->floats && r < (p + 1) * LM_LANES && r < matrix->rows; r++)
			scratch->logits[r] =
			    model->ops->dot(matrix->floats + (size_t)r * matrix->cols,
					    session->hidden, matrix->cols);
	}
}
