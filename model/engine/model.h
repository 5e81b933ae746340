/*
 * model.h -- a model in memory: what its architecture is, and its weights with their shapes.
 *
 * An architecture is a description (struct lm_arch) over the one forward pass of forward.c.
 */
#ifndef MW_LM_MODEL_H
#define MW_LM_MODEL_H

#include "model/engine/arena.h"
#include "model/engine/file.h"
#include "model/engine/gguf.h"
#include "model/engine/kernels.h"
#include "model/engine/pool.h"

#define LM_MAX_LAYERS    512u
#define LM_MAX_WIDTH     65536u /* of any vector: embedding, heads, feed-forward */
#define LM_MAX_VOCAB     1048576u
#define LM_MAX_CONTEXT   1048576u
#define LM_MAX_HEAD_SIZE 1024u
#define LM_MAX_SLOTS     64u
#define LM_MAX_ROW       256u

/* What RoPE turns together.  In memory it is always halves: rows are reordered as they are read. */
enum lm_rope {
	LM_ROPE_HALVES, /* d with d + size / 2 ("NEOX") */
	LM_ROPE_PAIRS   /* d with d + 1 */
};

struct lm_arch {
	const char *name; /* general.architecture and the prefix of its keys */
	enum lm_rope rope;
	bool head_norm;        /* queries and keys are normed, head by head, before RoPE */
	bool long_rope;        /* RoPE may have factors, by the length of what was read */
	uint32_t window_at_4k; /* sliding window of old files of context 4096 that state none */
	bool half_scales;      /* activations are blocks of Q8_0 as well: their scales are halves */
	bool scaled_queries;   /* queries are scaled, not the products with keys */
	bool windows;          /* positions are sums of codes, in rows; heads on the patches */
	const char *qkv[4];    /* tensors of blk.N stacked into one matrix; NULL ends */
	const char *gate_up[3]; /* the same */
};

/* rows x cols; in int8 as panels of 16 rows (the last one filled up with zeros), else by value. */
struct lm_matrix {
	uint32_t rows, cols;
	struct lm_panels panels; /* or NULLs */
	float *floats;           /* [rows][cols], or NULL */
	uint16_t *halves;        /* [rows][cols], or NULL */
};

struct lm_layer {
	uint32_t n_head, n_kv, n_ff;
	float *attn_norm;         /* [n_embd] */
	struct lm_matrix qkv;     /* [(n_head + 2 n_kv) head_size, n_embd] */
	float *q_norm, *k_norm;   /* [head_size]; NULL without head_norm */
	struct lm_matrix out;     /* [n_embd, n_head head_size] */
	float *ffn_norm;          /* [n_embd] */
	struct lm_matrix gate_up; /* [2 n_ff, n_embd] */
	struct lm_matrix down;    /* [n_embd, n_ff] */
};

struct lm_entry {
	const char *key;
	const char *text; /* NULL for an array */
};

struct mw_lm {
	struct mw_lm_info info;
	enum mw_lm_precision precision;
	const struct lm_arch *arch;
	const struct lm_kernels *ops;
	struct lm_pool *pool;  /* NULL: one thread */
	struct lm_arena arena; /* everything below */
	float eps;
	double rope_base;
	uint32_t rope_dims;      /* of a head, the first ones turn */
	float rope_gain;         /* of what was turned */
	float *rope_factors[2];  /* short, long: [rope_dims / 2], divide the angles; NULL: none */
	uint32_t rope_short;     /* longest text that is read with the short factors */
	uint32_t sliding_window; /* last positions that a position sees, itself too; 0: all */
	struct lm_layer *layers;
	struct lm_matrix embd;   /* [n_vocab, n_embd] */
	struct lm_matrix output; /* the same memory as embd when tied */
	float *output_norm;      /* [n_embd] */
	float *head_weight[2];   /* asset, channel: [n_embd]; NULL without windows */
	float head_bias[2];
	char *vocab_text;               /* every token's text, NUL-terminated */
	uint64_t *vocab_at;             /* [n_vocab] into vocab_text; NULL without tokens */
	struct lm_tokenizer *tokenizer; /* NULL: the file has none that is known */
	const char *no_tokenizer;       /* why; NULL if there is one */
	struct lm_entry *entries;
	size_t n_entries;
	struct mw_lm_tensor *tensors; /* [n_tensors] */
	size_t n_tensors;
};

/* A file being read into a model. */
struct lm_load {
	const struct gguf *gguf;
	struct mw_lm *model;
	const struct lm_why *why;
	const struct lm_file *file; /* that the tensors are mapped from; NULL: from memory */
	struct lm_pool *pool;       /* that packs the weights; NULL: the caller alone */
};

/* arch.c: reads the hyper-parameters and makes the layers (without weights). */
mw_lm_err lm_arch_read(const struct lm_load *load);

/* weights.c: reads every tensor that the architecture asks for. */
mw_lm_err lm_weights_read(const struct lm_load *load);

/* vocab.c: copies tokens and metadata. */
mw_lm_err lm_vocab_read(const struct lm_load *load);

/* Row r of a matrix by value times x [cols]. */
static inline float lm_row_dot(const struct lm_kernels *ops, const struct lm_matrix *matrix,
			       size_t r, const float *x)
{
	return matrix->halves ? ops->dot_half(matrix->halves + r * matrix->cols, x, matrix->cols)
			      : ops->dot(matrix->floats + r * matrix->cols, x, matrix->cols);
}

/* Makes n blocks of activations what the products of the model take: in int8 block number `first`
 * of q8 on, in half precision x itself. */
static inline void lm_take(const struct mw_lm *model, float *x, size_t n, const struct lm_q8 *q8,
			   size_t first)
{
	if (model->precision == MW_LM_F16)
		model->ops->round(x, n * LM_BLOCK);
	if (model->precision != MW_LM_INT8)
		return;
	model->ops->quantize(x, n, q8->q + first * LM_BLOCK, q8->scale + first, q8->bias + first);
	if (model->arch->half_scales)
		model->ops->round(q8->scale + first, n);
}

static inline uint32_t lm_pad(uint32_t n)
{
	return (n + LM_LANES - 1) / LM_LANES * LM_LANES;
}

#endif
