/*
 * session.h -- what a session holds, and the forward pass over positions.
 *
 * A session's positions are numbered in the order of reading: rows first, then the tail. What a
 * position sees is at most two spans of them, the last of which ends with itself.  A fork's first
 * `base` positions stand in the caches of the sessions it came from, the others in its own.
 */
#ifndef MW_LM_SESSION_H
#define MW_LM_SESSION_H

#include <stdatomic.h>

#include "model/engine/model.h"

struct lm_span {
	uint32_t first, n; /* positions */
};

struct lm_position {
	struct mw_lm_session *session; /* whose cache */
	const uint16_t *codes;         /* [slots], or NULL: token */
	uint32_t token;
	uint32_t index;        /* number of the position */
	uint32_t rope;         /* how far RoPE turns */
	struct lm_span see[2]; /* n = 0: none */
	float *ret_patch;      /* the patch logit goes here, or NULL */
	bool channel;          /* by the channel head, else by the asset head */
	bool keep;             /* the normed state becomes the session's hidden */
};

/* Keys and values of a layer: float, half precision or int8.  In int8 a key and a value of a head
 * have a scale each. */
struct lm_cache {
	void *keys;          /* [n_kv][n_tiles][head_size][16]: 16 positions side by side */
	void *values;        /* [n_kv][capacity][head_size] */
	float *key_scales;   /* [n_kv][n_tiles][16], or NULL */
	float *value_scales; /* [n_kv][capacity], or NULL */
};

#define LM_WIDE 64u /* positions whose keys or values are made float at once */

/* How far RoPE turns at the positions from `first` on; made as far as positions have come. */
struct lm_turns {
	double *steps;          /* [rope_dims / 2]: angle from position to position */
	float *cosines, *sines; /* [positions][rope_dims / 2] */
	uint32_t first, end;    /* of the positions made */
};

/* What a worker needs for the attention of some queries at once. */
struct lm_attention {
	float *queries; /* [queries][head_size] */
	float *raw;     /* [queries][stride]: scores of a span, in whole tiles */
	float *scores;  /* [queries][stride] */
	float *mixed;   /* [queries][head_size] */
	float *wide;    /* [LM_WIDE][head_size]: keys or values that are not float in the cache */
};

/* Buffers of a pass; P = positions of a pass. */
struct lm_scratch {
	uint32_t pass;                 /* P */
	struct lm_position *positions; /* [P] */
	float *x;                      /* [P][n_embd]: the residual stream */
	float *h;                      /* [P][widest input or output of a matrix but those of y] */
	float *y;                      /* [P][widest of qkv, gate_up] */
	size_t y_size;                 /* floats of y */
	struct lm_q8 q8[2]; /* [P][widest input]: of the residual stream, of what stands in
					  between */
	struct lm_attention *attention; /* [threads] */
	size_t stride;                  /* of scores: positions in whole tiles + 1 tile */
	float *logits;                  /* [n_vocab in whole panels] */
	uint8_t *mark;                  /* [n_vocab] */
	uint8_t *panel_done;            /* [panels of the vocabulary] */
};

struct mw_lm_session {
	const struct mw_lm *model;
	struct lm_arena arena;
	enum mw_lm_cache cache; /* never MW_LM_CACHE_DEFAULT */
	uint32_t max_rows, max_tail;
	uint32_t capacity;        /* positions of its own caches */
	uint32_t n_tiles;         /* of 16 positions */
	uint32_t n_rows;          /* read */
	uint32_t n_tail;          /* read */
	bool was_cut;             /* nothing was read since the tail was cut */
	bool mark;                /* seen in this batch */
	struct lm_cache *caches;  /* [n_layers] */
	struct lm_turns turns[2]; /* short, long; the long ones only if they may be needed */
	bool is_long;             /* what was read is longer than the short factors go */
	uint32_t *tokens;         /* [at most rope_short]: the tail, to be read anew with the long
				     ones; NULL where there are none */
	float *hidden;            /* [n_embd]; true when n_tail > 0 and not cut */
	struct lm_scratch scratch;
	struct mw_lm_session *parent; /* NULL: no fork */
	uint32_t base;                /* positions in the caches of the parents */
	uint32_t fork_tail;           /* of the parent's tail when it was forked */
	bool fork_long;
	atomic_uint users; /* the owner and the forks: the last one frees */
};

/* Reads n <= P positions, in order, in that scratch.  Never fails: the codes were checked. */
void lm_forward(struct lm_scratch *scratch, const struct mw_lm *model, size_t n);

/* session.c: makes the turns of the positions up to `at`. */
void lm_turns_reach(const struct mw_lm *model, struct lm_turns *turns, uint32_t at);

/* RoPE's position of the first tail position: rows end there. */
static inline uint32_t lm_tail_rope(const struct mw_lm *model)
{
	return model->info.row_length * (model->info.asset_prefix ? 2 : 1);
}

/* A pass: what its workers share. */
struct lm_pass {
	struct lm_scratch *scratch;
	const struct mw_lm *model;
	size_t n; /* positions */
};

/* attention.c: the worker's part of a layer, in two steps that all workers end before the next one:
 * keys and values go from y to the caches; what the queries in y find goes to h. */
void lm_remember(const struct lm_pass *pass, const struct lm_worker *worker, uint32_t layer);
void lm_attend(const struct lm_pass *pass, const struct lm_worker *worker, uint32_t layer);

/* cache.c: makes the caches.  Errors: MEMORY. */
mw_lm_err lm_caches_init(struct mw_lm_session *session);

/* Keeps key and value [head_size] of a position of the session's own. */
void lm_cache_put(const struct mw_lm_session *session, uint32_t layer, uint32_t head,
		  uint32_t index, const float *key, const float *value);

/* Positions that stand side by side in one session's caches. */
struct lm_held {
	const struct mw_lm_session *owner;
	uint32_t first, n; /* of its own positions */
};

/* The most of n > 0 positions, from the first on, that one session holds. */
struct lm_held lm_cache_held(const struct mw_lm_session *session, uint32_t first, uint32_t n);

/* The key tiles of such positions, the first one with its first position, and its values: in the cache, or
 * made float in wide [LM_WIDE][head_size]. */
const float *lm_cache_keys(const struct lm_held *held, uint32_t layer, uint32_t head, float *wide);
const float *lm_cache_values(const struct lm_held *held, uint32_t layer, uint32_t head,
			     float *wide);

/* Queries that are attended to at once in a layer. */
uint32_t lm_attention_queries(const struct lm_layer *layer);

/* Makes scratch->logits of the tokens [first, first + n) true, in whole panels.  Panels that
 * scratch->panel_done marks are skipped and marked. */
void lm_logits_panels(struct mw_lm_session *session, uint32_t first, uint32_t n);

/* Forgets the panels done, and takes the hidden state for the next logits. */
void lm_logits_begin(struct mw_lm_session *session);

#endif
