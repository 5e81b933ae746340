#include "model/engine/session.h"

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

	lm_turns_reach(feed->model, &session->turns[session->is_long], position->rope);
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
	    .rope = lm_tail_rope(feed->model) + session->n_tail,
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
	session->base = 0;
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
	       !session->parent && window->n_rows > 0 && window->n_rows <= session->max_rows &&
	       (!window->question || session->max_tail > 0) &&
	       codes_fit(model, window->codes, window->n_rows * model->info.row_length * slots) &&
	       (!window->question || codes_fit(model, window->question, slots));
}

/* Whether forks look at what the session holds. */
static bool is_shared(struct mw_lm_session *session)
{
	return atomic_load(&session->users) > 1;
}

/* Marks a session as part of the batch; false if it already is. */
static bool join(struct mw_lm_session *session)
{
	bool first = !session->mark;

	session->mark = true;
	return first;
}

static mw_lm_err windows_check(const struct mw_lm_window *windows, size_t n)
{
	mw_lm_err err = MW_LM_E_OK;

	for (size_t i = 0; i < n && !err; i++) {
		if (!window_fits(&windows[i], windows[0].session->model) ||
		    !join(windows[i].session))
			err = MW_LM_E_ARGUMENT;
		else if (is_shared(windows[i].session))
			err = MW_LM_E_STATE;
	}
	for (size_t i = 0; i < n; i++)
		windows[i].session->mark = false;
	return err;
}

/* The scratch with the longer rows of scores: it does for the positions of either session. */
static struct lm_scratch *roomier(struct lm_scratch *a, struct mw_lm_session *b)
{
	return b->scratch.stride > a->stride ? &b->scratch : a;
}

mw_lm_err mw_lm_read_batch(const struct mw_lm_window *windows, size_t n)
{
	mw_lm_err err = windows_check(windows, n);
	struct feed feed;

	if (err || n == 0)
		return err;
	feed = (struct feed){&windows[0].session->scratch, windows[0].session->model, 0};
	for (size_t i = 1; i < n; i++)
		feed.scratch = roomier(feed.scratch, windows[i].session);
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
	if (is_shared(session))
		return MW_LM_E_STATE;
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
		else if (is_shared(sessions[i]))
			err = MW_LM_E_STATE;
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
	for (size_t i = 1; i < n; i++)
		feed.scratch = roomier(feed.scratch, sessions[i]);
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
