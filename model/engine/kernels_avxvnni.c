#include "model/engine/kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

/* One instruction for four products: unsigned weights (128 added, which the bias takes back) times
 * signed activations, summed in 32 bits. */
#define WEIGHT_FLIP       0x80
#define START(bias)       _mm256_set1_epi32(bias)
#define PRODUCTS(s, w, x) _mm256_dpbusd_avx_epi32(s, w, x)
#define TARGET
#define UNROLL_PRODUCTS UNROLL

#include "model/engine/kernels_256.h"

/* AVX-VNNI: leaf 7, subleaf 1, EAX bit 4 (Intel's manual, volume 2, CPUID). */
static bool usable(void)
{
	unsigned int a, b, c, d;

	return has_avx2() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}

const struct lm_kernels lm_kernels_avxvnni = {
    .name = "avxvnni",
    .usable = usable,
    .gemm = gemm,
    .quantize = quantize,
    VECTOR_KERNELS,
};

#endif
