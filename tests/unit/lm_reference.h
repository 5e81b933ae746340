/*
 * lm_reference.h -- the forward pass written a second time, in double and without any cleverness:
 * whole matrices, a visibility test for every pair of positions.  What the engine is compared with.
 */
#ifndef MW_TESTS_LM_REFERENCE_H
#define MW_TESTS_LM_REFERENCE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/engine/gguf.h"
#include "model/engine/weights.h"

#define REF_TAIL 0xFFFFu

struct ref_position {
	uint32_t codes[10], n_codes;
	uint32_t row; /* REF_TAIL: none */
	uint32_t rope;
};

struct ref {
	struct gguf gguf;
	bool pairs, asset_prefix; /* RoPE style; channel rows see row 0 */
	uint32_t n_layers, n_embd, head_size, n_vocab;
	double eps, base;
	const struct ref_position *positions;
	uint32_t n;
	double *x; /* [n][n_embd] */
};

/* A tensor as doubles; the caller frees. */
static inline double *ref_tensor(const struct ref *ref, const char *name, uint32_t *ret_rows)
{
	const struct gguf_tensor *tensor = gguf_tensor_find(&ref->gguf, name);
	size_t cols = tensor ? (size_t)tensor->dim[0] : 0,
	       rows = tensor ? (size_t)tensor->dim[1] : 0;
	float *row = malloc((cols + 1) * sizeof(*row));
	double *x = malloc((rows * cols + 1) * sizeof(*x));

	if (!tensor || !row || !x)
		abort();
	for (size_t r = 0; r < rows; r++) {
		(void)lm_row_floats(tensor, r, row);
		for (size_t i = 0; i < cols; i++)
			x[r * cols + i] = (double)row[i];
	}
	free(row);
	*ret_rows = (uint32_t)rows;
	return x;
}

static inline double *ref_layer_tensor(const struct ref *ref, uint32_t layer, const char *name,
				       uint32_t *ret_rows)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "blk.%u.%s.weight", layer, name);
	return ref_tensor(ref, text, ret_rows);
}

/* y[n][rows] = x[n][cols] . matrix^T; the caller frees. */
static inline double *ref_linear(const struct ref *ref, uint32_t layer, const char *name,
				 const double *x, size_t cols, uint32_t *ret_rows)
{
	double *w = ref_layer_tensor(ref, layer, name, ret_rows);
	double *y = calloc((size_t)ref->n * *ret_rows, sizeof(*y));

	if (!y)
		abort();
	for (size_t i = 0; i < ref->n; i++)
		for (size_t r = 0; r < *ret_rows; r++)
			for (size_t c = 0; c < cols; c++)
				y[i * *ret_rows + r] += w[r * cols + c] * x[i * cols + c];
	free(w);
	return y;
}

static inline double *ref_norm(const struct ref *ref, const char *name, const double *x)
{
	uint32_t rows;
	double *w = ref_tensor(ref, name, &rows),
	       *y = calloc((size_t)ref->n * ref->n_embd, sizeof(*y));

	if (!y)
		abort();
	for (size_t i = 0; i < ref->n; i++) {
		double sum = 0;

		for (size_t c = 0; c < ref->n_embd; c++)
			sum += x[i * ref->n_embd + c] * x[i * ref->n_embd + c];
		for (size_t c = 0; c < ref->n_embd; c++)
			y[i * ref->n_embd + c] =
			    x[i * ref->n_embd + c] / sqrt(sum / ref->n_embd + ref->eps) * w[c];
	}
	free(w);
	return y;
}

static inline void ref_rope(const struct ref *ref, double *x, uint32_t rows)
{
	uint32_t size = ref->head_size, half = size / 2;

	for (uint32_t i = 0; i < ref->n; i++)
		for (uint32_t h = 0; h < rows / size; h++)
			for (uint32_t d = 0; d < half; d++) {
				double *head = x + (size_t)i * rows + h * size;
				double *a = head + (ref->pairs ? 2 * d : d);
				double *b = head + (ref->pairs ? 2 * d + 1 : d + half);
				double angle =
				    ref->positions[i].rope * pow(ref->base, -2.0 * d / size);
				double u = *a, v = *b;

				*a = u * cos(angle) - v * sin(angle);
				*b = u * sin(angle) + v * cos(angle);
			}
}

static inline bool ref_sees(const struct ref *ref, uint32_t i, uint32_t j)
{
	uint32_t own = ref->positions[i].row, other = ref->positions[j].row;

	return j <= i && (own == REF_TAIL || own == other || (ref->asset_prefix && other == 0));
}

/* y += softmax(q k^T) v of one head and position. */
static inline void ref_attend(const struct ref *ref, uint32_t i, const double *q, const double *k,
			      const double *v, size_t stride, double *y)
{
	double score[1024], sum = 0;

	for (uint32_t j = 0; j <= i; j++) {
		score[j] = 0;
		for (uint32_t d = 0; d < ref->head_size; d++)
			score[j] += q[d] * k[j * stride + d];
		score[j] = ref_sees(ref, i, j) ? exp(score[j] / sqrt(ref->head_size)) : 0;
		sum += score[j];
	}
	for (uint32_t j = 0; j <= i; j++)
		for (uint32_t d = 0; d < ref->head_size; d++)
			y[d] += score[j] / sum * v[j * stride + d];
}

static inline void ref_add(const struct ref *ref, const double *y)
{
	for (size_t i = 0; i < (size_t)ref->n * ref->n_embd; i++)
		ref->x[i] += y[i];
}

static inline void ref_attention(const struct ref *ref, uint32_t layer)
{
	char name[64];
	uint32_t nq, nk, nv, ne, size = ref->head_size;
	double *h, *q, *k, *v, *a, *o;

	(void)snprintf(name, sizeof(name), "blk.%u.attn_norm.weight", layer);
	h = ref_norm(ref, name, ref->x);
	q = ref_linear(ref, layer, "attn_q", h, ref->n_embd, &nq);
	k = ref_linear(ref, layer, "attn_k", h, ref->n_embd, &nk);
	v = ref_linear(ref, layer, "attn_v", h, ref->n_embd, &nv);
	a = calloc((size_t)ref->n * nq, sizeof(*a));
	if (!a)
		abort();
	ref_rope(ref, q, nq);
	ref_rope(ref, k, nk);
	for (uint32_t i = 0; i < ref->n; i++)
		for (uint32_t head = 0; head < nq / size; head++) {
			uint32_t kv = head / (nq / nk);

			ref_attend(ref, i, q + i * nq + head * size, k + kv * size, v + kv * size,
				   nk, a + i * nq + head * size);
		}
	o = ref_linear(ref, layer, "attn_output", a, nq, &ne);
	ref_add(ref, o);
	free(h);
	free(q);
	free(k);
	free(v);
	free(a);
	free(o);
}

static inline void ref_feed_forward(const struct ref *ref, uint32_t layer)
{
	char name[64];
	uint32_t n_ff, ne;
	double *h, *gate, *up, *o;

	(void)snprintf(name, sizeof(name), "blk.%u.ffn_norm.weight", layer);
	h = ref_norm(ref, name, ref->x);
	gate = ref_linear(ref, layer, "ffn_gate", h, ref->n_embd, &n_ff);
	up = ref_linear(ref, layer, "ffn_up", h, ref->n_embd, &n_ff);
	for (size_t i = 0; i < (size_t)ref->n * n_ff; i++)
		gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i];
	o = ref_linear(ref, layer, "ffn_down", gate, n_ff, &ne);
	ref_add(ref, o);
	free(h);
	free(gate);
	free(up);
	free(o);
}

/* The normed final states [n][n_embd]; the caller frees.  Keys of the file are taken as they are.
 */
static inline double *ref_forward(struct ref *ref)
{
	uint32_t rows;
	double *embd = ref_tensor(ref, "token_embd.weight", &rows), *y;

	ref->n_vocab = rows;
	ref->x = calloc((size_t)ref->n * ref->n_embd, sizeof(*ref->x));
	if (!ref->x)
		abort();
	for (size_t i = 0; i < ref->n; i++)
		for (uint32_t s = 0; s < ref->positions[i].n_codes; s++)
			for (size_t c = 0; c < ref->n_embd; c++)
				ref->x[i * ref->n_embd + c] +=
				    embd[ref->positions[i].codes[s] * ref->n_embd + c];
	for (uint32_t layer = 0; layer < ref->n_layers; layer++) {
		ref_attention(ref, layer);
		ref_feed_forward(ref, layer);
	}
	y = ref_norm(ref, "output_norm.weight", ref->x);
	free(ref->x);
	free(embd);
	return y;
}

/* tensor row . state */
static inline double ref_logit(const struct ref *ref, const char *tensor, uint32_t row,
			       const double *state)
{
	uint32_t rows;
	double *w = ref_tensor(ref, tensor, &rows), sum = 0;

	for (size_t c = 0; c < ref->n_embd; c++)
		sum += w[(size_t)row * ref->n_embd + c] * state[c];
	free(w);
	return sum;
}

#endif
