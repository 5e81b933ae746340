#include "model/engine/kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <string.h>
#include <sys/auxv.h>

#define TARGET  __attribute__((target("arch=armv8.2-a+dotprod")))
#define DOTPROD (1ul << 20) /* HWCAP_ASIMDDP of Linux */

static bool usable(void)
{
	return (getauxval(AT_HWCAP) & DOTPROD) != 0;
}

struct sums {
	int32x4_t rows[2];
};

static inline __attribute__((always_inline)) struct sums sums_start(void)
{
	return (struct sums){{vdupq_n_s32(0), vdupq_n_s32(0)}};
}

static inline __attribute__((always_inline)) TARGET void
sums_add(struct sums *sums, int8x16_t low, int8x16_t high, const int8_t *x, size_t g)
{
	int32_t four;
	int8x16_t all;

	memcpy(&four, x + 4 * g, sizeof(four));
	all = vreinterpretq_s8_s32(vdupq_n_s32(four));
	sums->rows[0] = vdotq_s32(sums->rows[0], low, all);
	sums->rows[1] = vdotq_s32(sums->rows[1], high, all);
}

static inline __attribute__((always_inline)) void sums_whole(const struct sums *sums,
							     int32x4_t whole[2])
{
	whole[0] = sums->rows[0];
	whole[1] = sums->rows[1];
}

#include "model/engine/kernels_arm.h"

const struct lm_kernels lm_kernels_neondot = {
    .name = "neondot",
    .usable = usable,
    .gemm = gemm,
    .quantize = quantize,
    VECTOR_KERNELS,
};

#endif
