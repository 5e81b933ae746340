/*
 * kernels_gemm.h -- the loop over panels and positions of the kernels that take half a panel and at
 * most 4 positions at a time.  Before it is included there are
 *
 *     gemm_half  makes 8 rows in t positions
 *     TARGET     attribute of functions that use products, or nothing
 */
#ifndef MW_LM_KERNELS_GEMM_H
#define MW_LM_KERNELS_GEMM_H

static TARGET void gemm(struct lm_panels panels, size_t n_panels, size_t n_blocks,
			const struct lm_q8 *x, size_t n, float *y, size_t stride)
{
	for (size_t p = 0; p < 2 * n_panels; p++) {
		struct lm_panels w = lm_panels_from(panels, p / 2, n_blocks);
		float *to = y + p / 2 * LM_LANES;
		size_t i = 0;

		for (; i + 4 <= n; i += 4)
			gemm_half(&w, n_blocks, p % 2, x, i, to, stride, 4);
		for (; i + 2 <= n; i += 2)
			gemm_half(&w, n_blocks, p % 2, x, i, to, stride, 2);
		for (; i < n; i++)
			gemm_half(&w, n_blocks, p % 2, x, i, to, stride, 1);
	}
}

#endif
