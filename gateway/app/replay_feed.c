/* replay_feed.c -- rows through the fleet, as live samples go, and what comes of the windows. */
#include "gateway/app/replay.h"

#include "gateway/io/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void judge_learnt(struct replay *r)
{
	const struct mw_judge *judge = mw_asset_judge(r->asset);

	for (size_t i = 0; i < r->n_scored; i++) {
		size_t kept = i * judge->n_calibration / r->n_scored; /* every k-th was kept */

		mw_judge_of_learnt(judge, (uint32_t)kept, &r->scored[i].judgement);
	}
}

static void keep_outcome(void *ctx, struct mw_asset *asset, const struct mw_outcome *outcome)
{
	struct replay *r = ctx;
	struct scored *into;

	(void)asset;
	if (r->n_scored == r->capacity) {
		r->capacity = r->capacity ? r->capacity * 2 : 1024;
		into = reallocarray(r->scored, r->capacity, sizeof(*into));
		if (!into)
			abort(); /* an offline tool: nothing to save */
		r->scored = into;
	}
	into = &r->scored[r->n_scored++];
	into->end_ns = outcome->window_end_ns;
	into->learnt = outcome->phase == MW_PHASE_CALIBRATING;
	into->judgement = outcome->judgement;
	into->verdict = outcome->verdict;
	into->fault = r->active_fault;
	into->channel = outcome->channel;
	if (outcome->learnt)
		judge_learnt(r);
}

/* As the daemon asks its store: events of this run, newest first. */
static void find_similar(void *ctx, const struct mw_event *event,
			 const struct mw_embedding *embedding, struct mw_similar_list *ret_similar)
{
	const struct replay *r = ctx;
	size_t n = r->n_raised < MW_SIMILAR_COMPARED ? r->n_raised : MW_SIMILAR_COMPARED;

	(void)event;
	for (size_t i = 1; i <= n; i++) {
		const struct raised *earlier = &r->raised[(r->n_raised - i) % MW_SIMILAR_COMPARED];
		struct mw_similar one = earlier->as;

		one.similarity = mw_embedding_cosine(embedding, &earlier->embedding);
		mw_similar_offer(ret_similar, &one);
	}
}

static void keep_raised(struct replay *r, const struct mw_event *event,
			const struct mw_embedding *embedding)
{
	struct raised *into;

	if (embedding->n == 0)
		return;
	if (!r->raised && !(r->raised = calloc(MW_SIMILAR_COMPARED, sizeof(*r->raised))))
		abort(); /* an offline tool: nothing to save */
	into = &r->raised[r->n_raised++ % MW_SIMILAR_COMPARED];
	memcpy(into->as.id, event->id, sizeof(into->as.id));
	into->as.raised_ns = event->raised_ns;
	into->as.fault = event->fault;
	into->embedding = *embedding;
}

static void keep_event(void *ctx, struct mw_asset *asset, const struct mw_event *event,
		       const struct mw_event_window *window, enum mw_transition transition)
{
	struct replay *r = ctx;
	char *text;

	(void)asset;
	if (transition == MW_TRANSITION_RAISED && window)
		keep_raised(r, event, &window->embedding);
	r->active_fault = transition == MW_TRANSITION_CLEARED ? MW_FAULT_NONE : event->fault;
	r->n_events += transition == MW_TRANSITION_RAISED;
	r->scored[r->n_scored - 1].fault = r->active_fault;
	if (!r->events || (r->with_windows ? mw_json_event(event, window, "replay", &text)
					   : mw_json_alert(event, transition, "replay", &text)))
		return;
	(void)fprintf(r->events, "%s\n", text);
	free(text);
}

/* --- feeding ---------------------------------------------------------------------------------- */

static void feed_row(struct replay *r, const struct mw_csv *csv, size_t row, int64_t time_ns)
{
	for (size_t c = 0; c < csv->n_columns; c++) {
		struct mw_str name = {csv->name[c], strlen(csv->name[c])};
		double value = csv->value[row * csv->n_columns + c];

		if (isfinite(value))
			(void)mw_asset_push(r->asset, name, time_ns, value, 0, time_ns);
	}
	mw_fleet_touch(r->fleet, r->asset);
}

/* Recordings of their own: their rows are put before the file's, without gaps. */
static mw_err feed_learn(struct replay *r)
{
	const int64_t period = r->asset_opts.assembler.period_ns;
	int64_t left = r->learn_from_rows;
	int64_t at = replay_slot(r->main.rows->time_ns[0], period) - left * period + r->shift_ns;
	mw_err err = MW_E_OK;

	for (size_t i = 0; i < r->n_learn_file && left > 0 && !err; i++) {
		const struct mw_csv *csv = r->learn[i].rows;

		for (size_t row = 0; row < csv->n_rows && left > 0 && !err; row++, left--) {
			feed_row(r, csv, row, at);
			at += period;
			if (row % 16 == 15)
				err = mw_fleet_run(r->fleet);
		}
	}
	return err;
}

static void show_progress(const struct replay *r, size_t row)
{
	if (!r->quiet && row % 4096 == 0 && isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r%s: %3zu %%", r->csv_path,
			      row * 100 / r->main.rows->n_rows);
}

/* Is there a moment between the last row and this one? */
static bool moment_before(const struct replay *r, int64_t time_ns)
{
	for (size_t i = 0; i < r->n_moment; i++)
		if (!r->moment[i].taken && r->moment[i].time_ns < time_ns)
			return true;
	return false;
}

static mw_err feed_main(struct replay *r)
{
	const struct mw_csv *csv = r->main.rows;
	mw_err err = MW_E_OK;

	for (size_t row = 0; row < csv->n_rows && !err; row++) {
		if (moment_before(r, csv->time_ns[row])) {
			err = mw_fleet_run(r->fleet);
			replay_take_moments(r, csv->time_ns[row]);
		}
		feed_row(r, csv, row, csv->time_ns[row] + r->shift_ns);
		if (row % 16 == 15 && !err)
			err = mw_fleet_run(r->fleet);
		show_progress(r, row);
	}
	return err;
}

/* --- the fleet of one ------------------------------------------------------------------------- */

static bool is_in(const struct mw_csv *csv, size_t channel, int64_t before_ns)
{
	for (size_t row = 0; row < csv->n_rows && csv->time_ns[row] < before_ns; row++)
		if (isfinite(csv->value[row * csv->n_columns + channel]))
			return true;
	return false;
}

/* The columns of a table are the machine's channels.  Of events, a channel that comes up after
 * learning is as unknown as it is live: it ranks causes, it is no evidence. */
static bool is_learnt(const struct replay *r, size_t channel)
{
	bool found = !r->set || is_in(r->main.rows, channel, r->learn_to_ns);

	for (size_t i = 0; i < r->n_learn_file && !found; i++)
		found = is_in(r->learn[i].rows, channel, INT64_MAX);
	return found;
}

static mw_err add_channels(struct replay *r)
{
	for (size_t c = 0; c < r->n_channels; c++) {
		const struct mw_profile_channel *known = mw_profile_find(r->profile, r->channel[c]);

		if (!is_learnt(r, c))
			continue;
		if (mw_asset_channel(r->asset, r->channel[c], known ? known->unit : "",
				     known ? known->role : MW_ROLE_OTHER) < 0)
			return MW_E_FULL;
	}
	return MW_E_OK;
}

static mw_err make_plant(struct replay *r)
{
	struct mw_fleet_opts opts = {.inference = r->inference,
				     .library = r->library,
				     .explainer = r->explainer,
				     .events = {.on_outcome = keep_outcome,
						.find_similar = find_similar,
						.on_event = keep_event,
						.ctx = r},
				     .max_assets = 1};
	mw_err err = mw_fleet_new(&opts, &r->fleet);

	r->asset_opts.name = r->name;
	r->asset_opts.model = mw_inference_name(r->inference);
	r->asset_opts.profile = r->profile;
	if (!err)
		err = mw_fleet_add(r->fleet, &r->asset_opts, &r->asset);
	if (!err)
		err = add_channels(r);
	return err ? mw_why(err, r->why, sizeof(r->why), "%s", mw_err_text(err)) : MW_E_OK;
}

mw_err replay_feed(struct replay *r)
{
	mw_err err = make_plant(r);

	if (err)
		return err;
	err = feed_learn(r);
	if (!err)
		err = feed_main(r);
	mw_asset_flush(r->asset);
	mw_fleet_touch(r->fleet, r->asset);
	if (!err)
		err = mw_fleet_run(r->fleet);
	replay_take_moments(r, INT64_MAX);
	if (!r->quiet && isatty(STDERR_FILENO))
		(void)fprintf(stderr, "\r\033[K");
	return err ? mw_why(err, r->why, sizeof(r->why), "%s: %s", r->csv_path, mw_err_text(err))
		   : MW_E_OK;
}
