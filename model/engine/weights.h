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

/* Quantises 32 values. */
void lm_block_quantize(const float *x, struct lm_q8_block *ret_block);

#endif
