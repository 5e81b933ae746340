/*
 * kernels.h -- the inner loops, behind one table chosen at run time.
 *
 * kernels_scalar.c is the truth; the others give the same bits.  For that every float sum has one
 * order, no product is fused with a sum, and sums over lanes are taken as
 *
 *     s[j] = sum of the values at i with i % 16 == j, i ascending       (16 lanes)
 *     s[j] += s[j + 8], then + 4, + 2, + 1                              (a tree)
 *
 * Pointers are 64-byte aligned where a shape is a multiple of 16 floats.  Nothing here fails,
 * allocates or keeps a pointer.  All functions may run on any number of threads at once.
 */
#ifndef MW_LM_KERNELS_H
#define MW_LM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LM_LANES 16u /* rows of a panel, positions of a key tile, lanes of a sum */
#define LM_BLOCK 32u /* values that share a scale */

/* 32 columns of 16 rows of a matrix; a panel is its blocks, left to right. */
struct lm_block {
	float scale[LM_LANES];
	uint8_t q[LM_BLOCK / 4][LM_LANES]
		 [4]; /* [column / 4][row][column % 4], int8 xor weight_flip */
};

/* n positions' activations: q [n][cols], scale and bias [n][cols / 32]. */
struct lm_q8 {
	int8_t *q;
	float *scale;
	int32_t *bias; /* -128 * sum of the block: what unsigned weights add too much */
};

struct lm_kernels {
	const char *name;
	uint8_t weight_flip; /* 0, or 0x80 where weights are stored with 128 added */

	/* False if this processor cannot run them. */
	bool (*usable)(void);

	/* y[i * stride + r] = row r . activations of position i, for n_panels * 16 rows. */
	void (*gemm)(const struct lm_block *panels, size_t n_panels, size_t n_blocks,
		     const struct lm_q8 *x, size_t n, float *y, size_t stride);

	/* Quantises n_blocks * 32 values. */
	void (*quantize)(const float *x, size_t n_blocks, int8_t *q, float *scale, int32_t *bias);

	/* Sum over lanes of a[i] * b[i]; any n. */
	float (*dot)(const float *a, const float *b, size_t n);

	/* y[i] = x[i] / rms(x) * weight[i].  y may be x. */
	void (*rms_norm)(const float *x, const float *weight, size_t n, float eps, float *y);

	/* Scores of n_tiles * 16 keys: the sum over d, ascending, of q[d] * tiles[tile][d][key]. */
	void (*scores)(const float *q, const float *tiles, size_t n_tiles, size_t head_size,
		       float *ret_scores);

	/* Replaces n > 0 scores by their softmax after multiplying with scale. */
	void (*softmax)(float *x, size_t n, float scale);

	/* y[d] += sum over n values, ascending, of p[i] * values[i * head_size + d]. */
	void (*mix)(const float *p, const float *values, size_t n, size_t head_size, float *y);

	/* gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i] */
	void (*silu_mul)(float *gate, const float *up, size_t n);

	/* x[i] += y[i] */
	void (*add)(float *x, const float *y, size_t n);

	/* x[i] += scale * q[i] of a row of a panel, n_blocks * 32 values. */
	void (*add_row)(const struct lm_block *panel, size_t row, size_t n_blocks, float *x);
};

extern const struct lm_kernels lm_kernels_scalar;
#if defined(__x86_64__)
extern const struct lm_kernels lm_kernels_avx2;
extern const struct lm_kernels lm_kernels_avxvnni; /* AVX2 and its own VNNI */
extern const struct lm_kernels lm_kernels_avx512vnni;
#endif

/* The kernels of that name, or, for NULL or "", the fastest.  NULL if there are none of that name
 * that this processor runs.  Static storage. */
const struct lm_kernels *lm_kernels_find(const char *name);

#endif
