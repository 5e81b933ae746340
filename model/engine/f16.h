/*
 * f16.h -- half precision (IEEE binary16) and bfloat16, in portable integer steps.
 */
#ifndef MW_LM_F16_H
#define MW_LM_F16_H

#include "model/engine/kernels_math.h"

static inline float lm_f16_load(uint16_t half)
{
	uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
	uint32_t rest = (uint32_t)(half & 0x7FFFu);

	if (rest >= 0x7C00u) /* infinity, not a number */
		return lm_float(sign | 0x7F800000u | (rest & 0x3FFu) << 13);
	if (rest >= 0x0400u)
		return lm_float(sign | ((rest << 13) + (112u << 23)));
	/* subnormal: rest * 2^-24 */
	return lm_float(sign | lm_bits((float)rest * 0x1p-24f));
}

/* Rounds half to even; past the range: infinity. */
static inline uint16_t lm_f16_store(float x)
{
	uint32_t bits = lm_bits(x);
	uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
	uint32_t rest = bits & 0x7FFFFFFFu;

	if (rest > 0x7F800000u)
		return (uint16_t)(sign | 0x7E00u);
	if (rest >= 0x477FF000u)
		return (uint16_t)(sign | 0x7C00u);
	if (rest < 0x38800000u) /* subnormal: the addition rounds to multiples of 2^-24 */
		return (uint16_t)(sign | (lm_bits(lm_float(rest) + 0.5f) - 0x3F000000u));
	rest += 0xFFFu + (rest >> 13 & 1u);
	return (uint16_t)(sign | (rest - (112u << 23)) >> 13);
}

static inline float lm_bf16_load(uint16_t half)
{
	return lm_float((uint32_t)half << 16);
}

#endif
