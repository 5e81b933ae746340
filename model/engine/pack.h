/*
 * pack.h -- a tensor of the file becomes rows of a matrix.
 */
#ifndef MW_LM_PACK_H
#define MW_LM_PACK_H

#include "model/engine/model.h"

/* A tensor on its way into rows first.. of a matrix, its shape checked. */
struct lm_filling {
	const struct gguf_tensor *tensor;
	const struct lm_matrix *matrix;
	const struct lm_file *file; /* that lets go of what was read; NULL: none */
	uint32_t first, rows;
	uint32_t head, turned; /* the first `turned` values of heads of that size stand in pairs */
	uint8_t flip;
	uint32_t bad[MW_LM_MAX_THREADS]; /* rows + 1 of a worker's first that is not finite, or 0 */
};

/* Reads all rows, on the pool of the load.  Errors: FORMAT (a value is not finite; which). */
mw_lm_err lm_fill(const struct lm_load *load, struct lm_filling *filling);

#endif
