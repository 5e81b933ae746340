/*
 * kernels_math.h -- constants and scalar pieces that every kernel file shares, so that all agree to
 * the bit.
 *
 * exp: x = n ln 2 + r, |r| <= ln 2 / 2; e^r by the polynomial of Cephes' expf (S. Moshier),
 * relative error about 1e-7.  Arguments are held to [-87, 88], so the result is a normal number.
 */
#ifndef MW_LM_KERNELS_MATH_H
#define MW_LM_KERNELS_MATH_H

#include <stdint.h>
#include <string.h>

#define LM_EXP_MAX    88.0f
#define LM_EXP_MIN    (-87.0f)
#define LM_LOG2E      1.44269504088896341f
#define LM_LN2_HIGH   0.693359375f
#define LM_LN2_LOW    (-2.12194440e-4f)
#define LM_EXP_C0     1.9875691500e-4f
#define LM_EXP_C1     1.3981999507e-3f
#define LM_EXP_C2     8.3334519073e-3f
#define LM_EXP_C3     4.1665795894e-2f
#define LM_EXP_C4     1.6666665459e-1f
#define LM_EXP_C5     5.0000001201e-1f
#define LM_ROUND      12582912.0f /* 1.5 * 2^23: adding it rounds to whole numbers, half to even */
#define LM_ROUND_BITS 0x4B400000u
#define LM_NOTHING    1e-30f

static inline uint32_t lm_bits(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static inline float lm_float(uint32_t bits)
{
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

/* The maximum as maxps takes it: b if either is not a number. */
static inline float lm_max(float a, float b)
{
	return a > b ? a : b;
}

static inline float lm_min(float a, float b)
{
	return a < b ? a : b;
}

static inline float lm_exp(float x)
{
	float shifted, n, r, y;

	x = lm_max(lm_min(x, LM_EXP_MAX), LM_EXP_MIN);
	shifted = x * LM_LOG2E + LM_ROUND;
	n = shifted - LM_ROUND;
	r = x - n * LM_LN2_HIGH;
	r = r - n * LM_LN2_LOW;
	y = LM_EXP_C0;
	y = y * r + LM_EXP_C1;
	y = y * r + LM_EXP_C2;
	y = y * r + LM_EXP_C3;
	y = y * r + LM_EXP_C4;
	y = y * r + LM_EXP_C5;
	y = y * (r * r) + r;
	y = y + 1.0f;
	return y * lm_float(((lm_bits(shifted) - LM_ROUND_BITS + 127u) & 0xFFu) << 23);
}

/* What the values of a block are multiplied with; 0 for a block of (nearly) nothing, whose quotient
 * would not be finite. */
static inline float lm_inverse(float max)
{
	return max > LM_NOTHING ? 127.0f / max : 0;
}

/* The nearest whole number in [-127, 127], half to even. */
static inline int32_t lm_to_int8(float x)
{
	int32_t n = (int32_t)(lm_bits(x + LM_ROUND) - LM_ROUND_BITS);

	return n > 127 ? 127 : n < -127 ? -127 : n;
}

/* The tree over 16 lanes; destroys them. */
static inline float lm_tree(float lanes[16])
{
	for (int half = 8; half > 0; half /= 2)
		for (int j = 0; j < half; j++)
			lanes[j] += lanes[j + half];
	return lanes[0];
}

#endif
