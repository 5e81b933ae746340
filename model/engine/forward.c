#include "model/engine/f16.h"
#include "model/engine/session.h"

#include <string.h>

/* What enters a matrix: floats [n][stride], or, where the matrix is int8, quantised. */
struct input {
	const float *x;
	size_t stride;
	const struct lm_q8 *q8;
};

/* y[n][stride] = matrix . x of the panels [from, to); y has room for whole panels. */
static void multiply(const struct lm_pass *pass, const struct lm_matrix *matrix,
		     struct lm_part part, const struct input *in, float *y, size_t stride)
{
	const struct lm_kernels *ops = pass->model->ops;
	size_t n_blocks = matrix->cols / LM_BLOCK;

	if (matrix->panels.q) {
		ops->gemm(lm_panels_from(matrix->panels, part.from, n_blocks), part.to - part.from,
			  n_blocks, in->q8, pass->n, y + part.from * LM_LANES, stride);
		return;
	}
	for (size_t i = 0; i < pass->n; i++)
		for (size_t r = part.from * LM_LANES; r < part.to * LM_LANES && r < matrix->rows;
		     r++)
			y[i * stride + r] = lm_row_dot(ops, matrix, r, in->x + i * in->stride);
}

/* The worker's panels of a matrix, in pairs, which kernels like best. */
static struct lm_part panels_of(const struct lm_worker *worker, const struct lm_matrix *matrix)
{
	return lm_part(worker, lm_pad(matrix->rows) / LM_LANES, 2);
}

/* The columns [from, to) of a position, for products. */
static void take(const struct lm_pass *pass, float *x, size_t i, size_t cols, size_t from,
		 size_t to, const struct lm_q8 *q8)
{
	lm_take(pass->model, x + from, (to - from) / LM_BLOCK, q8, (i * cols + from) / LM_BLOCK);
}

/* The normed residual stream of the worker's positions, to h and q8. */
static void norm(const struct lm_pass *pass, const struct lm_worker *worker, const float *weight)
{
	struct lm_scratch *scratch = pass->scratch;
	size_t n_embd = pass->model->info.n_embd;
	struct lm_part part = lm_part(worker, pass->n, 1);

	for (size_t i = part.from; i < part.to; i++) {
		float *h = scratch->h + i * n_embd;

		pass->model->ops->rms_norm(scratch->x + i * n_embd, weight, n_embd,
					   pass->model->eps, h);
		take(pass, h, i, n_embd, 0, n_embd, &scratch->q8[0]);
	}
	lm_meet(worker);
}

/* The residual stream grows by matrix . in; y is where the products go. */
static void multiply_add(const struct lm_pass *pass, const struct lm_worker *worker,
			 const struct lm_matrix *matrix, const struct input *in, float *y)
{
	size_t n_embd = pass->model->info.n_embd;
	struct lm_part part = panels_of(worker, matrix);
	size_t from = part.from * LM_LANES, to = part.to * LM_LANES;

	multiply(pass, matrix, part, in, y, n_embd);
	for (size_t i = 0; i < pass->n; i++)
		pass->model->ops->add(pass->scratch->x + i * n_embd + from, y + i * n_embd + from,
				      to - from);
	lm_meet(worker);
}

static void attention_block(const struct lm_pass *pass, const struct lm_worker *worker, uint32_t at)
{
	const struct lm_layer *layer = &pass->model->layers[at];
	struct lm_scratch *scratch = pass->scratch;
	size_t n_embd = pass->model->info.n_embd, q_size = layer->out.cols;
	const struct input in = {scratch->h, n_embd, &scratch->q8[0]};
	const struct input found = {scratch->h, q_size, &scratch->q8[1]};
	struct lm_part part = lm_part(worker, pass->n, 1);

	norm(pass, worker, layer->attn_norm);
	multiply(pass, &layer->qkv, panels_of(worker, &layer->qkv), &in, scratch->y,
		 lm_pad(layer->qkv.rows));
	lm_meet(worker);
	lm_remember(pass, worker, at);
	lm_meet(worker);
	lm_attend(pass, worker, at);
	lm_meet(worker);
	for (size_t i = part.from; i < part.to; i++)
		take(pass, scratch->h + i * q_size, i, q_size, 0, q_size, &scratch->q8[1]);
	lm_meet(worker);
	multiply_add(pass, worker, &layer->out, &found, scratch->y);
}

/* A worker makes the gate and the upper half of the same columns. */
static void feed_forward_block(const struct lm_pass *pass, const struct lm_worker *worker,
			       uint32_t at)
{
	const struct lm_layer *layer = &pass->model->layers[at];
	struct lm_scratch *scratch = pass->scratch;
	size_t n_embd = pass->model->info.n_embd, n_ff = layer->n_ff;
	const struct input in = {scratch->h, n_embd, &scratch->q8[0]};
	const struct input gated = {scratch->y, 2 * n_ff, &scratch->q8[1]};
	struct lm_part part = lm_part(worker, n_ff / LM_LANES, 2);
	struct lm_part upper = {part.from + n_ff / LM_LANES, part.to + n_ff / LM_LANES};
	size_t from = part.from * LM_LANES, to = part.to * LM_LANES;

	norm(pass, worker, layer->ffn_norm);
	multiply(pass, &layer->gate_up, part, &in, scratch->y, 2 * n_ff);
	multiply(pass, &layer->gate_up, upper, &in, scratch->y, 2 * n_ff);
	for (size_t i = 0; i < pass->n; i++) {
		float *gate = scratch->y + i * 2 * n_ff;

		pass->model->ops->silu_mul(gate + from, gate + n_ff + from, to - from);
		take(pass, gate, i, n_ff, from, to, &scratch->q8[1]);
	}
	lm_meet(worker);
	multiply_add(pass, worker, &layer->down, &gated, scratch->h);
}

static void add_embedding(const struct mw_lm *model, uint32_t token, float *x)
{
	size_t cols = model->embd.cols, n_blocks = cols / LM_BLOCK;

	if (model->embd.floats)
		model->ops->add(x, model->embd.floats + token * cols, cols);
	else if (model->embd.halves)
		for (size_t i = 0; i < cols; i++)
			x[i] += lm_f16_load(model->embd.halves[token * cols + i]);
	else
		model->ops->add_row(lm_panels_from(model->embd.panels, token / LM_LANES, n_blocks),
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

/* Whether the state of a position is the last one of its session that is kept in this pass. */
static bool is_kept(const struct lm_pass *pass, size_t i)
{
	const struct lm_position *position = &pass->scratch->positions[i];

	return position->keep &&
	       !(i + 1 < pass->n && position[1].keep && position[1].session == position->session);
}

/* The normed state of a position to its head, or to its session. */
static void deliver(const struct lm_pass *pass, size_t i)
{
	const struct mw_lm *model = pass->model;
	const struct lm_position *position = &pass->scratch->positions[i];
	size_t n_embd = model->info.n_embd;
	bool kept = is_kept(pass, i);
	float *state = kept ? position->session->hidden : pass->scratch->h + i * n_embd;

	if (!kept && !position->ret_patch)
		return;
	model->ops->rms_norm(pass->scratch->x + i * n_embd, model->output_norm, n_embd, model->eps,
			     state);
	if (position->ret_patch)
		*position->ret_patch =
		    model->ops->dot(model->head_weight[position->channel], state, n_embd) +
		    model->head_bias[position->channel];
}

static void run_pass(void *data, const struct lm_worker *worker)
{
	const struct lm_pass *pass = data;
	size_t n_embd = pass->model->info.n_embd;
	struct lm_part part = lm_part(worker, pass->n, 1);

	for (size_t i = part.from; i < part.to; i++)
		embed(pass->model, &pass->scratch->positions[i], pass->scratch->x + i * n_embd);
	for (uint32_t at = 0; at < pass->model->info.n_layers; at++) {
		attention_block(pass, worker, at);
		feed_forward_block(pass, worker, at);
	}
	for (size_t i = part.from; i < part.to; i++)
		deliver(pass, i);
}

void lm_forward(struct lm_scratch *scratch, const struct mw_lm *model, size_t n)
{
	struct lm_pass pass = {scratch, model, n};

	lm_pool_run(model->pool, run_pass, &pass);
}
