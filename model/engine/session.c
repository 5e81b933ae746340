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

static bool attention_init(struct mw_lm_session *session, uint64_t queries)
{
	struct lm_scratch *scratch = &session->scratch;
	struct lm_arena *arena = &session->arena;
	uint32_t n = n_threads(session->model);
	uint64_t size = queries * session->model->info.head_size;
	bool done;

	scratch->stride = (session->n_tiles + (size_t)1) * LM_LANES;
	scratch->attention = lm_arena_take(arena, n, sizeof(*scratch->attention));
	done = scratch->attention != NULL;
	for (uint32_t i = 0; i < n && done; i++) {
		struct lm_attention *buffers = &scratch->attention[i];

		buffers->queries = lm_arena_take(arena, size, sizeof(float));
		buffers->mixed = lm_arena_take(arena, size, sizeof(float));
		buffers->raw = lm_arena_take(arena, queries * scratch->stride, sizeof(float));
		buffers->scores = lm_arena_take(arena, queries * scratch->stride, sizeof(float));
		done = buffers->queries && buffers->mixed && buffers->raw && buffers->scores;
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

static mw_lm_err caches_init(struct mw_lm_session *session)
{
	const struct mw_lm *model = session->model;
	uint64_t size = model->info.head_size;

	session->caches =
	    lm_arena_take(&session->arena, model->info.n_layers, sizeof(*session->caches));
	if (!session->caches)
		return MW_LM_E_MEMORY;
	for (uint32_t i = 0; i < model->info.n_layers; i++) {
		uint64_t width = model->layers[i].n_kv * size;

		session->caches[i].keys = lm_arena_take(
		    &session->arena, width * session->n_tiles * LM_LANES, sizeof(float));
		session->caches[i].values =
		    lm_arena_take(&session->arena, width * session->capacity, sizeof(float));
		if (!session->caches[i].keys || !session->caches[i].values)
			return MW_LM_E_MEMORY;
	}
	return MW_LM_E_OK;
}

/* Rope position of the first tail position: rows end there. */
static uint32_t tail_rope(const struct mw_lm *model)
{
	return model->info.row_length * (model->info.asset_prefix ? 2 : 1);
}

/* Whether the session may become longer than the short factors go. */
static bool may_be_long(const struct mw_lm_session *session)
{
	return session->model->rope_factors[1] && session->max_tail > session->model->rope_short;
}

/* Angles in double: position * base^(-2 i / dims) / factor[i]. */
static mw_lm_err turns_init(struct mw_lm_session *session, const float *factors,
			    struct lm_turns *turns)
{
	const struct mw_lm *model = session->model;
	uint32_t half = model->rope_dims / 2;
	uint64_t n = (uint64_t)(tail_rope(model) + session->max_tail) * half;

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

/* Makes the turns of the positions up to `at`. */
static void turns_reach(const struct mw_lm *model, struct lm_turns *turns, uint32_t at)
{
	uint32_t half = model->rope_dims / 2;
	double gain = (double)model->rope_gain;

	for (; turns->n <= at; turns->n++) {
		float *cosines = turns->cosines + (size_t)turns->n * half;
		float *sines = turns->sines + (size_t)turns->n * half;

		for (uint32_t i = 0; i < half; i++) {
			cosines[i] = (float)(cos(turns->n * turns->steps[i]) * gain);
			sines[i] = (float)(sin(turns->n * turns->steps[i]) * gain);
		}
	}
}

static mw_lm_err rope_init(struct mw_lm_session *session)
{
	const struct mw_lm *model = session->model;
	mw_lm_err err = turns_init(session, model->rope_factors[0], &session->turns[0]);

	session->hidden = lm_arena_take(&session->arena, model->info.n_embd, sizeof(float));
	if (!session->hidden)
		return MW_LM_E_MEMORY;
	if (err || !may_be_long(session))
		return err;
	session->tokens =
	    lm_arena_take(&session->arena, model->rope_short, sizeof(*session->tokens));
	if (!session->tokens)
		return MW_LM_E_MEMORY;
	return turns_init(session, model->rope_factors[1], &session->turns[1]);
}

static bool options_fit(const struct mw_lm *model, const struct mw_lm_session_options *options)
{
	uint32_t longest = model->arch->windows ? LM_MAX_CONTEXT : model->info.n_context;

	return options->max_rows <= model->info.max_rows && options->max_tail <= longest &&
	       options->pass <= MAX_PASS && options->max_rows + options->max_tail > 0;
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
	session->arena.limit = options->memory_limit;
	session->max_rows = options->max_rows;
	session->max_tail = options->max_tail;
	session->capacity = options->max_rows * model->info.row_length + options->max_tail;
	session->n_tiles = (session->capacity + LM_LANES - 1) / LM_LANES;
	err = caches_init(session);
	if (!err)
		err = rope_init(session);
	if (!err)
		err = scratch_init(session, options->pass ? options->pass : DEFAULT_PASS);
	if (err) {
		mw_lm_session_free(session);
		return err;
	}
	*ret_session = session;
	return MW_LM_E_OK;
}

void mw_lm_session_free(struct mw_lm_session *session)
{
	if (!session)
		return;
	lm_arena_done(&session->arena);
	free(session);
}

size_t mw_lm_session_memory(const struct mw_lm_session *session)
{
	return session->arena.used + sizeof(*session);
}

void mw_lm_session_reset(struct mw_lm_session *session)
{
	session->n_rows = 0;
	session->n_tail = 0;
	session->was_cut = false;
	session->is_long = false;
}

mw_lm_err mw_lm_cut_tail(struct mw_lm_session *session, uint32_t n)
{
	if (n > session->n_tail || session->is_long)
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

/* Positions on their way into passes over the weights. */
struct feed {
	struct lm_scratch *scratch;
	const struct mw_lm *model;
	size_t n;
};

static void feed_flush(struct feed *feed)
{
	if (feed->n > 0)
		lm_forward(feed->scratch, feed->model, feed->n);
	feed->n = 0;
}

static void feed_position(struct feed *feed, const struct lm_position *position)
{
	struct mw_lm_session *session = position->session;

	turns_reach(feed->model, &session->turns[session->is_long], position->rope);
	feed->scratch->positions[feed->n++] = *position;
	if (feed->n == feed->scratch->pass)
		feed_flush(feed);
}

static void feed_row(struct feed *feed, const struct mw_lm_window *window, uint32_t row)
{
	const struct mw_lm_info *info = &feed->model->info;
	uint32_t length = info->row_length, first = row * length;
	bool prefixed = row > 0 && info->asset_prefix;

	for (uint32_t i = 0; i < length; i++) {
		struct lm_position position = {
		    .session = window->session,
		    .codes = window->codes + (size_t)(first + i) * info->slots,
		    .index = first + i,
		    .rope = prefixed ? length + i : i,
		    .see = {{0, prefixed ? length : 0}, {first, i + 1}},
		    .channel = row > 0,
		};

		if (i >= info->first_patch && window->ret_patch_logits)
			position.ret_patch = window->ret_patch_logits +
					     (size_t)row * info->n_patches + i - info->first_patch;
		feed_position(feed, &position);
	}
}

/* A token, or codes, at the end of the tail. */
static void feed_tail(struct feed *feed, struct mw_lm_session *session, const uint16_t *codes,
		      uint32_t token)
{
	uint32_t index = session->n_rows * feed->model->info.row_length + session->n_tail;
	uint32_t window = feed->model->sliding_window;
	uint32_t first = window && index >= window ? index + 1 - window : 0;
	const struct lm_position position = {
	    .session = session,
	    .codes = codes,
	    .token = token,
	    .index = index,
	    .rope = tail_rope(feed->model) + session->n_tail,
	    .see = {{0, 0}, {first, index + 1 - first}},
	    .keep = true,
	};

	session->n_tail++;
	session->was_cut = false;
	feed_position(feed, &position);
}

/* A text that grows past what the short factors are for is read anew with the long ones: what was
 * read does not depend on the portions in which it came. */
static void feed_lengthen(struct feed *feed, struct mw_lm_session *session, size_t n)
{
	uint32_t n_again = session->n_tail;

	if (!session->tokens || session->is_long || session->n_tail + n <= feed->model->rope_short)
		return;
	session->is_long = true;
	session->n_tail = 0;
	for (uint32_t i = 0; i < n_again; i++)
		feed_tail(feed, session, NULL, session->tokens[i]);
}

static void feed_token(struct feed *feed, struct mw_lm_session *session, uint32_t token)
{
	if (session->tokens && session->n_tail < feed->model->rope_short)
		session->tokens[session->n_tail] = token;
	feed_tail(feed, session, NULL, token);
}

static bool codes_fit(const struct mw_lm *model, const uint16_t *codes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (codes[i] != MW_LM_NO_CODE && codes[i] >= model->info.n_vocab)
			return false;
	return true;
}

static bool window_fits(const struct mw_lm_window *window, const struct mw_lm *model)
{
	const struct mw_lm_session *session = window->session;
	size_t slots = model->info.slots;

	return session->model == model && model->arch->windows && window->codes &&
	       window->n_rows > 0 && window->n_rows <= session->max_rows &&
	       (!window->question || session->max_tail > 0) &&
	       codes_fit(model, window->codes, window->n_rows * model->info.row_length * slots) &&
	       (!window->question || codes_fit(model, window->question, slots));
}

/* Marks a session as part of the batch; false if it already is. */
static bool join(struct mw_lm_session *session)
{
	bool first = !session->mark;

	session->mark = true;
	return first;
}

static bool windows_fit(const struct mw_lm_window *windows, size_t n)
{
	bool fit = true;

	for (size_t i = 0; i < n && fit; i++)
		fit =
		    window_fits(&windows[i], windows[0].session->model) && join(windows[i].session);
	for (size_t i = 0; i < n; i++)
		windows[i].session->mark = false;
	return fit;
}

mw_lm_err mw_lm_read_batch(const struct mw_lm_window *windows, size_t n)
{
	struct feed feed;

	if (n == 0)
		return MW_LM_E_OK;
	if (!windows_fit(windows, n))
		return MW_LM_E_ARGUMENT;
	feed = (struct feed){&windows[0].session->scratch, windows[0].session->model, 0};
	for (size_t i = 0; i < n; i++) {
		mw_lm_session_reset(windows[i].session);
		windows[i].session->n_rows = windows[i].n_rows;
		for (uint32_t row = 0; row < windows[i].n_rows; row++)
			feed_row(&feed, &windows[i], row);
		if (windows[i].question)
			feed_tail(&feed, windows[i].session, windows[i].question, 0);
	}
	feed_flush(&feed);
	return MW_LM_E_OK;
}

mw_lm_err mw_lm_read(const struct mw_lm_window *window)
{
	return mw_lm_read_batch(window, 1);
}

mw_lm_err mw_lm_prefill(struct mw_lm_session *session, const uint32_t *tokens, size_t n)
{
	struct feed feed = {&session->scratch, session->model, 0};

	for (size_t i = 0; i < n; i++)
		if (tokens[i] >= session->model->info.n_vocab)
			return MW_LM_E_ARGUMENT;
	if (n > session->max_tail - session->n_tail)
		return MW_LM_E_FULL;
	feed_lengthen(&feed, session, n);
	for (size_t i = 0; i < n; i++)
		feed_token(&feed, session, tokens[i]);
	feed_flush(&feed);
	return MW_LM_E_OK;
}

static mw_lm_err steps_check(struct mw_lm_session *const *sessions, const uint32_t *tokens,
			     size_t n)
{
	mw_lm_err err = MW_LM_E_OK;

	for (size_t i = 0; i < n && !err; i++) {
		if (sessions[i]->model != sessions[0]->model ||
		    tokens[i] >= sessions[0]->model->info.n_vocab || !join(sessions[i]))
			err = MW_LM_E_ARGUMENT;
		else if (sessions[i]->n_tail == sessions[i]->max_tail)
			err = MW_LM_E_FULL;
	}
	for (size_t i = 0; i < n; i++)
		sessions[i]->mark = false;
	return err;
}

mw_lm_err mw_lm_step_batch(struct mw_lm_session *const *sessions, const uint32_t *tokens, size_t n)
{
	mw_lm_err err = steps_check(sessions, tokens, n);
	struct feed feed;

	if (err || n == 0)
		return err;
	feed = (struct feed){&sessions[0]->scratch, sessions[0]->model, 0};
	for (size_t i = 0; i < n; i++) {
		feed_lengthen(&feed, sessions[i], 1);
		feed_token(&feed, sessions[i], tokens[i]);
	}
	feed_flush(&feed);
	return MW_LM_E_OK;
}

mw_lm_err mw_lm_step(struct mw_lm_session *session, uint32_t token)
{
	return mw_lm_step_batch(&session, &token, 1);
}
