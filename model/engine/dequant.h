/*
 * dequant.h -- the weight types of ggml as floats, 32 values at a time.
 *
 * Formats: the struct definitions and comments of ggml's block types (block_q4_0, block_q4_K,
 * block_q5_K, block_q6_K, block_q8_0), https://github.com/ggml-org/ggml; little endian.
 *
 *     Q4_0   32 values: d (half); x = d (q - 8), q of 4 bits
 *     Q4_K  256 values: d, m (half); 8 groups of 32 with scale s and minimum t of 6 bits:
 *           x = (d s) q - (m t), q of 4 bits
 *     Q5_K  the same with q of 5 bits, the highest apart
 *     Q6_K  256 values: 16 groups of 16 with a scale s of 8 bits: x = (d s) (q - 32), q of 6 bits
 *     Q8_0   32 values: d (half); x = d q
 */
#ifndef MW_LM_DEQUANT_H
#define MW_LM_DEQUANT_H

#include "model/engine/gguf.h"

#define LM_DEQUANT 32u

/* Values [32 i, 32 i + 32) of a tensor of a type that has blocks. */
void lm_dequant(const struct gguf_tensor *tensor, uint64_t i, float ret_x[LM_DEQUANT]);

static inline uint16_t lm_load_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

#endif
