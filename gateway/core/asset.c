#include "gateway/core/asset_impl.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEALTHY_P        0.05 /* a window less usual is not remembered as healthy */
#define HEALTHY_EVIDENCE 4.0  /* nor one of more evidence: of healthy ones 1 in 100 has that */
#define OPERATION_SURE   0.2  /* probability from which an unusual window is an operation */

const char *mw_asset_phase_text(enum mw_asset_phase phase)
{
	static const char *const text[] = {"learning", "calibrating", "watching"};

	return text[phase];
}

mw_err mw_asset_new(const struct mw_asset_opts *opts, struct mw_asset **ret_asset)
{
	struct mw_asset *asset;
	mw_err err;

	if (opts->learn_rows < MW_LEARN_ROWS_MIN || strlen(opts->name) >= MW_NAME_SIZE)
		return MW_E_INVAL;
	asset = calloc(1, sizeof(*asset));
	if (!asset)
		return MW_E_NOMEM;
	asset->opts = *opts;
	(void)snprintf(asset->name, sizeof(asset->name), "%s", opts->name);
	(void)snprintf(asset->model, sizeof(asset->model), "%s", opts->model ? opts->model : "");
	asset->opts.name = asset->name;
	asset->opts.model = asset->model;
	mw_judge_init(&asset->judge);
	mw_alarm_init(&asset->alarm);
	err = mw_assembler_new(&opts->assembler, &asset->assembler);
	if (err) {
		mw_asset_free(asset);
		return err;
	}
	*ret_asset = asset;
	return MW_E_OK;
}

void mw_asset_free(struct mw_asset *asset)
{
	if (!asset)
		return;
	mw_evidence_free(asset->evidence);
	mw_baseline_free(asset->baseline);
	mw_judge_done(&asset->judge);
	mw_assembler_free(asset->assembler);
	free(asset->learn);
	free(asset->learn_time);
	mw_lookout_free(asset->lookout);
	free(asset->event);
	free(asset->embedding);
	mw_embedding_center_done(&asset->center);
	free(asset);
}

int mw_asset_channel(struct mw_asset *asset, const char *name, const char *unit, enum mw_role role)
{
	int index = mw_assembler_channel(asset->assembler, name, unit);

	if (index >= 0)
		asset->role[index] = (uint8_t)role;
	return index;
}

enum mw_sample_fate mw_asset_push(struct mw_asset *asset, struct mw_str channel, int64_t time_ns,
				  double value, uint32_t quality, int64_t now_ns)
{
	return mw_assembler_push(asset->assembler, channel, time_ns, value, quality, now_ns);
}

void mw_asset_flush(struct mw_asset *asset)
{
	mw_assembler_flush(asset->assembler);
}

/* --- learning --------------------------------------------------------------------------------- */

/* Room for `stride` channels in every learn row; rows so far are laid out anew, new columns
 * missing. */
static mw_err widen(struct mw_asset *asset, size_t stride)
{
	size_t n_rows = (size_t)asset->opts.learn_rows;
	double *wide;

	if (!asset->learn_time)
		asset->learn_time = calloc(n_rows, sizeof(*asset->learn_time));
	wide = calloc(n_rows * stride, sizeof(*wide));
	if (!wide || !asset->learn_time) {
		free(wide);
		return MW_E_NOMEM;
	}
	for (size_t row = 0; row < (size_t)asset->rows; row++)
		for (size_t c = 0; c < stride; c++)
			wide[row * stride + c] = c < asset->learn_stride
						     ? asset->learn[row * asset->learn_stride + c]
						     : NAN;
	free(asset->learn);
	asset->learn = wide;
	asset->learn_stride = stride;
	return MW_E_OK;
}

static bool learn_row(struct mw_asset *asset, const struct mw_row *row)
{
	double *into;

	if (row->n_channels > asset->learn_stride && widen(asset, row->n_channels) != MW_E_OK)
		return false;
	into = asset->learn + (size_t)asset->rows * asset->learn_stride;
	for (size_t c = 0; c < asset->learn_stride; c++)
		into[c] = c < row->n_channels ? row->value[c] : NAN;
	asset->learn_time[asset->rows++] = row->time_ns;
	asset->last_row_ns = row->time_ns;
	return true;
}

/* Role of every channel: what the configuration or the profile says, else a guess. */
static void guess_roles(struct mw_asset *asset)
{
	for (size_t c = 0; c < asset->learn_stride; c++) {
		const struct mw_profile_channel *known = asset->info.profile[c];

		asset->info.role[c] = (enum mw_role)asset->role[c];
		if (asset->info.role[c] == MW_ROLE_OTHER && known)
			asset->info.role[c] = known->role;
		if (asset->info.role[c] == MW_ROLE_OTHER)
			asset->info.role[c] = mw_role_guess(mw_assembler_name(asset->assembler, c),
							    mw_assembler_unit(asset->assembler, c));
	}
}

void asset_find_profiles(struct mw_asset *asset)
{
	asset->info.machine = asset->opts.machine;
	for (size_t c = 0; c < mw_assembler_n_channels(asset->assembler); c++)
		asset->info.profile[c] =
		    mw_profile_find(asset->opts.profile, mw_assembler_name(asset->assembler, c));
}

static enum mw_channel_use use_of_profile(const struct mw_profile_channel *known)
{
	if (known->regime)
		return MW_USE_COMMAND;
	switch (known->kind) {
	case MW_CHANNEL_COMMAND:
		return MW_USE_COMMAND;
	case MW_CHANNEL_STATE:
	case MW_CHANNEL_ALARM:
		return MW_USE_STATE;
	case MW_CHANNEL_COUNTER:
		return MW_USE_COUNTER;
	default:
		return MW_USE_QUANTITY;
	}
}

/* What a profile does not say follows from the role.  A profile that names the channels which select
 * the regime is believed: no other channel does. */
static struct mw_baseline_hints hints_of(const struct mw_asset *asset)
{
	struct mw_baseline_hints hints = {{0}};
	bool told = false;

	for (size_t c = 0; c < asset->learn_stride; c++)
		told = told || (asset->info.profile[c] && asset->info.profile[c]->regime);
	for (size_t c = 0; c < asset->learn_stride; c++) {
		const struct mw_profile_channel *known = asset->info.profile[c];
		enum mw_channel_use use = known ? use_of_profile(known) : MW_USE_QUANTITY;

		if (use == MW_USE_QUANTITY)
			use = mw_role_use(asset->info.role[c]);
		if (told && use == MW_USE_COMMAND && !(known && known->regime))
			use = MW_USE_STATE;
		hints.use[c] = (uint8_t)use;
	}
	return hints;
}

static bool end_learning(struct mw_asset *asset)
{
	struct mw_baseline_hints hints;
	size_t n_rows = (size_t)asset->rows;
	size_t windows = (n_rows - MW_WINDOW_ROWS) / MW_PATCH_ROWS + 1;

	mw_assembler_freeze(asset->assembler);
	asset_find_profiles(asset);
	guess_roles(asset);
	hints = hints_of(asset);
	if (mw_baseline_fit(asset->learn, n_rows, asset->learn_stride, &hints, &asset->baseline) !=
		MW_E_OK ||
	    mw_evidence_new(asset->baseline, &asset->evidence) != MW_E_OK ||
	    !asset_make_lookout(asset))
		return false;
	asset_learn_lookout(asset);
	asset->keep_every = (windows + MW_JUDGE_MAX_CALIBRATION - 1) / MW_JUDGE_MAX_CALIBRATION;
	asset->fed = 0;
	asset->calibration_window = 0;
	asset->phase = MW_PHASE_CALIBRATING;
	return true;
}

static bool at_window(const struct mw_asset *asset)
{
	return mw_evidence_rows(asset->evidence) % MW_PATCH_ROWS == 0 &&
	       mw_evidence_window_ready(asset->evidence);
}

/* Feeds the learn rows back, held out, until a window is complete; false: all were fed. */
static bool next_learn_window(struct mw_asset *asset)
{
	while (asset->fed < (size_t)asset->opts.learn_rows) {
		mw_evidence_push_learn(asset->evidence, asset->fed, asset->learn_time[asset->fed],
				       asset->learn + asset->fed * asset->learn_stride);
		asset->fed++;
		if (at_window(asset))
			return true;
	}
	return false;
}

static void end_calibration(struct mw_asset *asset)
{
	/* learn_rows >= MW_LEARN_ROWS_MIN gives more windows than the judge needs */
	(void)!mw_judge_calibrate(&asset->judge);
	mw_baseline_forget_learn(asset->baseline);
	free(asset->learn);
	free(asset->learn_time);
	asset->learn = NULL;
	asset->learn_time = NULL;
	asset->phase = MW_PHASE_WATCHING;
}

/* --- windows ---------------------------------------------------------------------------------- */

static bool is_silent(const struct mw_row *row)
{
	for (uint32_t c = 0; c < row->n_channels; c++)
		if (!isnan(row->value[c]))
			return false;
	return true;
}

/* A window in which nothing at all was heard says nothing about the machine: it is not read. */
static bool next_live_window(struct mw_asset *asset)
{
	struct mw_row row;

	while (mw_assembler_pop(asset->assembler, &row)) {
		mw_evidence_push(asset->evidence, row.time_ns, row.value);
		asset_follow(asset, row.time_ns, row.value, row.n_channels);
		asset->rows++;
		asset->last_row_ns = row.time_ns;
		asset->silent_rows = is_silent(&row) ? asset->silent_rows + 1 : 0;
		if (at_window(asset) && asset->silent_rows < MW_WINDOW_ROWS)
			return true;
	}
	return false;
}

static bool learn_enough(struct mw_asset *asset)
{
	struct mw_row row;

	while (asset->rows < asset->opts.learn_rows) {
		if (!mw_assembler_pop(asset->assembler, &row) || !learn_row(asset, &row))
			return false;
	}
	return asset->learn_stride > 0 && end_learning(asset);
}

bool mw_asset_next(struct mw_asset *asset, struct mw_prompt *ret_prompt)
{
	bool ready = false;

	if (asset->phase == MW_PHASE_LEARNING && !learn_enough(asset))
		return false;
	if (asset->phase == MW_PHASE_CALIBRATING)
		ready = next_learn_window(asset);
	if (asset->phase == MW_PHASE_CALIBRATING && !ready)
		end_calibration(asset);
	if (asset->phase == MW_PHASE_WATCHING)
		ready = next_live_window(asset);
	if (!ready)
		return false;
	mw_evidence_read(asset->evidence);
	mw_prompt_encode(asset->evidence, &asset->info, asset->opts.language, ret_prompt);
	asset->n_prompt_rows = ret_prompt->n_rows;
	memcpy(asset->prompt_channel, ret_prompt->channel, sizeof(asset->prompt_channel));
	return true;
}

/* How much the model suspects a channel row now. */
static float suspicion(const struct mw_reading *reading, uint32_t row)
{
	const float *logit = reading->patch_logit[row];

	return fmaxf(logit[MW_WINDOW_PATCHES - 1], logit[MW_WINDOW_PATCHES - 2]);
}

/* The channel that the model suspects most; among equals the one with the strongest evidence (a
 * residual alone would smear over everything that is coupled to the culprit). */
static int strongest_channel(struct mw_asset *asset, const struct mw_reading *reading)
{
	struct mw_channel_finding finding;
	double best_strength = -1;
	float best = -INFINITY;
	int channel = -1;

	asset->suspects = 0;
	for (uint32_t row = 1; row < asset->n_prompt_rows; row++) {
		float now = suspicion(reading, row);

		asset->suspects |= (uint32_t)(now > 0) << (row - 1);
		mw_evidence_finding(asset->evidence, asset->prompt_channel[row - 1], 0, &finding);
		if (now < best || (now == best && finding.strength <= best_strength))
			continue;
		best = now;
		best_strength = finding.strength;
		channel = asset->prompt_channel[row - 1];
	}
	return channel;
}

static void note_suspicion(struct mw_asset *asset, const struct mw_reading *reading)
{
	for (uint32_t row = 1; row < asset->n_prompt_rows; row++)
		asset->suspicion[row - 1] =
		    row < reading->n_rows ? suspicion(reading, row) : -INFINITY;
}

static enum mw_verdict verdict_of(const struct mw_asset *asset, const struct mw_reading *reading,
				  const struct mw_judgement *judgement)
{
	const float *p = reading->verdict_probability;
	/* Nobody measured how often a general model takes a fault for an operation. */
	bool overruled = asset->judge.spoken && judgement->p_evidence <= asset->opts.alarm.p_raise;

	if (judgement->p_value > asset->opts.alarm.p_raise)
		return MW_VERDICT_NORMAL;
	if (p[MW_VERDICT_OPERATION] > OPERATION_SURE && !overruled)
		return MW_VERDICT_OPERATION;
	return MW_VERDICT_FAULT;
}

/* Is the open event worth telling again? */
static bool is_worse(const struct mw_asset *asset, int channel)
{
	struct mw_channel_finding finding;

	if (!asset->alarm.open || !asset->event || channel < 0)
		return false;
	mw_evidence_finding(asset->evidence, (size_t)channel, 0, &finding);
	return asset_severity(finding.strength) > asset->event->severity;
}

/* May the window be remembered?  The p-value alone must not say so: that of an asset whose own
 * tail is long forgives what is gross. */
static bool looks_healthy(const struct mw_asset *asset, const struct mw_judgement *judgement)
{
	return judgement->p_value > HEALTHY_P && judgement->evidence < HEALTHY_EVIDENCE &&
	       !asset->alarm.open;
}

/* Most windows raise nothing: there is memory for those that do.  Without it there is no embedding. */
static void embed(struct mw_asset *asset, const struct mw_reading *reading, bool raises)
{
	free(asset->embedding);
	asset->embedding = raises ? malloc(sizeof(*asset->embedding)) : NULL;
	if (asset->embedding)
		mw_embedding_make(&asset->center, reading, asset->prompt_channel,
				  mw_evidence_n_channels(asset->evidence), asset->embedding);
}

static void watch(struct mw_asset *asset, const struct mw_reading *reading, struct mw_outcome *out)
{
	struct mw_alarm_input input = {.time_ns = asset->last_row_ns};
	int64_t period_ns = mw_assembler_period(asset->assembler);
	bool healthy;

	mw_judge_forget_learn(&asset->judge);
	if (asset->opts.alarm.per_day > 0 && period_ns > 0)
		asset->opts.alarm.p_raise =
		    mw_alarm_p_of_budget(asset->opts.alarm.per_day, period_ns);
	mw_judge_window(&asset->judge, asset->evidence, reading, &out->judgement);
	note_suspicion(asset, reading);
	out->verdict = verdict_of(asset, reading, &out->judgement);
	if (out->verdict != MW_VERDICT_NORMAL)
		out->channel = strongest_channel(asset, reading);
	input.p_value = out->judgement.p_value;
	input.score = out->judgement.score;
	input.is_fault = out->verdict == MW_VERDICT_FAULT || out->verdict == MW_VERDICT_UNKNOWN;
	input.worse = is_worse(asset, out->channel);
	out->action = mw_alarm_step(&asset->alarm, &asset->opts.alarm, asset->name, &input);
	healthy = looks_healthy(asset, &out->judgement);
	mw_evidence_remember(asset->evidence, healthy);
	if (healthy)
		mw_embedding_learn(&asset->center, reading);
	embed(asset, reading, out->action == MW_ALARM_RAISE);
	if (out->action == MW_ALARM_CLEAR || out->action == MW_ALARM_UNSHELVE)
		asset_fill_event(asset, out);
}

void mw_asset_take(struct mw_asset *asset, const struct mw_reading *reading,
		   struct mw_outcome *ret_outcome)
{
	struct mw_outcome out = {.channel = -1, .action = MW_ALARM_NOTHING};

	out.phase = asset->phase;
	out.window_end_row = mw_evidence_rows(asset->evidence) - 1;
	out.window_end_ns = asset->last_row_ns;
	if (asset->phase == MW_PHASE_CALIBRATING) {
		mw_evidence_remember(asset->evidence, true);
		mw_embedding_learn(&asset->center, reading);
		out.window_end_ns = asset->learn_time[asset->fed - 1];
		mw_judge_learn(&asset->judge, asset->evidence, reading,
			       asset->calibration_window++ % asset->keep_every == 0);
		if (asset->fed + MW_PATCH_ROWS > (size_t)asset->opts.learn_rows) {
			while (next_learn_window(asset)) /* the rows of an unfinished patch */
				;
			end_calibration(asset);
			out.learnt = true;
		}
	} else {
		watch(asset, reading, &out);
		asset->watched = out;
	}
	*ret_outcome = out;
}

/* --- accessors -------------------------------------------------------------------------------- */

const char *mw_asset_name(const struct mw_asset *asset)
{
	return asset->name;
}

enum mw_machine mw_asset_machine(const struct mw_asset *asset)
{
	return asset->opts.machine;
}

enum mw_language mw_asset_language(const struct mw_asset *asset)
{
	return asset->opts.language;
}

enum mw_asset_phase mw_asset_phase(const struct mw_asset *asset)
{
	return asset->phase;
}

const struct mw_assembler *mw_asset_assembler(const struct mw_asset *asset)
{
	return asset->assembler;
}

const struct mw_baseline *mw_asset_baseline(const struct mw_asset *asset)
{
	return asset->baseline;
}

const struct mw_evidence *mw_asset_evidence(const struct mw_asset *asset)
{
	return asset->evidence;
}

const struct mw_judge *mw_asset_judge(const struct mw_asset *asset)
{
	return &asset->judge;
}

const struct mw_alarm *mw_asset_alarm(const struct mw_asset *asset)
{
	return &asset->alarm;
}

enum mw_role mw_asset_role(const struct mw_asset *asset, size_t channel)
{
	return asset->phase == MW_PHASE_LEARNING ? (enum mw_role)asset->role[channel]
						 : asset->info.role[channel];
}

const struct mw_profile_channel *mw_asset_profile_channel(const struct mw_asset *asset,
							  size_t channel)
{
	return asset->info.profile[channel];
}

int64_t mw_asset_rows(const struct mw_asset *asset)
{
	return asset->rows;
}

const struct mw_event *mw_asset_event(const struct mw_asset *asset)
{
	return asset->event;
}
