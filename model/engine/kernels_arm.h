/*
 * kernels_arm.h -- the NEON kernels but for the product itself: neon and neondot differ in how four
 * int8 products become one sum.  A kernel file defines, before it includes this,
 *
 *     TARGET                  attribute of functions that use products
 *     struct sums                 sums of 8 rows
 *     sums_start, sums_add,       make them, add the products of four columns of 8 rows and a
 *     sums_whole                  position, number g of a block's 8; give one sum for every row
 */
#ifndef MW_LM_KERNELS_ARM_H
#define MW_LM_KERNELS_ARM_H

#include <arm_neon.h>

#define WEIGHT_FLIP      0
#define VEC_FLOATS       4
#define VEC_MAX(a, b)    ((vec)vbslq_f32(vcgtq_f32(a, b), a, b))
#define VEC_MIN(a, b)    ((vec)vbslq_f32(vcltq_f32(a, b), a, b))
#define HALVES(p)        ((vec)vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))))
#define PUT_HALVES(p, v) vst1_u16(p, vreinterpret_u16_f16(vcvt_f16_f32((float32x4_t)(v))))
#define SCORE_TILES      4
#define MIX_VECS         4

#include "model/engine/kernels_vector.h"

/* 8 rows (half a panel) x t positions. */
INLINE TARGET void gemm_half(const struct lm_panels *w, size_t n_blocks, size_t half,
			     const struct lm_q8 *x, size_t at, float *y, size_t stride,
			     const size_t t)
{
	float32x4_t acc[4][2];

	UNROLL
	for (size_t i = 0; i < t; i++)
		acc[i][0] = acc[i][1] = vdupq_n_f32(0);
	for (size_t b = 0; b < n_blocks; b++) {
		const int8_t *q = (const int8_t *)w->q + b * LM_BLOCK_BYTES + half * 32;
		float16x8_t halves =
		    vreinterpretq_f16_u16(vld1q_u16(w->scale + b * LM_LANES + half * 8));
		float32x4_t scale[2] = {vcvt_f32_f16(vget_low_f16(halves)),
					vcvt_f32_f16(vget_high_f16(halves))};
		struct sums sums[4];

		UNROLL
		for (size_t i = 0; i < t; i++)
			sums[i] = sums_start();
		UNROLL
		for (size_t g = 0; g < LM_BLOCK / 4; g++) {
			int8x16_t low = vld1q_s8(q + g * 4 * LM_LANES);
			int8x16_t high = vld1q_s8(q + g * 4 * LM_LANES + 16);

			UNROLL
			for (size_t i = 0; i < t; i++)
				sums_add(&sums[i], low, high,
					 x->q + ((at + i) * n_blocks + b) * LM_BLOCK, g);
		}
		UNROLL
		for (size_t i = 0; i < t; i++) {
			float all_scale = x->scale[(at + i) * n_blocks + b];
			int32x4_t whole[2];

			sums_whole(&sums[i], whole);
			UNROLL
			for (size_t k = 0; k < 2; k++)
				acc[i][k] = vaddq_f32(acc[i][k],
						      vmulq_f32(vcvtq_f32_s32(whole[k]),
								vmulq_n_f32(scale[k], all_scale)));
		}
	}
	UNROLL
	for (size_t i = 0; i < t; i++) {
		vst1q_f32(y + (at + i) * stride + 8 * half, acc[i][0]);
		vst1q_f32(y + (at + i) * stride + 8 * half + 4, acc[i][1]);
	}
}

#include "model/engine/kernels_gemm.h"

/* 4 values as whole numbers in [-127, 127]. */
INLINE int32x4_t to_whole(float32x4_t x, float inverse)
{
	float32x4_t shifted = vaddq_f32(vmulq_n_f32(x, inverse), vdupq_n_f32(LM_ROUND));
	int32x4_t n =
	    vsubq_s32(vreinterpretq_s32_f32(shifted), vdupq_n_s32((int32_t)LM_ROUND_BITS));

	return vmaxq_s32(vminq_s32(n, vdupq_n_s32(127)), vdupq_n_s32(-127));
}

INLINE float greatest_size(const float *x)
{
	vec most = vabsq_f32(load(x));

	UNROLL
	for (size_t i = 4; i < LM_BLOCK; i += 4) {
		vec size = vabsq_f32(load(x + i));

		most = VEC_MAX(size, most);
	}
	return greatest(most);
}

static void quantize(const float *x, size_t n_blocks, int8_t *q, float *scale, int32_t *bias)
{
	for (size_t b = 0; b < n_blocks; b++, x += LM_BLOCK) {
		float max = greatest_size(x), inverse = lm_inverse(max);
		int32x4_t sum = vdupq_n_s32(0);

		UNROLL
		for (size_t i = 0; i < LM_BLOCK; i += 8, q += 8) {
			int32x4_t low = to_whole(load(x + i), inverse);
			int32x4_t high = to_whole(load(x + i + 4), inverse);

			vst1_s8(q, vmovn_s16(vcombine_s16(vmovn_s32(low), vmovn_s32(high))));
			sum = vaddq_s32(sum, vaddq_s32(low, high));
		}
		scale[b] = max / 127.0f;
		bias[b] = -128 * vaddvq_s32(sum);
	}
}

#endif
