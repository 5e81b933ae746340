#include "model/engine/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define VEC_FLOATS    16
#define VEC_MAX(a, b) _mm512_max_ps(a, b)
#define VEC_MIN(a, b) _mm512_min_ps(a, b)
#define HALVES(p)     _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p)))
#define PUT_HALVES(p, v)                                                                           \
	_mm256_storeu_si256((__m256i *)(p), _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT))
#define SCORE_TILES 8
#define MIX_VECS    4
#define WEIGHT_FLIP 0x80

#include "model/engine/kernels_vector.h"

static bool usable(void)
{
	return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

/* --- int8 products ---------------------------------------------------------------------------- */

/* Blocks of a matrix that stay in the nearest cache while all positions pass. */
#define CHUNK 24u
/* Blocks that are asked for ahead where each weight is used once: then memory is what takes time. */
#define AHEAD 8u

INLINE __m512 scales(const struct lm_panels *w, size_t block)
{
	return _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(w->scale + block * LM_LANES)));
}

/* Sums of a block: p panels x t positions. */
struct sums {
	__m512i of[2][8];
};

/* Adds the products of number g of 8 groups of 4 columns, of the panels at q and the activations x,
 * which are blocks of other rows and positions apart. */
INLINE void add_group(struct sums *sums, const uint8_t *q, size_t row, const int8_t *x,
		      size_t position, size_t g, const size_t p, const size_t t)
{
	__m512i rows[2];

	UNROLL
	for (size_t k = 0; k < p; k++) {
		const uint8_t *at = q + k * row + g * 4 * LM_LANES;

		if (t == 1)
			_mm_prefetch(at + AHEAD * LM_BLOCK_BYTES, _MM_HINT_T0);
		rows[k] = _mm512_load_si512(at);
	}
	UNROLL
	for (size_t i = 0; i < t; i++) {
		int32_t four;

		memcpy(&four, x + i * position + 4 * g, 4);
		UNROLL
		for (size_t k = 0; k < p; k++)
			sums->of[k][i] =
			    _mm512_dpbusd_epi32(sums->of[k][i], rows[k], _mm512_set1_epi32(four));
	}
}

/* Block b.  Weights are unsigned (128 added); the bias takes that back. */
INLINE struct sums block_sums(const struct lm_panels *w, size_t n_blocks, size_t b,
			      const struct lm_q8 *x, size_t at, const size_t p, const size_t t)
{
	struct sums sums;

	UNROLL
	for (size_t i = 0; i < p * t; i++)
		sums.of[i / t][i % t] = _mm512_set1_epi32(x->bias[(at + i % t) * n_blocks + b]);
	UNROLL
	for (size_t g = 0; g < LM_BLOCK / 4; g++)
		add_group(&sums, w->q + b * LM_BLOCK_BYTES, n_blocks * LM_BLOCK_BYTES,
			  x->q + (at * n_blocks + b) * LM_BLOCK, n_blocks * LM_BLOCK, g, p, t);
	return sums;
}

/* p panels x t positions, blocks [from, to).  Sums of earlier blocks stand in y. */
INLINE void gemm_tile(const struct lm_panels *w, size_t n_blocks, size_t from, size_t to,
		      const struct lm_q8 *x, size_t at, float *y, size_t stride, const size_t p,
		      const size_t t)
{
	__m512 acc[2][8];

	UNROLL
	for (size_t i = 0; i < p * t; i++)
		acc[i / t][i % t] =
		    from == 0 ? _mm512_setzero_ps()
			      : _mm512_loadu_ps(y + (at + i % t) * stride + i / t * LM_LANES);
	for (size_t b = from; b < to; b++) {
		struct sums sums = block_sums(w, n_blocks, b, x, at, p, t);

		UNROLL
		for (size_t i = 0; i < p * t; i++) {
			size_t k = i / t, m = i % t;
			__m512 both =
			    _mm512_mul_ps(scales(w, k * n_blocks + b),
					  _mm512_set1_ps(x->scale[(at + m) * n_blocks + b]));

			acc[k][m] = _mm512_add_ps(
			    acc[k][m], _mm512_mul_ps(_mm512_cvtepi32_ps(sums.of[k][m]), both));
		}
	}
	UNROLL
	for (size_t i = 0; i < p * t; i++)
		_mm512_storeu_ps(y + (at + i % t) * stride + i / t * LM_LANES, acc[i / t][i % t]);
}

INLINE void gemm_panels(const struct lm_panels *w, size_t n_blocks, size_t from, size_t to,
			const struct lm_q8 *x, size_t n, float *y, size_t stride, const size_t p)
{
	size_t i = 0;

	for (; i + 6 <= n; i += 6)
		gemm_tile(w, n_blocks, from, to, x, i, y, stride, p, 6);
	if (n - i >= 4) {
		gemm_tile(w, n_blocks, from, to, x, i, y, stride, p, 4);
		i += 4;
	}
	if (n - i >= 2) {
		gemm_tile(w, n_blocks, from, to, x, i, y, stride, p, 2);
		i += 2;
	}
	if (n - i == 1)
		gemm_tile(w, n_blocks, from, to, x, i, y, stride, p, 1);
}

static void gemm(struct lm_panels panels, size_t n_panels, size_t n_blocks, const struct lm_q8 *x,
		 size_t n, float *y, size_t stride)
{
	size_t chunk = n > 8 ? CHUNK : n_blocks, width;

	for (size_t p = 0; p < n_panels; p += width, y += width * LM_LANES) {
		struct lm_panels w = lm_panels_from(panels, p, n_blocks);

		width = n_panels - p >= 2 && n > 1 ? 2 : 1;
		for (size_t from = 0; from < n_blocks; from += chunk) {
			size_t to = n_blocks - from < chunk ? n_blocks : from + chunk;

			if (width == 2)
				gemm_panels(&w, n_blocks, from, to, x, n, y, stride, 2);
			else
				gemm_panels(&w, n_blocks, from, to, x, n, y, stride, 1);
		}
	}
}

/* --- quantising ------------------------------------------------------------------------------- */

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

const struct lm_kernels lm_kernels_avx512vnni = {
    .name = "avx512vnni",
    .usable = usable,
    .gemm = gemm,
    .quantize = quantize,
    VECTOR_KERNELS,
};

#endif
