#include "model/engine/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <math.h>

#include "model/engine/kernels_math.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")

static bool usable(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

/* --- int8 products ---------------------------------------------------------------------------- */

/* A panel x t positions.  Weights are unsigned (128 added); the bias takes that back. */
INLINE void gemm_tile(const struct lm_block *w, size_t n_blocks, const struct lm_q8 *x,
		      size_t first, float *y, size_t stride, const size_t t)
{
	__m512 acc[8];

	UNROLL
	for (size_t i = 0; i < t; i++)
		acc[i] = _mm512_setzero_ps();
	for (size_t b = 0; b < n_blocks; b++) {
		__m512 scale = _mm512_load_ps(w[b].scale);
		__m512i sum[8];

		UNROLL
		for (size_t i = 0; i < t; i++)
			sum[i] = _mm512_set1_epi32(x->bias[(first + i) * n_blocks + b]);
		UNROLL
		for (size_t g = 0; g < LM_BLOCK / 4; g++) {
			__m512i rows = _mm512_load_si512(w[b].q[g]);

			UNROLL
			for (size_t i = 0; i < t; i++) {
				int32_t four;

				memcpy(&four,
				       x->q + ((first + i) * n_blocks + b) * LM_BLOCK + 4 * g, 4);
				sum[i] = _mm512_dpbusd_epi32(sum[i], rows, _mm512_set1_epi32(four));
			}
		}
		UNROLL
		for (size_t i = 0; i < t; i++) {
			__m512 both = _mm512_mul_ps(
			    scale, _mm512_set1_ps(x->scale[(first + i) * n_blocks + b]));

			acc[i] =
			    _mm512_add_ps(acc[i], _mm512_mul_ps(_mm512_cvtepi32_ps(sum[i]), both));
		}
	}
	UNROLL
	for (size_t i = 0; i < t; i++)
		_mm512_storeu_ps(y + (first + i) * stride, acc[i]);
}

static void gemm(const struct lm_block *panels, size_t n_panels, size_t n_blocks,
		 const struct lm_q8 *x, size_t n, float *y, size_t stride)
{
	for (size_t p = 0; p < n_panels; p++, panels += n_blocks, y += LM_LANES) {
		size_t i = 0;

		for (; i + 8 <= n; i += 8)
			gemm_tile(panels, n_blocks, x, i, y, stride, 8);
		for (; i + 4 <= n; i += 4)
			gemm_tile(panels, n_blocks, x, i, y, stride, 4);
		for (; i + 2 <= n; i += 2)
			gemm_tile(panels, n_blocks, x, i, y, stride, 2);
		for (; i < n; i++)
			gemm_tile(panels, n_blocks, x, i, y, stride, 1);
	}
}

/* --- pieces ----------------------------------------------------------------------------------- */

INLINE __m256 upper(__m512 x)
{
	return _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(x), 1));
}

/* The tree over 16 lanes. */
INLINE float tree(__m512 x)
{
	__m256 eight = _mm256_add_ps(_mm512_castps512_ps256(x), upper(x));
	__m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

INLINE float greatest(__m512 x)
{
	__m256 eight = _mm256_max_ps(_mm512_castps512_ps256(x), upper(x));
	__m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* The first n of 16 lanes. */
INLINE __mmask16 first_lanes(size_t n)
{
	return (__mmask16)((1u << (n < LM_LANES ? n : LM_LANES)) - 1);
}

/* lm_exp on 16 lanes. */
INLINE __m512 exponential(__m512 x)
{
	__m512 round = _mm512_set1_ps(LM_ROUND), shifted, n, r, y;
	__m512i power;

	x = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(LM_EXP_MAX)), _mm512_set1_ps(LM_EXP_MIN));
	shifted = _mm512_add_ps(_mm512_mul_ps(x, _mm512_set1_ps(LM_LOG2E)), round);
	n = _mm512_sub_ps(shifted, round);
	r = _mm512_sub_ps(x, _mm512_mul_ps(n, _mm512_set1_ps(LM_LN2_HIGH)));
	r = _mm512_sub_ps(r, _mm512_mul_ps(n, _mm512_set1_ps(LM_LN2_LOW)));
	y = _mm512_set1_ps(LM_EXP_C0);
	y = _mm512_add_ps(_mm512_mul_ps(y, r), _mm512_set1_ps(LM_EXP_C1));
	y = _mm512_add_ps(_mm512_mul_ps(y, r), _mm512_set1_ps(LM_EXP_C2));
	y = _mm512_add_ps(_mm512_mul_ps(y, r), _mm512_set1_ps(LM_EXP_C3));
	y = _mm512_add_ps(_mm512_mul_ps(y, r), _mm512_set1_ps(LM_EXP_C4));
	y = _mm512_add_ps(_mm512_mul_ps(y, r), _mm512_set1_ps(LM_EXP_C5));
	y = _mm512_add_ps(_mm512_mul_ps(y, _mm512_mul_ps(r, r)), r);
	y = _mm512_add_ps(y, _mm512_set1_ps(1.0f));
	power = _mm512_sub_epi32(_mm512_castps_si512(shifted),
				 _mm512_set1_epi32((int32_t)LM_ROUND_BITS - 127));
	power = _mm512_slli_epi32(_mm512_and_si512(power, _mm512_set1_epi32(0xFF)), 23);
	return _mm512_mul_ps(y, _mm512_castsi512_ps(power));
}

/* --- the table -------------------------------------------------------------------------------- */

/* 16 values as whole numbers in [-127, 127]. */
INLINE __m512i to_whole(__m512 x, __m512 inverse)
{
	__m512 shifted = _mm512_add_ps(_mm512_mul_ps(x, inverse), _mm512_set1_ps(LM_ROUND));
	__m512i n = _mm512_sub_epi32(_mm512_castps_si512(shifted),
				     _mm512_set1_epi32((int32_t)LM_ROUND_BITS));

	return _mm512_max_epi32(_mm512_min_epi32(n, _mm512_set1_epi32(127)),
				_mm512_set1_epi32(-127));
}

static void quantize(const float *x, size_t n_blocks, int8_t *q, float *scale, int32_t *bias)
{
	for (size_t b = 0; b < n_blocks; b++, x += LM_BLOCK, q += LM_BLOCK) {
		__m512 v0 = _mm512_loadu_ps(x), v1 = _mm512_loadu_ps(x + 16);
		float max = greatest(_mm512_max_ps(_mm512_abs_ps(v0), _mm512_abs_ps(v1)));
		__m512 inverse = _mm512_set1_ps(lm_inverse(max));
		__m512i n0 = to_whole(v0, inverse), n1 = to_whole(v1, inverse);

		_mm_storeu_si128((__m128i *)q, _mm512_cvtepi32_epi8(n0));
		_mm_storeu_si128((__m128i *)(q + 16), _mm512_cvtepi32_epi8(n1));
		scale[b] = max / 127.0f;
		bias[b] = -128 * _mm512_reduce_add_epi32(_mm512_add_epi32(n0, n1));
	}
}

static float dot(const float *a, const float *b, size_t n)
{
	__m512 sum = _mm512_setzero_ps();

	for (size_t i = 0; i < n; i += LM_LANES) {
		__mmask16 lanes = first_lanes(n - i);
		__m512 product = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, a + i),
					       _mm512_maskz_loadu_ps(lanes, b + i));

		sum = _mm512_mask_add_ps(sum, lanes, sum, product);
	}
	return tree(sum);
}

static void rms_norm(const float *x, const float *weight, size_t n, float eps, float *y)
{
	__m512 inverse = _mm512_set1_ps(1.0f / sqrtf(dot(x, x, n) / (float)n + eps));

	for (size_t i = 0; i < n; i += LM_LANES) {
		__mmask16 lanes = first_lanes(n - i);
		__m512 v = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), inverse);

		_mm512_mask_storeu_ps(y + i, lanes,
				      _mm512_mul_ps(v, _mm512_maskz_loadu_ps(lanes, weight + i)));
	}
}

/* t tiles at once, so that their chains of sums overlap. */
INLINE void score_tiles(const float *q, const float *tiles, size_t head_size, float *ret_scores,
			const size_t t)
{
	__m512 acc[4];

	UNROLL
	for (size_t i = 0; i < t; i++)
		acc[i] = _mm512_setzero_ps();
	for (size_t d = 0; d < head_size; d++) {
		__m512 all = _mm512_set1_ps(q[d]);

		UNROLL
		for (size_t i = 0; i < t; i++)
			acc[i] = _mm512_add_ps(
			    acc[i], _mm512_mul_ps(all, _mm512_load_ps(tiles + (i * head_size + d) *
										  LM_LANES)));
	}
	UNROLL
	for (size_t i = 0; i < t; i++)
		_mm512_storeu_ps(ret_scores + i * LM_LANES, acc[i]);
}

static void scores(const float *q, const float *tiles, size_t n_tiles, size_t head_size,
		   float *ret_scores)
{
	size_t i = 0;

	for (; i + 4 <= n_tiles; i += 4)
		score_tiles(q, tiles + i * head_size * LM_LANES, head_size,
			    ret_scores + i * LM_LANES, 4);
	tiles += i * head_size * LM_LANES;
	ret_scores += i * LM_LANES;
	if (n_tiles - i == 3)
		score_tiles(q, tiles, head_size, ret_scores, 3);
	else if (n_tiles - i == 2)
		score_tiles(q, tiles, head_size, ret_scores, 2);
	else if (n_tiles - i == 1)
		score_tiles(q, tiles, head_size, ret_scores, 1);
}

static void softmax(float *x, size_t n, float scale)
{
	__m512 all = _mm512_set1_ps(scale), most = _mm512_set1_ps(x[0] * scale);
	__m512 sum = _mm512_setzero_ps();

	for (size_t i = 0; i < n; i += LM_LANES) {
		__mmask16 lanes = first_lanes(n - i);
		__m512 y = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), all);

		_mm512_mask_storeu_ps(x + i, lanes, y);
		most = _mm512_mask_max_ps(most, lanes, y, most);
	}
	most = _mm512_set1_ps(greatest(most));
	for (size_t i = 0; i < n; i += LM_LANES) {
		__mmask16 lanes = first_lanes(n - i);
		__m512 y = exponential(_mm512_sub_ps(_mm512_maskz_loadu_ps(lanes, x + i), most));

		_mm512_mask_storeu_ps(x + i, lanes, y);
		sum = _mm512_mask_add_ps(sum, lanes, sum, y);
	}
	all = _mm512_set1_ps(1.0f / tree(sum));
	for (size_t i = 0; i < n; i += LM_LANES) {
		__mmask16 lanes = first_lanes(n - i);

		_mm512_mask_storeu_ps(x + i, lanes,
				      _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, x + i), all));
	}
}

/* t x 16 of the dimensions, the last of them as far as lanes says. */
INLINE void mix_part(const float *p, const float *values, size_t n, size_t head_size, float *y,
		     const size_t t, __mmask16 lanes)
{
	__m512 acc[4];

	UNROLL
	for (size_t k = 0; k < t; k++)
		acc[k] = _mm512_maskz_loadu_ps(lanes, y + LM_LANES * k);
	for (size_t i = 0; i < n; i++) {
		__m512 all = _mm512_set1_ps(p[i]);

		UNROLL
		for (size_t k = 0; k < t; k++)
			acc[k] = _mm512_add_ps(
			    acc[k],
			    _mm512_mul_ps(all, _mm512_maskz_loadu_ps(lanes, values + i * head_size +
										LM_LANES * k)));
	}
	UNROLL
	for (size_t k = 0; k < t; k++)
		_mm512_mask_storeu_ps(y + LM_LANES * k, lanes, acc[k]);
}

static void mix(const float *p, const float *values, size_t n, size_t head_size, float *y)
{
	size_t d = 0;

	for (; d + 64 <= head_size; d += 64)
		mix_part(p, values + d, n, head_size, y + d, 4, 0xFFFF);
	for (; d + 32 <= head_size; d += 32)
		mix_part(p, values + d, n, head_size, y + d, 2, 0xFFFF);
	for (; d < head_size; d += LM_LANES)
		mix_part(p, values + d, n, head_size, y + d, 1, first_lanes(head_size - d));
}

static void silu_mul(float *gate, const float *up, size_t n)
{
	const __m512 one = _mm512_set1_ps(1.0f);
	const __m512i sign = _mm512_set1_epi32(INT32_MIN);

	for (size_t i = 0; i < n; i += LM_LANES) {
		__mmask16 lanes = first_lanes(n - i);
		__m512 g = _mm512_maskz_loadu_ps(lanes, gate + i);
		__m512 minus = _mm512_castsi512_ps(_mm512_xor_si512(_mm512_castps_si512(g), sign));
		__m512 y = _mm512_div_ps(g, _mm512_add_ps(one, exponential(minus)));

		_mm512_mask_storeu_ps(gate + i, lanes,
				      _mm512_mul_ps(y, _mm512_maskz_loadu_ps(lanes, up + i)));
	}
}

static void add(float *x, const float *y, size_t n)
{
	for (size_t i = 0; i < n; i += LM_LANES) {
		__mmask16 lanes = first_lanes(n - i);

		_mm512_mask_storeu_ps(x + i, lanes,
				      _mm512_add_ps(_mm512_maskz_loadu_ps(lanes, x + i),
						    _mm512_maskz_loadu_ps(lanes, y + i)));
	}
}

INLINE void add_scaled(float *x, __m512 scale, __m128i bytes)
{
	__m512 y = _mm512_mul_ps(scale, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));

	_mm512_storeu_ps(x, _mm512_add_ps(_mm512_loadu_ps(x), y));
}

static void add_row(const struct lm_block *panel, size_t row, size_t n_blocks, float *x)
{
	const __m256i fours = _mm256_setr_epi32(0, 16, 32, 48, 64, 80, 96, 112);
	const __m256i flip = _mm256_set1_epi8(INT8_MIN);

	for (size_t b = 0; b < n_blocks; b++, panel++, x += LM_BLOCK) {
		__m512 scale = _mm512_set1_ps(panel->scale[row]);
		__m256i q =
		    _mm256_i32gather_epi32((const int *)(const void *)panel->q[0][row], fours, 4);

		q = _mm256_xor_si256(q, flip);
		add_scaled(x, scale, _mm256_castsi256_si128(q));
		add_scaled(x + 16, scale, _mm256_extracti128_si256(q, 1));
	}
}

const struct lm_kernels lm_kernels_avx512vnni = {
    .name = "avx512vnni",
    .weight_flip = 0x80,
    .usable = usable,
    .gemm = gemm,
    .quantize = quantize,
    .dot = dot,
    .rms_norm = rms_norm,
    .scores = scores,
    .softmax = softmax,
    .mix = mix,
    .silu_mul = silu_mul,
    .add = add,
    .add_row = add_row,
};

#endif
