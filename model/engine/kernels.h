/*
 * kernels.h -- the inner loops, behind one table chosen at run time.
 *
 * kernels_scalar.c is the truth; the others give the same bits.  For that every float sum has one
 * order, no product is fused with a sum, and sums over lanes are taken as
 *
 *     s[j] = sum of the values at i with i % 16 == j, i ascending       (16 lanes)
 *     s[j] += s[j + 8], then + 4, + 2, + 1                              (a tree)
 *
 * What is float is written once for all widths of vectors (kernels_vector.h); a file per
 * instruction set has what is integer.  Panels are 64-byte aligned.  Nothing here fails, allocates
 * or keeps a pointer.  All functions may run on any number of threads at once.
 */
#ifndef MW_LM_KERNELS_H
#define MW_LM_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LM_LANES 16u /* rows of a panel, positions of a key tile, lanes of a sum */
#define LM_BLOCK 32u /* values that share a scale */

/* A matrix as the kernels read it: panels of 16 rows, whose blocks stand left to right. */
struct lm_panels {
	uint8_t *q;      /* [panel][cols / 4][16 rows][4 columns], int8 xor weight_flip */
	uint16_t *scale; /* [panel][cols / 32][16 rows], half precision */
};

#define LM_BLOCK_BYTES (LM_BLOCK * LM_LANES) /* of a panel's block in q */

/* The panels from number `panel` on. */
static inline struct lm_panels lm_panels_from(struct lm_panels panels, size_t panel,
					      size_t n_blocks)
{
	return (struct lm_panels){panels.q + panel * n_blocks * LM_BLOCK_BYTES,
				  panels.scale + panel * n_blocks * LM_LANES};
}

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
	void (*gemm)(struct lm_panels panels, size_t n_panels, size_t n_blocks,
		     const struct lm_q8 *x, size_t n, float *y, size_t stride);

	/* Quantises n_blocks * 32 values. */
	void (*quantize)(const float *x, size_t n_blocks, int8_t *q, float *scale, int32_t *bias);

	/* Sum over lanes of a[i] * b[i]; any n. */
	float (*dot)(const float *a, const float *b, size_t n);

	/* y[i] = x[i] / rms(x) * weight[i].  y may be x. */
	void (*rms_norm)(const float *x, const float *weight, size_t n, float eps, float *y);

	/* RoPE: x[i] and x[i + half] turn by the angle of cosines[i], sines[i]. */
	void (*turn)(float *x, const float *cosines, const float *sines, size_t half);

	/* Scores of n_q queries over n_tiles * 16 keys: ret_scores[k * stride + key] is the sum
	 * over d, ascending, of q[k * head_size + d] * tiles[tile][d][key % 16]. */
	void (*scores)(const float *q, size_t n_q, const float *tiles, size_t n_tiles,
		       size_t head_size, float *ret_scores, size_t stride);

	/* Replaces n > 0 scores by their softmax after multiplying with scale. */
	void (*softmax)(float *x, size_t n, float scale);

	/* y[k * head_size + d] += sum over n values, ascending, of
	 * p[k * stride + i] * values[i * head_size + d], for n_q queries k. */
	void (*mix)(const float *p, size_t stride, size_t n_q, const float *values, size_t n,
		    size_t head_size, float *y);

	/* gate[i] = gate[i] / (1 + exp(-gate[i])) * up[i] */
	void (*silu_mul)(float *gate, const float *up, size_t n);

	/* x[i] += y[i] */
	void (*add)(float *x, const float *y, size_t n);

	/* To half precision, half to even; from it; and both, in place. */
	void (*narrow)(const float *x, size_t n, uint16_t *y);
	void (*widen)(const uint16_t *x, size_t n, float *y);
	void (*round)(float *x, size_t n);

	/* Sum over lanes of a[i] * b[i]; any n. */
	float (*dot_half)(const uint16_t *a, const float *b, size_t n);

	/* y[i] = q[i] * scales[i % 16], for n groups of 16: int8 key tiles. */
	void (*widen_keys)(const int8_t *q, const float *scales, size_t n, float *y);

	/* y[i] = q[i] * scale */
	void (*widen_value)(const int8_t *q, float scale, size_t n, float *y);

	/* x[i] += scale * q[i] of a row of a panel, n_blocks * 32 values. */
	void (*add_row)(struct lm_panels panel, size_t row, size_t n_blocks, float *x);
};

extern const struct lm_kernels lm_kernels_scalar;
#if defined(__x86_64__)
extern const struct lm_kernels lm_kernels_avx2;
extern const struct lm_kernels lm_kernels_avxvnni; /* AVX2 and its own VNNI */
extern const struct lm_kernels lm_kernels_avx512vnni;
#elif defined(__aarch64__)
extern const struct lm_kernels lm_kernels_neon;
extern const struct lm_kernels lm_kernels_neondot; /* with the dot products of ARMv8.2 */
#endif

/* The kernels of that name, or, for NULL or "", the fastest.  NULL if there are none of that name
 * that this processor runs.  Static storage. */
const struct lm_kernels *lm_kernels_find(const char *name);

#endif
