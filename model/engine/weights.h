/*
 * weights.h -- values of a tensor, a row at a time.
 */
#ifndef MW_LM_WEIGHTS_H
#define MW_LM_WEIGHTS_H

#include "model/engine/gguf.h"

/* One block of Q8_0 as the file holds it, the scale as float. */
struct lm_q8_block {
	float scale;
	int8_t q[GGUF_Q8_BLOCK];
};

/* Row `row` of a tensor with dim[0] columns as floats.  False if a value is not finite. */
bool lm_row_floats(const struct gguf_tensor *tensor, uint64_t row, float *ret_x);

/* The same as blocks; values that are not Q8_0 are quantised as ggml does: d = max|x| / 127 kept in
 * half precision, q = x / d rounded half away from 0.  False if a value is not finite. */
bool lm_row_blocks(const struct gguf_tensor *tensor, uint64_t row, struct lm_q8_block *ret_blocks);

/* Block b of a row. */
bool lm_row_block(const struct gguf_tensor *tensor, uint64_t row, uint64_t b,
		  struct lm_q8_block *ret_block);

/* n <= 32 values from value `first` of the tensor on, a multiple of 32 if there are blocks.  False
 * if one is not finite. */
bool lm_values(const struct gguf_tensor *tensor, uint64_t first, size_t n, float *ret_x);

/* Block b of a row of a tensor of Q8_0, as it stands in the file. */
static inline const uint8_t *lm_block_at(const struct gguf_tensor *tensor, uint64_t row, uint64_t b)
{
	return tensor->data + (row * (tensor->dim[0] / GGUF_Q8_BLOCK) + b) * GGUF_Q8_BYTES;
}

/* Quantises 32 values. */
void lm_block_quantize(const float *x, struct lm_q8_block *ret_block);

#endif
