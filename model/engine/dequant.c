#include "model/engine/dequant.h"

#include "model/engine/f16.h"

/* What a group of Q4_K and Q5_K is multiplied with and what is taken away. */
struct group {
	float scale, minimum;
};

static float load_half(const uint8_t *bytes)
{
	return lm_f16_load(lm_load_u16(bytes));
}

static void q4_0_values(const uint8_t *block, float *x)
{
	float d = load_half(block);

	for (size_t k = 0; k < 16; k++) {
		x[k] = d * (float)((block[2 + k] & 15) - 8);
		x[k + 16] = d * (float)((block[2 + k] >> 4) - 8);
	}
}

static void q8_0_values(const uint8_t *block, float *x)
{
	float d = load_half(block);

	for (size_t k = 0; k < LM_DEQUANT; k++)
		x[k] = d * (float)(int8_t)block[2 + k];
}

/* Twelve bytes hold 8 scales and 8 minimums of 6 bits: the low bits of the first four of each fill
 * bytes 0..3 and 4..7, whose two highest bits top up the nibbles of bytes 8..11. */
static struct group load_group(const uint8_t *block, size_t g)
{
	const uint8_t *packed = block + 4;
	unsigned int scale, minimum;

	if (g < 4) {
		scale = packed[g] & 63u;
		minimum = packed[g + 4] & 63u;
	} else {
		scale = (packed[g + 4] & 15u) | (unsigned int)(packed[g - 4] >> 6) << 4;
		minimum = (unsigned int)(packed[g + 4] >> 4) | (unsigned int)(packed[g] >> 6) << 4;
	}
	return (struct group){load_half(block) * (float)scale,
			      load_half(block + 2) * (float)minimum};
}

/* Group g of 8: its nibbles stand in 32 bytes that it shares with its neighbour; high: NULL, or 32
 * bytes whose bit g is the fifth. */
static void q45_k_values(const uint8_t *block, size_t g, const uint8_t *high,
			 const uint8_t *nibbles, float *x)
{
	struct group group = load_group(block, g);

	for (size_t k = 0; k < LM_DEQUANT; k++) {
		unsigned int q = (unsigned int)nibbles[g / 2 * 32 + k] >> (g % 2 * 4) & 15u;

		if (high)
			q |= (unsigned int)(high[k] >> g & 1) << 4;
		x[k] = group.scale * (float)q - group.minimum;
	}
}

/* A half of 128 values: 64 bytes of nibbles, 32 bytes of two high bits for each of its quarters. */
static void q6_k_values(const uint8_t *block, size_t g, float *x)
{
	size_t half = g / 4, quarter = g % 4;
	const uint8_t *low = block + half * 64 + quarter % 2 * 32;
	const uint8_t *high = block + 128 + half * 32;
	float d = load_half(block + 208);

	for (size_t k = 0; k < LM_DEQUANT; k++) {
		int q = (low[k] >> (quarter / 2 * 4) & 15) | (high[k] >> (2 * quarter) & 3) << 4;
		int8_t scale = (int8_t)block[192 + 2 * g + k / 16];

		x[k] = d * (float)scale * (float)(q - 32);
	}
}

void lm_dequant(const struct gguf_tensor *tensor, uint64_t i, float ret_x[LM_DEQUANT])
{
	uint64_t per_block = gguf_weight_block(tensor->type) / LM_DEQUANT;
	const uint8_t *block =
	    tensor->data + i / per_block * gguf_weight_bytes(tensor->type, per_block * 32);

	switch (tensor->type) {
	case GGUF_W_Q4_0:
		q4_0_values(block, ret_x);
		return;
	case GGUF_W_Q8_0:
		q8_0_values(block, ret_x);
		return;
	case GGUF_W_Q4_K:
		q45_k_values(block, i % per_block, NULL, block + 16, ret_x);
		return;
	case GGUF_W_Q5_K:
		q45_k_values(block, i % per_block, block + 16, block + 48, ret_x);
		return;
	default:
		q6_k_values(block, i % per_block, ret_x);
	}
}
