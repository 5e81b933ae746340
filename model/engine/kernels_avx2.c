#include "model/engine/kernels.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>
#include <math.h>

#include "model/engine/kernels_math.h"

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 8")
#define VNNI   __attribute__((target("avxvnni")))

static bool usable(void)
{
	return __builtin_cpu_supports("avx2");
}

/* AVX-VNNI: leaf 7, subleaf 1, EAX bit 4 (Intel's manual, volume 2, CPUID). */
static bool usable_vnni(void)
{
	unsigned int a, b, c, d;

	return usable() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}

/* --- int8 products ---------------------------------------------------------------------------- */

/* 8 rows (half a panel) x t positions.  |w| <= 128 unsigned times |x| <= 127 with w's sign: a pair
 * of products stays below 2^15, so the 16-bit sums are exact. */
INLINE void gemm_half(const struct lm_block *w, size_t n_blocks, size_t half, const struct lm_q8 *x,
		      size_t first, float *y, size_t stride, const size_t t)
{
	const __m256i ones = _mm256_set1_epi16(1);
	__m256 acc[4];

	UNROLL
	for (size_t i = 0; i < t; i++)
		acc[i] = _mm256_setzero_ps();
	for (size_t b = 0; b < n_blocks; b++) {
		__m256 scale = _mm256_load_ps(w[b].scale + 8 * half);
		__m256i sum[4];

		UNROLL
		for (size_t i = 0; i < t; i++)
			sum[i] = _mm256_setzero_si256();
		/* not unrolled: gcc would sum the products at the end, from memory */
		_Pragma("GCC unroll 1") for (size_t g = 0; g < LM_BLOCK / 4; g++)
		{
			__m256i rows = _mm256_load_si256((const __m256i *)w[b].q[g][8 * half]);
			__m256i size = _mm256_abs_epi8(rows);

			UNROLL
			for (size_t i = 0; i < t; i++) {
				int32_t four;
				__m256i pairs;

				memcpy(&four,
				       x->q + ((first + i) * n_blocks + b) * LM_BLOCK + 4 * g, 4);
				pairs = _mm256_maddubs_epi16(
				    size, _mm256_sign_epi8(_mm256_set1_epi32(four), rows));
				sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(pairs, ones));
			}
		}
		UNROLL
		for (size_t i = 0; i < t; i++) {
			__m256 both = _mm256_mul_ps(
			    scale, _mm256_set1_ps(x->scale[(first + i) * n_blocks + b]));

			acc[i] =
			    _mm256_add_ps(acc[i], _mm256_mul_ps(_mm256_cvtepi32_ps(sum[i]), both));
		}
	}
	UNROLL
	for (size_t i = 0; i < t; i++)
		_mm256_storeu_ps(y + (first + i) * stride + 8 * half, acc[i]);
}

static void gemm_panel(const struct lm_block *w, size_t n_blocks, const struct lm_q8 *x, size_t n,
		       float *y, size_t stride)
{
	for (size_t half = 0; half < 2; half++) {
		size_t i = 0;

		for (; i + 4 <= n; i += 4)
			gemm_half(w, n_blocks, half, x, i, y, stride, 4);
		for (; i + 2 <= n; i += 2)
			gemm_half(w, n_blocks, half, x, i, y, stride, 2);
		for (; i < n; i++)
			gemm_half(w, n_blocks, half, x, i, y, stride, 1);
	}
}

static void gemm(const struct lm_block *panels, size_t n_panels, size_t n_blocks,
		 const struct lm_q8 *x, size_t n, float *y, size_t stride)
{
	for (size_t p = 0; p < n_panels; p++)
		gemm_panel(panels + p * n_blocks, n_blocks, x, n, y + p * LM_LANES, stride);
}

/* The same with one instruction for four products: unsigned weights (128 added, which the bias
 * takes back) times signed activations, summed in 32 bits. */
INLINE VNNI void gemm_half_vnni(const struct lm_block *w, size_t n_blocks, size_t half,
				const struct lm_q8 *x, size_t first, float *y, size_t stride,
				const size_t t)
{
	__m256 acc[4];

	UNROLL
	for (size_t i = 0; i < t; i++)
		acc[i] = _mm256_setzero_ps();
	for (size_t b = 0; b < n_blocks; b++) {
		__m256 scale = _mm256_load_ps(w[b].scale + 8 * half);
		__m256i sum[4];

		UNROLL
		for (size_t i = 0; i < t; i++)
			sum[i] = _mm256_set1_epi32(x->bias[(first + i) * n_blocks + b]);
		UNROLL
		for (size_t g = 0; g < LM_BLOCK / 4; g++) {
			__m256i rows = _mm256_load_si256((const __m256i *)w[b].q[g][8 * half]);

			UNROLL
			for (size_t i = 0; i < t; i++) {
				int32_t four;

				memcpy(&four,
				       x->q + ((first + i) * n_blocks + b) * LM_BLOCK + 4 * g, 4);
				sum[i] =
				    _mm256_dpbusd_avx_epi32(sum[i], rows, _mm256_set1_epi32(four));
			}
		}
		UNROLL
		for (size_t i = 0; i < t; i++) {
			__m256 both = _mm256_mul_ps(
			    scale, _mm256_set1_ps(x->scale[(first + i) * n_blocks + b]));

			acc[i] =
			    _mm256_add_ps(acc[i], _mm256_mul_ps(_mm256_cvtepi32_ps(sum[i]), both));
		}
	}
	UNROLL
	for (size_t i = 0; i < t; i++)
		_mm256_storeu_ps(y + (first + i) * stride + 8 * half, acc[i]);
}

static VNNI void gemm_vnni(const struct lm_block *panels, size_t n_panels, size_t n_blocks,
			   const struct lm_q8 *x, size_t n, float *y, size_t stride)
{
	for (size_t p = 0; p < 2 * n_panels; p++) {
		const struct lm_block *w = panels + p / 2 * n_blocks;
		float *to = y + p / 2 * LM_LANES;
		size_t i = 0;

		for (; i + 4 <= n; i += 4)
			gemm_half_vnni(w, n_blocks, p % 2, x, i, to, stride, 4);
		for (; i + 2 <= n; i += 2)
			gemm_half_vnni(w, n_blocks, p % 2, x, i, to, stride, 2);
		for (; i < n; i++)
			gemm_half_vnni(w, n_blocks, p % 2, x, i, to, stride, 1);
	}
}

/* --- pieces ----------------------------------------------------------------------------------- */

INLINE __m256 absolute(__m256 x)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

/* The tree over lanes 0-7 and 8-15. */
INLINE float tree(__m256 low, __m256 high)
{
	__m256 eight = _mm256_add_ps(low, high);
	__m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
	__m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

INLINE float greatest(__m256 x)
{
	__m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
	__m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));

	return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

/* lm_exp on 8 lanes. */
INLINE __m256 exponential(__m256 x)
{
	__m256 round = _mm256_set1_ps(LM_ROUND), shifted, n, r, y;
	__m256i power;

	x = _mm256_max_ps(_mm256_min_ps(x, _mm256_set1_ps(LM_EXP_MAX)), _mm256_set1_ps(LM_EXP_MIN));
	shifted = _mm256_add_ps(_mm256_mul_ps(x, _mm256_set1_ps(LM_LOG2E)), round);
	n = _mm256_sub_ps(shifted, round);
	r = _mm256_sub_ps(x, _mm256_mul_ps(n, _mm256_set1_ps(LM_LN2_HIGH)));
	r = _mm256_sub_ps(r, _mm256_mul_ps(n, _mm256_set1_ps(LM_LN2_LOW)));
	y = _mm256_set1_ps(LM_EXP_C0);
	y = _mm256_add_ps(_mm256_mul_ps(y, r), _mm256_set1_ps(LM_EXP_C1));
	y = _mm256_add_ps(_mm256_mul_ps(y, r), _mm256_set1_ps(LM_EXP_C2));
	y = _mm256_add_ps(_mm256_mul_ps(y, r), _mm256_set1_ps(LM_EXP_C3));
	y = _mm256_add_ps(_mm256_mul_ps(y, r), _mm256_set1_ps(LM_EXP_C4));
	y = _mm256_add_ps(_mm256_mul_ps(y, r), _mm256_set1_ps(LM_EXP_C5));
	y = _mm256_add_ps(_mm256_mul_ps(y, _mm256_mul_ps(r, r)), r);
	y = _mm256_add_ps(y, _mm256_set1_ps(1.0f));
	power = _mm256_sub_epi32(_mm256_castps_si256(shifted),
				 _mm256_set1_epi32((int32_t)LM_ROUND_BITS - 127));
	power = _mm256_slli_epi32(_mm256_and_si256(power, _mm256_set1_epi32(0xFF)), 23);
	return _mm256_mul_ps(y, _mm256_castsi256_ps(power));
}

/* --- the table -------------------------------------------------------------------------------- */

/* 8 values as whole numbers in [-127, 127]. */
INLINE __m256i to_whole(__m256 x, __m256 inverse)
{
	__m256 shifted = _mm256_add_ps(_mm256_mul_ps(x, inverse), _mm256_set1_ps(LM_ROUND));
	__m256i n = _mm256_sub_epi32(_mm256_castps_si256(shifted),
				     _mm256_set1_epi32((int32_t)LM_ROUND_BITS));

	return _mm256_max_epi32(_mm256_min_epi32(n, _mm256_set1_epi32(127)),
				_mm256_set1_epi32(-127));
}

INLINE int32_t sum_whole(__m256i x)
{
	__m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
	__m128i two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));

	return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 1)));
}

static void quantize(const float *x, size_t n_blocks, int8_t *q, float *scale, int32_t *bias)
{
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

	for (size_t b = 0; b < n_blocks; b++, x += LM_BLOCK, q += LM_BLOCK) {
		__m256 v0 = _mm256_loadu_ps(x), v1 = _mm256_loadu_ps(x + 8);
		__m256 v2 = _mm256_loadu_ps(x + 16), v3 = _mm256_loadu_ps(x + 24);
		float max = greatest(_mm256_max_ps(_mm256_max_ps(absolute(v0), absolute(v1)),
						   _mm256_max_ps(absolute(v2), absolute(v3))));
		__m256 inverse = _mm256_set1_ps(lm_inverse(max));
		__m256i n0 = to_whole(v0, inverse), n1 = to_whole(v1, inverse);
		__m256i n2 = to_whole(v2, inverse), n3 = to_whole(v3, inverse);
		__m256i bytes =
		    _mm256_packs_epi16(_mm256_packs_epi32(n0, n1), _mm256_packs_epi32(n2, n3));

		_mm256_storeu_si256((__m256i *)q, _mm256_permutevar8x32_epi32(bytes, order));
		scale[b] = max / 127.0f;
		bias[b] = -128 * sum_whole(_mm256_add_epi32(_mm256_add_epi32(n0, n1),
							    _mm256_add_epi32(n2, n3)));
	}
}

static float dot(const float *a, const float *b, size_t n)
{
	__m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps();
	float lanes[LM_LANES];
	size_t i = 0;

	for (; i + LM_LANES <= n; i += LM_LANES) {
		low = _mm256_add_ps(low,
				    _mm256_mul_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i)));
		high = _mm256_add_ps(
		    high, _mm256_mul_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8)));
	}
	if (i == n)
		return tree(low, high);
	_mm256_storeu_ps(lanes, low);
	_mm256_storeu_ps(lanes + 8, high);
	for (; i < n; i++)
		lanes[i % LM_LANES] += a[i] * b[i];
	return lm_tree(lanes);
}

static void rms_norm(const float *x, const float *weight, size_t n, float eps, float *y)
{
	float inverse = 1.0f / sqrtf(dot(x, x, n) / (float)n + eps);
	__m256 all = _mm256_set1_ps(inverse);
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(y + i, _mm256_mul_ps(_mm256_mul_ps(_mm256_loadu_ps(x + i), all),
						      _mm256_loadu_ps(weight + i)));
	for (; i < n; i++)
		y[i] = x[i] * inverse * weight[i];
}

/* t tiles at once, so that their chains of sums overlap. */
INLINE void score_tiles(const float *q, const float *tiles, size_t head_size, float *ret_scores,
			const size_t t)
{
	__m256 acc[4][2];

	UNROLL
	for (size_t i = 0; i < t; i++)
		acc[i][0] = acc[i][1] = _mm256_setzero_ps();
	for (size_t d = 0; d < head_size; d++) {
		__m256 all = _mm256_set1_ps(q[d]);

		UNROLL
		for (size_t i = 0; i < t; i++) {
			const float *keys = tiles + (i * head_size + d) * LM_LANES;

			acc[i][0] =
			    _mm256_add_ps(acc[i][0], _mm256_mul_ps(all, _mm256_loadu_ps(keys)));
			acc[i][1] =
			    _mm256_add_ps(acc[i][1], _mm256_mul_ps(all, _mm256_loadu_ps(keys + 8)));
		}
	}
	UNROLL
	for (size_t i = 0; i < t; i++) {
		_mm256_storeu_ps(ret_scores + i * LM_LANES, acc[i][0]);
		_mm256_storeu_ps(ret_scores + i * LM_LANES + 8, acc[i][1]);
	}
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

INLINE __m256 exp_less(float *x, float max)
{
	__m256 y = exponential(_mm256_sub_ps(_mm256_loadu_ps(x), _mm256_set1_ps(max)));

	_mm256_storeu_ps(x, y);
	return y;
}

static float scale_all(float *x, size_t n, float scale)
{
	__m256 most = _mm256_set1_ps(x[0] * scale), all = _mm256_set1_ps(scale);
	float max;
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		__m256 y = _mm256_mul_ps(_mm256_loadu_ps(x + i), all);

		_mm256_storeu_ps(x + i, y);
		most = _mm256_max_ps(y, most);
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
	__m256 low = _mm256_setzero_ps(), high = _mm256_setzero_ps(), all;
	float max = scale_all(x, n, scale), lanes[LM_LANES], inverse;
	size_t i = 0;

	for (; i + LM_LANES <= n; i += LM_LANES) {
		low = _mm256_add_ps(low, exp_less(x + i, max));
		high = _mm256_add_ps(high, exp_less(x + i + 8, max));
	}
	_mm256_storeu_ps(lanes, low);
	_mm256_storeu_ps(lanes + 8, high);
	for (; i < n; i++) {
		x[i] = lm_exp(x[i] - max);
		lanes[i % LM_LANES] += x[i];
	}
	inverse = 1.0f / lm_tree(lanes);
	all = _mm256_set1_ps(inverse);
	for (i = 0; i + 8 <= n; i += 8)
		_mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), all));
	for (; i < n; i++)
		x[i] *= inverse;
}

/* t x 8 of the dimensions. */
INLINE void mix_part(const float *p, const float *values, size_t n, size_t head_size, float *y,
		     const size_t t)
{
	__m256 acc[4];

	UNROLL
	for (size_t k = 0; k < t; k++)
		acc[k] = _mm256_loadu_ps(y + 8 * k);
	for (size_t i = 0; i < n; i++) {
		__m256 all = _mm256_set1_ps(p[i]);

		UNROLL
		for (size_t k = 0; k < t; k++)
			acc[k] = _mm256_add_ps(
			    acc[k],
			    _mm256_mul_ps(all, _mm256_loadu_ps(values + i * head_size + 8 * k)));
	}
	UNROLL
	for (size_t k = 0; k < t; k++)
		_mm256_storeu_ps(y + 8 * k, acc[k]);
}

static void mix(const float *p, const float *values, size_t n, size_t head_size, float *y)
{
	size_t d = 0;

	for (; d + 32 <= head_size; d += 32)
		mix_part(p, values + d, n, head_size, y + d, 4);
	for (; d + 8 <= head_size; d += 8)
		mix_part(p, values + d, n, head_size, y + d, 1);
	for (; d < head_size; d++)
		for (size_t i = 0; i < n; i++)
			y[d] += p[i] * values[i * head_size + d];
}

static void silu_mul(float *gate, const float *up, size_t n)
{
	const __m256 one = _mm256_set1_ps(1.0f), sign = _mm256_set1_ps(-0.0f);
	size_t i = 0;

	for (; i + 8 <= n; i += 8) {
		__m256 g = _mm256_loadu_ps(gate + i);
		__m256 below = _mm256_add_ps(one, exponential(_mm256_xor_ps(g, sign)));

		_mm256_storeu_ps(gate + i,
				 _mm256_mul_ps(_mm256_div_ps(g, below), _mm256_loadu_ps(up + i)));
	}
	for (; i < n; i++)
		gate[i] = gate[i] / (1.0f + lm_exp(-gate[i])) * up[i];
}

static void add(float *x, const float *y, size_t n)
{
	size_t i = 0;

	for (; i + 8 <= n; i += 8)
		_mm256_storeu_ps(x + i,
				 _mm256_add_ps(_mm256_loadu_ps(x + i), _mm256_loadu_ps(y + i)));
	for (; i < n; i++)
		x[i] += y[i];
}

INLINE void add_row_flipped(const struct lm_block *panel, size_t row, size_t n_blocks, float *x,
			    __m256i flip)
{
	const __m256i fours = _mm256_setr_epi32(0, 16, 32, 48, 64, 80, 96, 112);

	for (size_t b = 0; b < n_blocks; b++, panel++) {
		__m256 scale = _mm256_set1_ps(panel->scale[row]);
		int8_t q[LM_BLOCK];

		_mm256_storeu_si256(
		    (__m256i *)q,
		    _mm256_xor_si256(
			flip, _mm256_i32gather_epi32((const int *)(const void *)panel->q[0][row],
						     fours, 4)));
		for (size_t i = 0; i < LM_BLOCK; i += 8, x += 8) {
			__m256i n = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(q + i)));
			__m256 y = _mm256_mul_ps(scale, _mm256_cvtepi32_ps(n));

			_mm256_storeu_ps(x, _mm256_add_ps(_mm256_loadu_ps(x), y));
		}
	}
}

static void add_row(const struct lm_block *panel, size_t row, size_t n_blocks, float *x)
{
	add_row_flipped(panel, row, n_blocks, x, _mm256_setzero_si256());
}

static void add_row_vnni(const struct lm_block *panel, size_t row, size_t n_blocks, float *x)
{
	add_row_flipped(panel, row, n_blocks, x, _mm256_set1_epi8(INT8_MIN));
}

const struct lm_kernels lm_kernels_avx2 = {
    .name = "avx2",
    .weight_flip = 0,
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

/* All but the products is the same. */
const struct lm_kernels lm_kernels_avxvnni = {
    .name = "avxvnni",
    .weight_flip = 0x80,
    .usable = usable_vnni,
    .gemm = gemm_vnni,
    .quantize = quantize,
    .dot = dot,
    .rms_norm = rms_norm,
    .scores = scores,
    .softmax = softmax,
    .mix = mix,
    .silu_mul = silu_mul,
    .add = add,
    .add_row = add_row_vnni,
};

#endif
