#include "model/engine/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PASS 64u
#define MAX_PASS     4096u

struct widths {
	uint32_t input;   /* widest input of a matrix */
	uint32_t stream;  /* widest of what stands in h */
	uint32_t stack;   /* widest of what stands in y, in whole panels */
	uint32_t queries; /* most that are attended to at once */
};

static uint32_t most(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

static struct widths find_widths(const struct mw_lm *model)
{
	uint32_t n_embd = model->info.n_embd;
	struct widths widths = {n_embd, n_embd, n_embd, 1};

	for (uint32_t i = 0; i < model->info.n_layers; i++) {
		const struct lm_layer *layer = &model->layers[i];

		widths.input = most(widths.input, most(layer->out.cols, layer->n_ff));
		widths.stream = most(widths.stream, layer->out.cols);
		widths.stack = most(widths.stack, lm_pad(layer->qkv.rows));
		widths.stack = most(widths.stack, layer->gate_up.rows);
		widths.queries = most(widths.queries, lm_attention_queries(layer));
	}
	return widths;
}

static uint32_t n_threads(const struct mw_lm *model)
{
	return model->pool ? lm_pool_size(model->pool) : 1;
}

static bool q8_init(struct lm_arena *arena, uint64_t n, struct lm_q8 *q8)
{
	q8->q = lm_arena_take(arena, n, 1);
	q8->scale = lm_arena_take(arena, n / LM_BLOCK, sizeof(float));
	q8->bias = lm_arena_take(arena, n / LM_BLOCK, sizeof(int32_t));
	return q8->q && q8->scale && q8->bias;
}

/* That the session may come to see. */
static uint32_t positions(const struct mw_lm_session *session)
{
	return most(session->max_rows, session->n_rows) * session->model->info.row_length +
	       session->max_tail;
}

static bool attention_init(struct mw_lm_session *session, uint64_t queries)
{
	struct lm_scratch *scratch = &session->scratch;
	struct lm_arena *arena = &session->arena;
	uint32_t n = n_threads(session->model);
	uint64_t size = queries * session->model->info.head_size;
	bool done;

	scratch->stride = (size_t)lm_pad(positions(session)) + LM_LANES;
	scratch->attention = lm_arena_take(arena, n, sizeof(*scratch->attention));
	done = scratch->attention != NULL;
	for (uint32_t i = 0; i < n && done; i++) {
		struct lm_attention *buffers = &scratch->attention[i];

		buffers->queries = lm_arena_take(arena, size, sizeof(float));
		buffers->mixed = lm_arena_take(arena, size, sizeof(float));
		buffers->wide = lm_arena_take(
		    arena, (uint64_t)LM_WIDE * session->model->info.head_size, sizeof(float));
		buffers->raw = lm_arena_take(arena, queries * scratch->stride, sizeof(float));
		buffers->scores = lm_arena_take(arena, queries * scratch->stride, sizeof(float));
		done = buffers->queries && buffers->mixed && buffers->wide && buffers->raw &&
		       buffers->scores;
	}
	return done;
}

static mw_lm_err scratch_init(struct mw_lm_session *session, uint32_t pass)
{
	const struct mw_lm *model = session->model;
	struct lm_scratch *scratch = &session->scratch;
	struct lm_arena *arena = &session->arena;
	struct widths widths = find_widths(model);
	uint64_t n_input = (uint64_t)pass * widths.input;
	/* a panel of logits for every position and worker has room in y */
	uint64_t n_y = (uint64_t)pass * most(widths.stack, LM_LANES * n_threads(model));
	uint32_t n_vocab = lm_pad(model->info.n_vocab);

	scratch->pass = pass;
	scratch->y_size = n_y;
	scratch->positions = lm_arena_take(arena, pass, sizeof(*scratch->positions));
	scratch->x = lm_arena_take(arena, (uint64_t)pass * model->info.n_embd, sizeof(float));
	scratch->h = lm_arena_take(arena, (uint64_t)pass * widths.stream, sizeof(float));
	scratch->y = lm_arena_take(arena, n_y, sizeof(float));
	scratch->logits = lm_arena_take(arena, n_vocab, sizeof(float));
	scratch->mark = lm_arena_take(arena, n_vocab, 1);
	scratch->panel_done = lm_arena_take(arena, n_vocab / LM_LANES, 1);
	return scratch->positions && scratch->x && scratch->h && scratch->y && scratch->logits &&
		       scratch->mark && scratch->panel_done &&
		       q8_init(arena, n_input, &scratch->q8[0]) &&
		       q8_init(arena, n_input, &scratch->q8[1]) &&
		       attention_init(session, widths.queries)
		   ? MW_LM_E_OK
		   : MW_LM_E_MEMORY;
}

/* Whether the session may become longer than the short factors go. */
static bool may_be_long(const struct mw_lm_session *session)
{
	return session->model->rope_factors[1] && session->max_tail > session->model->rope_short;
}

/* Angles in double: position * base^(-2 i / dims) / factor[i], from a position of the tail on. */
static mw_lm_err turns_init(struct mw_lm_session *session, bool is_long, uint32_t first)
{
	const struct mw_lm *model = session->model;
	const float *factors = model->rope_factors[is_long];
	struct lm_turns *turns = &session->turns[is_long];
	uint32_t half = model->rope_dims / 2, end = lm_tail_rope(model) + session->max_tail;
	uint64_t n = (uint64_t)(end - first) * half;

	turns->first = turns->end = first;
	turns->steps = lm_arena_take(&session->arena, half, sizeof(*turns->steps));
	turns->cosines = lm_arena_take(&session->arena, n, sizeof(float));
	turns->sines = lm_arena_take(&session->arena, n, sizeof(float));
	if (!turns->steps || !turns->cosines || !turns->sines)
		return MW_LM_E_MEMORY;
	for (uint32_t i = 0; i < half; i++)
		turns->steps[i] = pow(model->rope_base, -2.0 * i / model->rope_dims) /
				  (factors ? (double)factors[i] : 1);
	return MW_LM_E_OK;
}

void lm_turns_reach(const struct mw_lm *model, struct lm_turns *turns, uint32_t at)
{
	uint32_t half = model->rope_dims / 2;
	double gain = (double)model->rope_gain;

	for (; turns->end <= at; turns->end++) {
		float *cosines = turns->cosines + (size_t)(turns->end - turns->first) * half;
		float *sines = turns->sines + (size_t)(turns->end - turns->first) * half;

		for (uint32_t i = 0; i < half; i++) {
			cosines[i] = (float)(cos(turns->end * turns->steps[i]) * gain);
			sines[i] = (float)(sin(turns->end * turns->steps[i]) * gain);
		}
	}
}

static mw_lm_err rope_init(struct mw_lm_session *session)
{
	const struct mw_lm *model = session->model;
	uint32_t n_kept =
	    session->max_tail < model->rope_short ? session->max_tail : model->rope_short;
	uint32_t first = session->parent ? lm_tail_rope(model) + session->fork_tail : 0;
	mw_lm_err err = turns_init(session, false, first);

	session->hidden = lm_arena_take(&session->arena, model->info.n_embd, sizeof(float));
	if (!session->hidden)
		return MW_LM_E_MEMORY;
	if (err || !model->rope_factors[1])
		return err;
	session->tokens = lm_arena_take(&session->arena, n_kept, sizeof(*session->tokens));
	if (!session->tokens)
		return MW_LM_E_MEMORY;
	return may_be_long(session) ? turns_init(session, true, session->fork_long ? first : 0)
				    : MW_LM_E_OK;
}

static bool options_fit(const struct mw_lm *model, const struct mw_lm_session_options *options)
{
	uint32_t longest = model->arch->windows ? LM_MAX_CONTEXT : model->info.n_context;

	return options->max_rows <= model->info.max_rows && options->max_tail <= longest &&
	       options->pass <= MAX_PASS && options->max_rows + options->max_tail > 0 &&
	       options->cache <= MW_LM_CACHE_INT8;
}

/* Published models were made for halves; ours, and what others are compared with, keep floats. */
static enum mw_lm_cache cache_kind(const struct mw_lm *model, enum mw_lm_cache wanted)
{
	bool exact = model->arch->windows || model->precision == MW_LM_F32;

	if (wanted != MW_LM_CACHE_DEFAULT)
		return wanted;
	return exact ? MW_LM_CACHE_F32 : MW_LM_CACHE_F16;
}

/* All that the session, which knows its sizes, will need. */
static mw_lm_err session_fill(struct mw_lm_session *session,
			      const struct mw_lm_session_options *options)
{
	mw_lm_err err;

	session->cache = cache_kind(session->model, options->cache);
	session->arena.limit = options->memory_limit;
	session->arena.used = sizeof(*session);
	session->n_tiles = lm_pad(session->capacity) / LM_LANES;
	if (session->arena.limit && session->arena.used > session->arena.limit)
		return MW_LM_E_MEMORY;
	err = lm_caches_init(session);
	if (!err)
		err = rope_init(session);
	return err ? err : scratch_init(session, options->pass ? options->pass : DEFAULT_PASS);
}

mw_lm_err mw_lm_session_new(const struct mw_lm *model, const struct mw_lm_session_options *options,
			    struct mw_lm_session **ret_session)
{
	struct mw_lm_session *session;
	mw_lm_err err;

	if (!options_fit(model, options))
		return MW_LM_E_ARGUMENT;
	session = calloc(1, sizeof(*session));
	if (!session)
		return MW_LM_E_MEMORY;
	session->model = model;
	session->max_rows = options->max_rows;
	session->max_tail = options->max_tail;
	session->capacity = options->max_rows * model->info.row_length + options->max_tail;
	atomic_init(&session->users, 1);
	err = session_fill(session, options);
	if (err) {
		mw_lm_session_free(session);
		return err;
	}
	*ret_session = session;
	return MW_LM_E_OK;
}

/* --- forks ------------------------------------------------------------------------------------ */

/* What the parent has read and the fork shares. */
static void fork_share(struct mw_lm_session *session, struct mw_lm_session *parent, uint32_t n_more)
{
	session->model = parent->model;
	session->parent = parent;
	session->n_rows = parent->n_rows;
	session->fork_tail = parent->n_tail;
	session->fork_long = parent->is_long;
	session->base = parent->n_rows * parent->model->info.row_length + parent->n_tail;
	session->max_tail = parent->n_tail + n_more;
	session->capacity = n_more;
	/* with other factors all of it will be read anew, by itself */
	if (may_be_long(session) && !session->fork_long)
		session->capacity += session->base;
}

mw_lm_err mw_lm_session_fork(struct mw_lm_session *parent,
			     const struct mw_lm_session_options *options,
			     struct mw_lm_session **ret_session)
{
	struct mw_lm_session_options whole = *options;
	struct mw_lm_session *session;
	mw_lm_err err;

	if (whole.cache == MW_LM_CACHE_DEFAULT)
		whole.cache = parent->cache;
	if (options->max_tail == 0 || options->max_tail > LM_MAX_CONTEXT || options->max_rows)
		return MW_LM_E_ARGUMENT;
	whole.max_tail += parent->n_tail;
	if (!options_fit(parent->model, &whole))
		return MW_LM_E_ARGUMENT;
	if (parent->n_tail == 0 || parent->was_cut)
		return MW_LM_E_STATE;
	session = calloc(1, sizeof(*session));
	if (!session)
		return MW_LM_E_MEMORY;
	fork_share(session, parent, options->max_tail);
	(void)atomic_fetch_add(&parent->users, 1);
	atomic_init(&session->users, 1);
	err = session_fill(session, &whole);
	if (err) {
		mw_lm_session_free(session);
		return err;
	}
	if (session->tokens)
		memcpy(session->tokens, parent->tokens,
		       (parent->n_tail < parent->model->rope_short ? parent->n_tail
								   : parent->model->rope_short) *
			   sizeof(*session->tokens));
	mw_lm_session_reset(session);
	*ret_session = session;
	return MW_LM_E_OK;
}

void mw_lm_session_free(struct mw_lm_session *session)
{
	while (session && atomic_fetch_sub(&session->users, 1) == 1) {
		struct mw_lm_session *parent = session->parent;

		lm_arena_done(&session->arena);
		free(session);
		session = parent;
	}
}

size_t mw_lm_session_memory(const struct mw_lm_session *session)
{
	return session->arena.used;
}

void mw_lm_session_reset(struct mw_lm_session *session)
{
	const struct mw_lm_session *parent = session->parent;

	session->n_tail = session->fork_tail;
	session->was_cut = false;
	session->is_long = session->fork_long;
	session->n_rows = parent ? session->n_rows : 0;
	if (!parent)
		return;
	session->base = session->n_rows * session->model->info.row_length + session->fork_tail;
	memcpy(session->hidden, parent->hidden,
	       session->model->info.n_embd * sizeof(*session->hidden));
}

mw_lm_err mw_lm_cut_tail(struct mw_lm_session *session, uint32_t n)
{
	if (n > session->n_tail || n < session->fork_tail || session->is_long)
		return MW_LM_E_ARGUMENT;
	session->was_cut |= n < session->n_tail;
	session->n_tail = n;
	return MW_LM_E_OK;
}

const float *mw_lm_hidden(const struct mw_lm_session *session)
{
	return session->n_tail > 0 && !session->was_cut ? session->hidden : NULL;
}

uint32_t mw_lm_tail_length(const struct mw_lm_session *session)
{
	return session->n_tail;
}
