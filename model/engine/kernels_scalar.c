#include "model/engine/f16.h"
#include "model/engine/kernels.h"
#include "model/engine/kernels_math.h"

#include <math.h>

static bool always(void)
{
	return true;
}

/* The activations of a block as often as a panel has rows: then a block of weights is multiplied
 * from one end to the other, which compilers turn into vector instructions. */
static void repeat(const int8_t *x, int16_t repeated[LM_BLOCK * LM_LANES])
{
	for (size_t g = 0; g < LM_BLOCK / 4; g++)
		for (size_t r = 0; r < LM_LANES; r++)
			for (size_t k = 0; k < 4; k++)
				*repeated++ = x[4 * g + k];
}

static void add_block(const uint8_t *q, const float *scales, const int16_t *x, float scale,
		      float *y)
{
	int32_t part[4 * LM_LANES] = {0};

	for (size_t g = 0; g < LM_BLOCK / 4; g++)
		for (size_t i = 0; i < 4 * LM_LANES; i++, q++, x++)
			part[i] += (int16_t)((int8_t)*q * *x);
	for (size_t r = 0; r < LM_LANES; r++) {
		int32_t sum = part[4 * r] + part[4 * r + 1] + part[4 * r + 2] + part[4 * r + 3];

		y[r] += (float)sum * (scales[r] * scale);
	}
}

/* 16 rows in all positions, a block at a time. */
static void gemm_panel(struct lm_panels w, size_t n_blocks, const struct lm_q8 *x, size_t n,
		       float *y, size_t stride)
{
	int16_t repeated[LM_BLOCK * LM_LANES];
	float scales[LM_LANES];

	for (size_t i = 0; i < n; i++)
		memset(y + i * stride, 0, LM_LANES * sizeof(*y));
	for (size_t b = 0; b < n_blocks; b++) {
		for (size_t r = 0; r < LM_LANES; r++)
			scales[r] = lm_f16_load(w.scale[b * LM_LANES + r]);
		for (size_t i = 0; i < n; i++) {
			repeat(x->q + (i * n_blocks + b) * LM_BLOCK, repeated);
			add_block(w.q + b * LM_BLOCK_BYTES, scales, repeated,
				  x->scale[i * n_blocks + b], y + i * stride);
		}
	}
}

static void gemm(struct lm_panels panels, size_t n_panels, size_t n_blocks, const struct lm_q8 *x,
		 size_t n, float *y, size_t stride)
{
	for (size_t p = 0; p < n_panels; p++)
		gemm_panel(lm_panels_from(panels, p, n_blocks), n_blocks, x, n, y + p * LM_LANES,
			   stride);
}

static void quantize(const float *x, size_t n_blocks, int8_t *q, float *scale, int32_t *bias)
{
	for (size_t b = 0; b < n_blocks; b++, x += LM_BLOCK, q += LM_BLOCK) {
		float max = 0, inverse;
		int32_t sum = 0;

		for (size_t i = 0; i < LM_BLOCK; i++)
			max = lm_max(fabsf(x[i]), max);
		inverse = lm_inverse(max);
		for (size_t i = 0; i < LM_BLOCK; i++) {
			int32_t value = lm_to_int8(x[i] * inverse);

			q[i] = (int8_t)value;
			sum += value;
		}
		scale[b] = max / 127.0f;
		bias[b] = -128 * sum;
	}
}

static float dot(const float *a, const float *b, size_t n)
{
	float lanes[LM_LANES] = {0};

	for (size_t i = 0; i < n; i++)
		lanes[i % LM_LANES] += a[i] * b[i];
	return lm_tree(lanes);
}

static void narrow(const float *x, size_t n, uint16_t *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = lm_f16_store(x[i]);
}

static void widen(const uint16_t *x, size_t n, float *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = lm_f16_load(x[i]);
}

static void round_half(float *x, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] = lm_f16_load(lm_f16_store(x[i]));
}

static float dot_half(const uint16_t *a, const float *b, size_t n)
{
	float lanes[LM_LANES] = {0};

	for (size_t i = 0; i < n; i++)
		lanes[i % LM_LANES] += lm_f16_load(a[i]) * b[i];
	return lm_tree(lanes);
}

static void widen_keys(const int8_t *q, const float *scales, size_t n, float *y)
{
	for (size_t i = 0; i < n * LM_LANES; i++)
		y[i] = (float)q[i] * scales[i % LM_LANES];
}

static void widen_value(const int8_t *q, float scale, size_t n, float *y)
{
	for (size_t i = 0; i < n; i++)
		y[i] = (float)q[i] * scale;
}

static void rms_norm(const float *x, const float *weight, size_t n, float eps, float *y)
{
	float mean = dot(x, x, n) / (float)n;
	float inverse = 1.0f / sqrtf(mean + eps);

	for (size_t i = 0; i < n; i++)
		y[i] = x[i] * inverse * weight[i];
}

static void turn(float *x, const float *cosines, const float *sines, size_t half)
{
	for (size_t i = 0; i < half; i++) {
		float a = x[i], b = x[half + i];

		x[i] = a * cosines[i] - b * sines[i];
		x[half + i] = a * sines[i] + b * cosines[i];
	}
}

static void score_tile(const float *q, const float *tile, size_t head_size, float *ret_scores)
{
	memset(ret_scores, 0, LM_LANES * sizeof(*ret_scores));
	for (size_t d = 0; d < head_size; d++, tile += LM_LANES)
		for (size_t j = 0; j < LM_LANES; j++)
			ret_scores[j] += q[d] * tile[j];
}

static void scores(const float *q, size_t n_q, const float *tiles, size_t n_tiles, size_t head_size,
		   float *ret_scores, size_t stride)
{
	for (size_t k = 0; k < n_q; k++)
		for (size_t t = 0; t < n_tiles; t++)
			score_tile(q + k * head_size, tiles + t * head_size * LM_LANES, head_size,
				   ret_scores + k * stride + t * LM_LANES);
}

static void softmax(float *x, size_t n, float scale)
{
	float lanes[LM_LANES] = {0};
	float max = x[0] * scale, inverse;

	for (size_t i = 0; i < n; i++) {
		x[i] *= scale;
		max = lm_max(x[i], max);
	}
	for (size_t i = 0; i < n; i++) {
		x[i] = lm_exp(x[i] - max);
		lanes[i % LM_LANES] += x[i];
	}
	inverse = 1.0f / lm_tree(lanes);
	for (size_t i = 0; i < n; i++)
		x[i] *= inverse;
}

static void mix(const float *p, size_t stride, size_t n_q, const float *values, size_t n,
		size_t head_size, float *y)
{
	for (size_t k = 0; k < n_q; k++, p += stride, y += head_size)
		for (size_t i = 0; i < n; i++)
			for (size_t d = 0; d < head_size; d++)
				y[d] += p[i] * values[i * head_size + d];
}

static void silu_mul(float *gate, const float *up, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gate[i] = gate[i] / (1.0f + lm_exp(-gate[i])) * up[i];
}

static void add(float *x, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i++)
		x[i] += y[i];
}

static void add_row(struct lm_panels panel, size_t row, size_t n_blocks, float *x)
{
	for (size_t b = 0; b < n_blocks; b++) {
		float scale = lm_f16_load(panel.scale[b * LM_LANES + row]);

		for (size_t i = 0; i < LM_BLOCK; i++) {
			size_t at = (i / 4 * LM_LANES + row) * 4 + i % 4;

			*x++ += scale * (float)(int8_t)panel.q[b * LM_BLOCK_BYTES + at];
		}
	}
}

const struct lm_kernels lm_kernels_scalar = {
    .name = "scalar",
    .weight_flip = 0,
    .usable = always,
    .gemm = gemm,
    .quantize = quantize,
    .dot = dot,
    .rms_norm = rms_norm,
    .turn = turn,
    .scores = scores,
    .softmax = softmax,
    .mix = mix,
    .silu_mul = silu_mul,
    .add = add,
    .narrow = narrow,
    .widen = widen,
    .round = round_half,
    .dot_half = dot_half,
    .widen_keys = widen_keys,
    .widen_value = widen_value,
    .add_row = add_row,
};
