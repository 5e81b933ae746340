/*
 * kernels_vector.h -- the float kernels, written once for vectors of any width.
 *
 * A kernel file defines, before it includes this,
 *
 *     VEC_FLOATS   floats of a vector: 4, 8 or 16
 *     VEC_MAX      vec VEC_MAX(vec a, vec b): a > b ? a : b in every lane; VEC_MIN the same with <
 *     HALVES(p)    vec of the half-precision values at p; PUT_HALVES(p, v) the reverse, half to even
 *     SCORE_TILES  sums of 16 keys that stay in registers: 4 or 8
 *     MIX_VECS     vectors of values that stay in registers beside 4 sums of each: 2 or 4
 *     WEIGHT_FLIP  as in the table
 *
 * and gets static functions with the names of the table's members.
 */
#ifndef MW_LM_KERNELS_VECTOR_H
#define MW_LM_KERNELS_VECTOR_H

#include <math.h>
#include <string.h>

#include "model/engine/f16.h"
#include "model/engine/kernels.h"
#include "model/engine/kernels_math.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

#define VECS (LM_LANES / VEC_FLOATS) /* vectors of 16 lanes */

typedef float vec __attribute__((vector_size(4 * VEC_FLOATS)));
typedef int32_t vec_int __attribute__((vector_size(4 * VEC_FLOATS)));
typedef int8_t vec_bytes __attribute__((vector_size(VEC_FLOATS)));

struct lanes {
	vec part[VECS];
};

INLINE vec load(const float *x)
{
	vec v;

	memcpy(&v, x, sizeof(v));
	return v;
}

INLINE void store(float *x, vec v)
{
	memcpy(x, &v, sizeof(v));
}

INLINE vec all(float x)
{
	return x - (vec){0};
}

INLINE float first(vec v)
{
	return v[0];
}

/* The lanes, turned by `by` places. */
#if defined(__clang__)
INLINE vec turned(vec v, const int by)
{
	vec to = v;

	UNROLL
	for (int i = 0; i < VEC_FLOATS; i++)
		to[i] = v[(i + by) % VEC_FLOATS];
	return to;
}
#else
#define PLACE(i)  ((i) % VEC_FLOATS)
#define PLACES(i) PLACE(i), PLACE(i + 1), PLACE(i + 2), PLACE(i + 3)

/* gcc: the order is read from memory; built lane by lane it costs more than a row of a small model. */
INLINE vec turned(vec v, const int by)
{
	static const int32_t places[32] = {PLACES(0),  PLACES(4),  PLACES(8),  PLACES(12),
					   PLACES(16), PLACES(20), PLACES(24), PLACES(28)};
	vec_int order;

	memcpy(&order, places + by, sizeof(order));
	return __builtin_shuffle(v, order);
}
#endif

/* The tree over 16 lanes. */
INLINE float tree(struct lanes s)
{
	UNROLL
	for (size_t half = VECS / 2; half > 0; half /= 2)
		UNROLL
	for (size_t k = 0; k < half; k++)
		s.part[k] += s.part[k + half];
	UNROLL
	for (int half = VEC_FLOATS / 2; half > 0; half /= 2)
		s.part[0] += turned(s.part[0], half);
	return first(s.part[0]);
}

INLINE float greatest(vec x)
{
	UNROLL
	for (int half = VEC_FLOATS / 2; half > 0; half /= 2)
		x = VEC_MAX(x, turned(x, half));
	return first(x);
}

/* lm_exp in every lane. */
INLINE vec exponential(vec x)
{
	vec shifted, n, r, y;
	vec_int power;

	x = VEC_MAX(VEC_MIN(x, all(LM_EXP_MAX)), all(LM_EXP_MIN));
	shifted = x * LM_LOG2E + LM_ROUND;
	n = shifted - LM_ROUND;
	r = x - n * LM_LN2_HIGH;
	r = r - n * LM_LN2_LOW;
	y = all(LM_EXP_C0);
	y = y * r + LM_EXP_C1;
	y = y * r + LM_EXP_C2;
	y = y * r + LM_EXP_C3;
	y = y * r + LM_EXP_C4;
	y = y * r + LM_EXP_C5;
	y = y * (r * r) + r;
	y = y + 1.0f;
	power = (((vec_int)shifted - (int32_t)(LM_ROUND_BITS - 127u)) & 0xFF) << 23;
	return y * (vec)power;
}

/* --- the table -------------------------------------------------------------------------------- */

static float dot(const float *a, const float *b, size_t n)
{
	struct lanes sum = {0};
	float tail[LM_LANES];
	size_t i = 0;

	for (; i + LM_LANES <= n; i += LM_LANES)
		UNROLL
	for (size_t k = 0; k < VECS; k++)
		sum.part[k] += load(a + i + k * VEC_FLOATS) * load(b + i + k * VEC_FLOATS);
	if (i == n)
		return tree(sum);
	memcpy(tail, &sum, sizeof(tail));
	for (; i < n; i++)
		tail[i % LM_LANES] += a[i] * b[i];
	return lm_tree(tail);
}

static void rms_norm(const float *x, const float *weight, size_t n, float eps, float *y)
{
	float inverse = 1.0f / sqrtf(dot(x, x, n) / (float)n + eps);
	size_t i = 0;

	for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
		store(y + i, load(x + i) * inverse * load(weight + i));
	for (; i < n; i++)
		y[i] = x[i] * inverse * weight[i];
}

static void turn(float *x, const float *cosines, const float *sines, size_t half)
{
	size_t i = 0;

	for (; i + VEC_FLOATS <= half; i += VEC_FLOATS) {
		vec a = load(x + i), b = load(x + half + i);
		vec c = load(cosines + i), s = load(sines + i);

		store(x + i, a * c - b * s);
		store(x + half + i, a * s + b * c);
	}
	for (; i < half; i++) {
		float a = x[i], b = x[half + i];

		x[i] = a * cosines[i] - b * sines[i];
		x[half + i] = a * sines[i] + b * cosines[i];
	}
}

/* t queries x u tiles. */
INLINE void score_some(const float *q, const float *tiles, size_t head_size, float *ret_scores,
		       size_t stride, const size_t t, const size_t u)
{
	struct lanes sum[4][SCORE_TILES] = {0};

	for (size_t d = 0; d < head_size; d++)
		UNROLL
	for (size_t m = 0; m < u * VECS; m++) {
		size_t tile = m / VECS, part = m % VECS;
		vec keys = load(tiles + (tile * head_size + d) * LM_LANES + part * VEC_FLOATS);

		UNROLL
		for (size_t k = 0; k < t; k++)
			sum[k][tile].part[part] += q[k * head_size + d] * keys;
	}
	UNROLL
	for (size_t k = 0; k < t; k++)
		UNROLL
	for (size_t m = 0; m < u * VECS; m++)
		store(ret_scores + k * stride + m * VEC_FLOATS, sum[k][m / VECS].part[m % VECS]);
}

INLINE void score_row(const float *q, const float *tiles, size_t n_tiles, size_t head_size,
		      float *ret_scores, size_t stride, const size_t t)
{
	const size_t u = SCORE_TILES / t;
	size_t i = 0;

	for (; i + u <= n_tiles; i += u)
		score_some(q, tiles + i * head_size * LM_LANES, head_size,
			   ret_scores + i * LM_LANES, stride, t, u);
	for (; i < n_tiles; i++)
		score_some(q, tiles + i * head_size * LM_LANES, head_size,
			   ret_scores + i * LM_LANES, stride, t, 1);
}

static void scores(const float *q, size_t n_q, const float *tiles, size_t n_tiles, size_t head_size,
		   float *ret_scores, size_t stride)
{
	size_t k = 0;

	for (; k + 4 <= n_q; k += 4)
		score_row(q + k * head_size, tiles, n_tiles, head_size, ret_scores + k * stride,
			  stride, 4);
	for (; k + 2 <= n_q; k += 2)
		score_row(q + k * head_size, tiles, n_tiles, head_size, ret_scores + k * stride,
			  stride, 2);
	for (; k < n_q; k++)
		score_row(q + k * head_size, tiles, n_tiles, head_size, ret_scores + k * stride,
			  stride, 1);
}

static float scale_all(float *x, size_t n, float scale)
{
	vec most = all(x[0] * scale);
	float max;
	size_t i = 0;

	for (; i + VEC_FLOATS <= n; i += VEC_FLOATS) {
		vec y = load(x + i) * scale;

		store(x + i, y);
		most = VEC_MAX(y, most);
	}
	max = greatest(most);
	for (; i < n; i++) {
		x[i] *= scale;
		max = lm_max(x[i], max);
	}
	return max;
}

static void softmax(float *x, size_t n, float scale)
{
	struct lanes sum = {0};
	float max = scale_all(x, n, scale), tail[LM_LANES], inverse;
	size_t i = 0;

	for (; i + LM_LANES <= n; i += LM_LANES)
		UNROLL
	for (size_t k = 0; k < VECS; k++) {
		vec y = exponential(load(x + i + k * VEC_FLOATS) - max);

		store(x + i + k * VEC_FLOATS, y);
		sum.part[k] += y;
	}
	memcpy(tail, &sum, sizeof(tail));
	for (; i < n; i++) {
		x[i] = lm_exp(x[i] - max);
		tail[i % LM_LANES] += x[i];
	}
	inverse = 1.0f / lm_tree(tail);
	for (i = 0; i + VEC_FLOATS <= n; i += VEC_FLOATS)
		store(x + i, load(x + i) * inverse);
	for (; i < n; i++)
		x[i] *= inverse;
}

/* t queries x c vectors of the dimensions. */
INLINE void mix_some(const float *p, size_t stride, const float *values, size_t n, size_t head_size,
		     float *y, const size_t t, const size_t c)
{
	vec sum[4][MIX_VECS];

	UNROLL
	for (size_t k = 0; k < t; k++)
		UNROLL
	for (size_t m = 0; m < c; m++)
		sum[k][m] = load(y + k * head_size + m * VEC_FLOATS);
	for (size_t i = 0; i < n; i++, values += head_size)
		UNROLL
	for (size_t m = 0; m < c; m++) {
		vec value = load(values + m * VEC_FLOATS);

		UNROLL
		for (size_t k = 0; k < t; k++)
			sum[k][m] += p[k * stride + i] * value;
	}
	UNROLL
	for (size_t k = 0; k < t; k++)
		UNROLL
	for (size_t m = 0; m < c; m++)
		store(y + k * head_size + m * VEC_FLOATS, sum[k][m]);
}

INLINE void mix_row(const float *p, size_t stride, const float *values, size_t n, size_t head_size,
		    float *y, const size_t t)
{
	size_t d = 0;

	for (; d + MIX_VECS * VEC_FLOATS <= head_size; d += MIX_VECS * VEC_FLOATS)
		mix_some(p, stride, values + d, n, head_size, y + d, t, MIX_VECS);
	for (; d + 2 * VEC_FLOATS <= head_size; d += 2 * VEC_FLOATS)
		mix_some(p, stride, values + d, n, head_size, y + d, t, 2);
	for (; d + VEC_FLOATS <= head_size; d += VEC_FLOATS)
		mix_some(p, stride, values + d, n, head_size, y + d, t, 1);
	for (; d < head_size; d++)
		for (size_t k = 0; k < t; k++)
			for (size_t i = 0; i < n; i++)
				y[k * head_size + d] +=
				    p[k * stride + i] * values[i * head_size + d];
}

static void mix(const float *p, size_t stride, size_t n_q, const float *values, size_t n,
		size_t head_size, float *y)
{
	size_t k = 0;

	for (; k + 4 <= n_q; k += 4)
		mix_row(p + k * stride, stride, values, n, head_size, y + k * head_size, 4);
	for (; k + 2 <= n_q; k += 2)
		mix_row(p + k * stride, stride, values, n, head_size, y + k * head_size, 2);
	for (; k < n_q; k++)
		mix_row(p + k * stride, stride, values, n, head_size, y + k * head_size, 1);
}

static void silu_mul(float *gate, const float *up, size_t n)
{
	size_t i = 0;

	for (; i + VEC_FLOATS <= n; i += VEC_FLOATS) {
		vec g = load(gate + i);

		store(gate + i, g / (1.0f + exponential(-g)) * load(up + i));
	}
	for (; i < n; i++)
		gate[i] = gate[i] / (1.0f + lm_exp(-gate[i])) * up[i];
}

static void add(float *x, const float *y, size_t n)
{
	size_t i = 0;

	for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
		store(x + i, load(x + i) + load(y + i));
	for (; i < n; i++)
		x[i] += y[i];
}

static void narrow(const float *x, size_t n, uint16_t *y)
{
	size_t i = 0;

	for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
		PUT_HALVES(y + i, load(x + i));
	for (; i < n; i++)
		y[i] = lm_f16_store(x[i]);
}

static void widen(const uint16_t *x, size_t n, float *y)
{
	size_t i = 0;

	for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
		store(y + i, HALVES(x + i));
	for (; i < n; i++)
		y[i] = lm_f16_load(x[i]);
}

static void round_half(float *x, size_t n)
{
	uint16_t halves[VEC_FLOATS];
	size_t i = 0;

	for (; i + VEC_FLOATS <= n; i += VEC_FLOATS) {
		PUT_HALVES(halves, load(x + i));
		store(x + i, HALVES(halves));
	}
	for (; i < n; i++)
		x[i] = lm_f16_load(lm_f16_store(x[i]));
}

static float dot_half(const uint16_t *a, const float *b, size_t n)
{
	struct lanes sum = {0};
	float tail[LM_LANES];
	size_t i = 0;

	for (; i + LM_LANES <= n; i += LM_LANES)
		UNROLL
	for (size_t k = 0; k < VECS; k++)
		sum.part[k] += (vec)HALVES(a + i + k * VEC_FLOATS) * load(b + i + k * VEC_FLOATS);
	memcpy(tail, &sum, sizeof(tail));
	for (; i < n; i++)
		tail[i % LM_LANES] += lm_f16_load(a[i]) * b[i];
	return lm_tree(tail);
}

INLINE vec whole(const int8_t *q)
{
	vec_bytes bytes;

	memcpy(&bytes, q, sizeof(bytes));
	return __builtin_convertvector(bytes, vec);
}

static void widen_keys(const int8_t *q, const float *scales, size_t n, float *y)
{
	struct lanes scale;

	memcpy(&scale, scales, sizeof(scale));
	for (size_t i = 0; i < n; i++)
		UNROLL
	for (size_t k = 0; k < VECS; k++, q += VEC_FLOATS, y += VEC_FLOATS)
		store(y, whole(q) * scale.part[k]);
}

static void widen_value(const int8_t *q, float scale, size_t n, float *y)
{
	size_t i = 0;

	for (; i + VEC_FLOATS <= n; i += VEC_FLOATS)
		store(y + i, whole(q + i) * scale);
	for (; i < n; i++)
		y[i] = (float)q[i] * scale;
}

/* The values of a row in a block of a panel, flipped back. */
INLINE void gather(const uint8_t *q, size_t row, int8_t *ret_q)
{
	UNROLL
	for (size_t g = 0; g < LM_BLOCK / 4; g++) {
		uint32_t four;

		memcpy(&four, q + (g * LM_LANES + row) * 4, 4);
		four ^= WEIGHT_FLIP * 0x01010101u;
		memcpy(ret_q + 4 * g, &four, 4);
	}
}

static void add_row(struct lm_panels panel, size_t row, size_t n_blocks, float *x)
{
	int8_t q[LM_BLOCK];

	for (size_t b = 0; b < n_blocks; b++) {
		float scale = lm_f16_load(panel.scale[b * LM_LANES + row]);

		gather(panel.q + b * LM_BLOCK_BYTES, row, q);
		UNROLL
		for (size_t i = 0; i < LM_BLOCK; i += VEC_FLOATS, x += VEC_FLOATS)
			store(x, load(x) + scale * whole(q + i));
	}
}

/* Members of the table that this file has. */
#define VECTOR_KERNELS                                                                             \
	.weight_flip = WEIGHT_FLIP, .dot = dot, .rms_norm = rms_norm, .turn = turn,                \
	.scores = scores, .softmax = softmax, .mix = mix, .silu_mul = silu_mul, .add = add,        \
	.narrow = narrow, .widen = widen, .round = round_half, .dot_half = dot_half,               \
	.widen_keys = widen_keys, .widen_value = widen_value, .add_row = add_row

#endif
