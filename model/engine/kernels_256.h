/*
 * kernels_256.h -- the x86 kernels of 256 bits but for the product itself: avx2 and avxvnni differ
 * in how four int8 products become one sum.  A kernel file defines, before it includes this,
 *
 *     WEIGHT_FLIP      as in the table
 *     START(bias)      __m256i: what the sums of a block start from
 *     PRODUCTS(s, w, x)  __m256i: s and, in each of 8 rows, four products of weights and activations
 *     UNROLL_PRODUCTS  how the loop over a block is unrolled
 *     TARGET           attribute of functions that use products, or nothing
 */
#ifndef MW_LM_KERNELS_256_H
#define MW_LM_KERNELS_256_H

#include <cpuid.h>
#include <immintrin.h>

#define VEC_FLOATS    8
#define VEC_MAX(a, b) _mm256_max_ps(a, b)
#define VEC_MIN(a, b) _mm256_min_ps(a, b)
#define HALVES(p)     _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p)))
#define PUT_HALVES(p, v)                                                                           \
	_mm_storeu_si128((__m128i *)(p), _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT))
#define SCORE_TILES 4
#define MIX_VECS    2

#include "model/engine/kernels_vector.h"

/* F16C: leaf 1, ECX bit 29, which not every compiler knows by name. */
static bool has_avx2(void)
{
	unsigned int a, b, c, d;

	return __builtin_cpu_supports("avx2") && __get_cpuid(1, &a, &b, &c, &d) && (c & 1u << 29);
}

/* 8 rows (half a panel) x t positions. */
INLINE TARGET void gemm_half(const struct lm_panels *w, size_t n_blocks, size_t half,
			     const struct lm_q8 *x, size_t at, float *y, size_t stride,
			     const size_t t)
{
	__m256 acc[4];

	UNROLL
	for (size_t i = 0; i < t; i++)
		acc[i] = _mm256_setzero_ps();
	for (size_t b = 0; b < n_blocks; b++) {
		const uint8_t *q = w->q + b * LM_BLOCK_BYTES + half * 32;
		__m256 scale = _mm256_cvtph_ps(
		    _mm_load_si128((const __m128i *)(w->scale + b * LM_LANES + half * 8)));
		__m256i sum[4];

		UNROLL
		for (size_t i = 0; i < t; i++)
			sum[i] = START(x->bias[(at + i) * n_blocks + b]);
		UNROLL_PRODUCTS
		for (size_t g = 0; g < LM_BLOCK / 4; g++) {
			__m256i rows = _mm256_load_si256((const __m256i *)(q + g * 4 * LM_LANES));

			UNROLL
			for (size_t i = 0; i < t; i++) {
				int32_t four;

				memcpy(&four, x->q + ((at + i) * n_blocks + b) * LM_BLOCK + 4 * g,
				       4);
				sum[i] = PRODUCTS(sum[i], rows, _mm256_set1_epi32(four));
			}
		}
		UNROLL
		for (size_t i = 0; i < t; i++) {
			__m256 both =
			    _mm256_mul_ps(scale, _mm256_set1_ps(x->scale[(at + i) * n_blocks + b]));

			acc[i] =
			    _mm256_add_ps(acc[i], _mm256_mul_ps(_mm256_cvtepi32_ps(sum[i]), both));
		}
	}
	UNROLL
	for (size_t i = 0; i < t; i++)
		_mm256_storeu_ps(y + (at + i) * stride + 8 * half, acc[i]);
}

#include "model/engine/kernels_gemm.h"

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

INLINE __m256 absolute(__m256 x)
{
	return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), x);
}

static void quantize(const float *x, size_t n_blocks, int8_t *q, float *scale, int32_t *bias)
{
	const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);

	for (size_t b = 0; b < n_blocks; b++, x += LM_BLOCK, q += LM_BLOCK) {
		__m256 v0 = load(x), v1 = load(x + 8), v2 = load(x + 16), v3 = load(x + 24);
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

#endif
