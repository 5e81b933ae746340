#include "model/engine/kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <string.h>

#define TARGET

static bool usable(void)
{
	return true; /* NEON is part of every 64-bit ARM */
}

/* Products of two groups of columns share a 16-bit sum: 2 * 128 * 127 stays below 2^15. */
struct sums {
	int16x8_t pairs[4]; /* rows 2 k and 2 k + 1, four columns each */
	int32x4_t wide[4];  /* the same rows, two sums each */
};

static inline __attribute__((always_inline)) struct sums sums_start(void)
{
	struct sums sums;

	for (int k = 0; k < 4; k++) {
		sums.pairs[k] = vdupq_n_s16(0);
		sums.wide[k] = vdupq_n_s32(0);
	}
	return sums;
}

static inline __attribute__((always_inline)) void
sums_add(struct sums *sums, int8x16_t low, int8x16_t high, const int8_t *x, size_t g)
{
	int32_t four;
	int8x8_t all;

	memcpy(&four, x + 4 * g, sizeof(four));
	all = vreinterpret_s8_s32(vdup_n_s32(four));
	if (g % 2 == 0) {
		sums->pairs[0] = vmull_s8(vget_low_s8(low), all);
		sums->pairs[1] = vmull_s8(vget_high_s8(low), all);
		sums->pairs[2] = vmull_s8(vget_low_s8(high), all);
		sums->pairs[3] = vmull_s8(vget_high_s8(high), all);
		return;
	}
	sums->pairs[0] = vmlal_s8(sums->pairs[0], vget_low_s8(low), all);
	sums->pairs[1] = vmlal_s8(sums->pairs[1], vget_high_s8(low), all);
	sums->pairs[2] = vmlal_s8(sums->pairs[2], vget_low_s8(high), all);
	sums->pairs[3] = vmlal_s8(sums->pairs[3], vget_high_s8(high), all);
	for (int k = 0; k < 4; k++)
		sums->wide[k] = vpadalq_s16(sums->wide[k], sums->pairs[k]);
}

static inline __attribute__((always_inline)) void sums_whole(const struct sums *sums,
							     int32x4_t whole[2])
{
	whole[0] = vpaddq_s32(sums->wide[0], sums->wide[1]);
	whole[1] = vpaddq_s32(sums->wide[2], sums->wide[3]);
}

#include "model/engine/kernels_arm.h"

const struct lm_kernels lm_kernels_neon = {
    .name = "neon",
    .usable = usable,
    .gemm = gemm,
    .quantize = quantize,
    VECTOR_KERNELS,
};

#endif
