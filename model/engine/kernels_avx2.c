#include "model/engine/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* |w| <= 128 unsigned times |x| <= 127 with w's sign: a pair of products stays below 2^15, so the
 * 16-bit sums are exact. */
static inline __attribute__((always_inline)) __m256i add_products(__m256i sum, __m256i rows,
								  __m256i x)
{
	__m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(rows), _mm256_sign_epi8(x, rows));

	return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}

#define WEIGHT_FLIP       0
#define START(bias)       _mm256_setzero_si256()
#define PRODUCTS(s, w, x) add_products(s, w, x)
/* unrolled, gcc would sum the products at the end, from memory */
#define TARGET
#define UNROLL_PRODUCTS _Pragma("GCC unroll 1")

#include "model/engine/kernels_256.h"

static bool usable(void)
{
	return has_avx2();
}

const struct lm_kernels lm_kernels_avx2 = {
    .name = "avx2",
    .usable = usable,
    .gemm = gemm,
    .quantize = quantize,
    VECTOR_KERNELS,
};

#endif
