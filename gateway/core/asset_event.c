/* asset_event.c -- from an outcome and the model's answer to the event that people see. */
#include "gateway/core/asset_impl.h"

#include "gateway/base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVIATES                                                                                   \
	3.0 /* strength that is a deviation when the model suspects nobody, in healthy spreads */
#define SEEN 2.0 /* spreads from what was expected: less is not seen in a chart */
#define NORMAL_START                                                                               \
	5 /* patches: a window that begins so shows its onset, whatever the model says */
#define NAME_SURE                                                                                  \
	0.3 /* of a fault's name: less likely ones are not said (risk in the models' cards) */

void mw_asset_limits(const struct mw_asset *asset, const struct mw_outcome *outcome,
		     struct mw_answer_limits *ret_limits)
{
	struct mw_answer_limits limits = {0};
	struct mw_channel_finding finding;

	/* The patch heads know the channel better than the words do: they choose who may be named. */
	limits.n_channel_rows = asset->n_prompt_rows - 1;
	limits.channel_mask = asset->suspects;
	for (uint32_t row = 0; row < limits.n_channel_rows; row++) {
		mw_evidence_finding(asset->evidence, asset->prompt_channel[row], 0, &finding);
		if (asset->prompt_channel[row] == outcome->channel ||
		    (asset->suspects == 0 && finding.strength >= DEVIATES))
			limits.channel_mask |= 1u << row;
	}
	limits.verdict[outcome->verdict] = true;
	*ret_limits = limits;
}

/* The first patch in which it is so far off; past the last: there is none. */
static size_t first_patch_off(const struct mw_asset *asset, int channel, float by)
{
	float now[MW_N_FEATURES];
	size_t p = 0;

	for (; channel >= 0 && p < MW_WINDOW_PATCHES; p++) {
		mw_evidence_patch(asset->evidence, (size_t)channel, p, now);
		if (fabsf(now[MW_F_LEVEL]) >= by || fabsf(now[MW_F_STATIC]) >= by ||
		    fabsf(now[MW_F_DYNAMIC]) >= by)
			return p;
	}
	return MW_WINDOW_PATCHES;
}

/* Fault windows: where the deviation became visible, when nobody named an onset. */
static size_t first_deviating_patch(const struct mw_asset *asset, int channel)
{
	size_t patch = first_patch_off(asset, channel, (float)DEVIATES);

	return patch < MW_WINDOW_PATCHES ? patch : MW_WINDOW_PATCHES - 1;
}

/* Off by its level, later in the window, and plainly normal before. */
static bool begins_normal(const struct mw_asset *asset, int channel)
{
	return first_patch_off(asset, channel, (float)DEVIATES) < MW_WINDOW_PATCHES &&
	       first_patch_off(asset, channel, SEEN) >= NORMAL_START &&
	       !mw_evidence_symptom(asset->evidence, (size_t)channel, MW_SYMPTOM_STILL) &&
	       !mw_evidence_symptom(asset->evidence, (size_t)channel, MW_SYMPTOM_LOST);
}

/* Where an event begins in its window. */
struct onset {
	size_t patch;
	bool before; /* the window shows no beginning */
};

static bool is_off(const struct mw_asset *asset, size_t channel, size_t patch)
{
	float now[MW_N_FEATURES];

	mw_evidence_patch(asset->evidence, channel, patch, now);
	return fabsf(now[MW_F_LEVEL]) >= (float)DEVIATES;
}

/* The onset, or where the channel left its level if it was off right before that. */
static struct onset off_before(const struct mw_asset *asset, int channel, size_t patch)
{
	size_t said = patch;

	while (channel >= 0 && patch > 0 && is_off(asset, (size_t)channel, patch - 1))
		patch--;
	return (struct onset){patch, patch == 0 && said > 0};
}

static struct onset find_onset(const struct mw_asset *asset, const struct mw_outcome *outcome,
			       const struct mw_answer *answer)
{
	if (answer && answer->onset_patch == -1 && !begins_normal(asset, outcome->channel))
		return (struct onset){0, true};
	if (answer && answer->onset_patch >= 0)
		return off_before(asset, outcome->channel, (size_t)answer->onset_patch);
	return (struct onset){first_deviating_patch(asset, outcome->channel), false};
}

static struct mw_claim_limits limits_of(const struct mw_asset *asset, size_t channel)
{
	const struct mw_profile_channel *said = asset->info.profile[channel];
	struct mw_claim_limits limits = {(double)NAN, (double)NAN};

	if (said) {
		limits.low = isnan(said->low) ? said->alarm_low : said->low;
		limits.high = isnan(said->high) ? said->alarm_high : said->high;
	}
	return limits;
}

static bool is_named_already(const struct mw_event *event, size_t channel)
{
	for (size_t i = 0; i < event->n_channel; i++)
		if (event->channel[i].finding.channel == channel)
			return true;
	return false;
}

/* It deviates, or does what no number shows. */
static bool shows_something(const struct mw_event_channel *channel)
{
	const uint32_t shapes = MW_CLAIM(STILL) | MW_CLAIM(LOST) | MW_CLAIM(SPIKES) |
				MW_CLAIM(NOISY) | MW_CLAIM(CALM) | MW_CLAIM(SWINGS);

	return (channel->claims.set & shapes) != 0 ||
	       (channel->finding.strength >= DEVIATES && fabs(channel->finding.deviation) >= SEEN);
}

/* Whoever suspects it, a channel is named only where it shows something. */
static void add_channel(struct mw_asset *asset, size_t channel, const struct onset *onset)
{
	struct mw_event *event = asset->event;
	struct mw_event_channel *into = &event->channel[event->n_channel];
	struct mw_claim_limits limits = limits_of(asset, channel);

	if (event->n_channel == MW_EVENT_CHANNELS || is_named_already(event, channel))
		return;
	memset(into, 0, sizeof(*into));
	mw_evidence_finding(asset->evidence, channel, onset->patch, &into->finding);
	mw_evidence_claims(asset->evidence, &into->finding, onset->patch, onset->before, &limits,
			   &into->claims);
	if (!shows_something(into))
		return;
	(void)snprintf(into->name, sizeof(into->name), "%s",
		       mw_assembler_name(asset->assembler, channel));
	(void)snprintf(into->unit, sizeof(into->unit), "%s",
		       mw_assembler_unit(asset->assembler, channel));
	if (event->n_channel > 0)
		mw_claims_order(&event->channel[0].claims, &into->claims);
	event->n_channel++;
}

/* The channel of the largest strength since the onset. */
static size_t strongest(const struct mw_asset *asset, const struct onset *onset)
{
	struct mw_channel_finding finding, best = {0};

	for (size_t c = 0; c < mw_evidence_n_channels(asset->evidence); c++) {
		mw_evidence_finding(asset->evidence, c, onset->patch, &finding);
		if (finding.strength > best.strength)
			best = finding;
	}
	return best.channel;
}

static void fill_others(struct mw_asset *asset, const struct onset *onset)
{
	struct mw_event *event = asset->event;
	uint32_t named[MW_EVENT_CHANNELS];

	for (size_t i = 0; i < event->n_channel; i++)
		named[i] = event->channel[i].finding.channel;
	event->others = mw_evidence_others(asset->evidence, named, event->n_channel, onset->patch);
	event->claims = mw_event_claims_of(event->others.n, event->others.level);
}

static void fill_channels(struct mw_asset *asset, const struct mw_outcome *outcome,
			  const struct mw_answer *answer, const struct onset *onset)
{
	asset->event->n_channel = 0;
	for (size_t i = 0; answer && i < answer->n_channel; i++)
		add_channel(asset, asset->prompt_channel[answer->channel_row[i] - 1], onset);
	if (asset->event->n_channel == 0 && outcome->channel >= 0)
		add_channel(asset, (size_t)outcome->channel, onset);
	if (asset->event->n_channel == 0)
		add_channel(asset, strongest(asset, onset), onset);
	fill_others(asset, onset);
}

static void start_event(struct mw_asset *asset)
{
	struct mw_event *event = asset->event;

	memset(event, 0, sizeof(*event));
	memcpy(event->id, asset->alarm.event_id, sizeof(event->id));
	memcpy(event->asset, asset->name, sizeof(event->asset));
	memcpy(event->model, asset->model, sizeof(event->model));
	event->machine = asset->opts.machine;
	event->language = asset->opts.language;
	event->raised_ns = asset->alarm.raised_ns;
	event->period_ns = mw_assembler_period(asset->assembler);
}

static void fill_window(const struct mw_asset *asset, struct mw_event_window *ret_window)
{
	struct mw_event *event = asset->event;

	memset(ret_window, 0, sizeof(*ret_window));
	ret_window->n_rows = MW_WINDOW_ROWS;
	ret_window->n_channels = event->n_channel;
	ret_window->period_ns = event->period_ns;
	ret_window->from_ns = event->window_from_ns;
	ret_window->has_spread = true;
	for (size_t row = 0; row < MW_WINDOW_ROWS; row++)
		for (size_t i = 0; i < event->n_channel; i++) {
			size_t channel = event->channel[i].finding.channel;
			size_t at = row * event->n_channel + i;

			mw_evidence_sample(asset->evidence, channel, row, &ret_window->value[at],
					   &ret_window->expected[at], NULL);
			ret_window->spread[at] = mw_evidence_spread(asset->evidence, channel, row);
		}
	if (asset->embedding)
		ret_window->embedding = *asset->embedding;
}

void mw_asset_seen_before(struct mw_asset *asset, const struct mw_similar_list *similar)
{
	struct mw_event *event = asset->event;
	int64_t before;

	if (!event)
		return;
	before = event->window_from_ns;
	event->similar.n = 0;
	/* What the window shows again is no other event, and neither is what may go on from before it. */
	if (event->onset_before_window)
		before -= MW_WINDOW_ROWS * event->period_ns;
	for (size_t i = 0; i < similar->n; i++)
		if (similar->event[i].raised_ns < before)
			event->similar.event[event->similar.n++] = similar->event[i];
}

void asset_fill_event(struct mw_asset *asset, const struct mw_outcome *outcome)
{
	struct mw_event *event = asset->event;

	if (!event)
		return;
	event->state = asset->alarm.state;
	event->sequence = asset->alarm.sequence;
	event->updated_ns = outcome->window_end_ns;
	if (outcome->action == MW_ALARM_CLEAR) {
		event->cleared_ns = outcome->window_end_ns;
		return; /* score and words stay those of the anomaly */
	}
	event->score = outcome->judgement.score;
	event->p_value = outcome->judgement.p_value;
	event->verdict = outcome->verdict;
}

unsigned asset_severity(double strength)
{
	if (strength > 8)
		return 3;
	return strength > 4 ? 2 : 1;
}

/* By the channel that the model suspects most; an event that was severe stays severe. */
static void raise_severity(struct mw_asset *asset, const struct mw_outcome *outcome)
{
	struct mw_channel_finding finding = {0};
	unsigned now;

	if (outcome->channel >= 0)
		mw_evidence_finding(asset->evidence, (size_t)outcome->channel, 0, &finding);
	now = asset_severity(finding.strength);
	if (now > asset->event->severity)
		asset->event->severity = now;
}

static int64_t patch_time(const struct mw_asset *asset, size_t patch)
{
	double value, expected;
	int64_t time_ns;

	mw_evidence_sample(asset->evidence, 0, patch * MW_PATCH_ROWS, &value, &expected, &time_ns);
	return time_ns;
}

/* An event began when it was first seen to: what is told of it is told since then. */
static void fill_times(struct mw_asset *asset, bool raised, struct onset *onset)
{
	struct mw_event *event = asset->event;
	int64_t onset_ns = patch_time(asset, onset->patch);

	event->window_from_ns = patch_time(asset, 0);
	event->window_to_ns = asset->last_row_ns + event->period_ns;
	if (raised || onset_ns < event->onset_ns) {
		event->onset_ns = onset_ns;
		event->onset_before_window = onset->before;
		return;
	}
	while (onset->patch > 0 && patch_time(asset, onset->patch) > event->onset_ns)
		onset->patch--;
	onset->before = event->onset_before_window || event->onset_ns < event->window_from_ns;
}

/* Where the machine's own profile knows the fault, its cause and check are said. */
static struct mw_explain_opts with_weak_point(const struct mw_asset *asset,
					      struct mw_explain_opts opts)
{
	const struct mw_event *event = asset->event;
	const struct mw_profile *profile = asset->opts.profile;
	int entry = event->n_channel > 0 ? mw_profile_index(profile, event->channel[0].name) : -1;
	const struct mw_profile_weak *weak = mw_profile_weak_of(profile, event->fault, entry);

	if (weak && !opts.cause && *weak->cause[event->language] != '\0')
		opts.cause = weak->cause[event->language];
	if (weak && !opts.check && *weak->check[event->language] != '\0')
		opts.check = weak->check[event->language];
	return opts;
}

/* A name that the model itself holds for unlikely would send people the wrong way. */
static bool is_named(const struct mw_answer *answer)
{
	return answer &&
	       (answer->verdict != MW_VERDICT_FAULT || answer->fault_probability >= NAME_SURE);
}

/* One sensor does not lie on several channels at once: then it is something else. */
static bool blames_one_of_many(const struct mw_asset *asset, const struct mw_answer *answer)
{
	return mw_fault_kind_of(answer->fault) == MW_KIND_SENSOR && asset_n_off(asset) > 1;
}

static void fill_name(struct mw_asset *asset, const struct mw_answer *answer)
{
	struct mw_event *event = asset->event;

	event->fault = MW_FAULT_UNKNOWN;
	event->fault_probability = 0;
	if (answer && is_named(answer) && !blames_one_of_many(asset, answer)) {
		event->fault = answer->fault;
		event->fault_probability = answer->fault_probability;
	} else if (answer) {
		event->verdict = MW_VERDICT_UNKNOWN;
	}
}

bool mw_asset_describe(struct mw_asset *asset, const struct mw_outcome *outcome,
		       const struct mw_answer *answer, struct mw_event_window *ret_window)
{
	struct onset onset = find_onset(asset, outcome, answer);

	if (!asset->event)
		asset->event = calloc(1, sizeof(*asset->event));
	if (!asset->event)
		return false;
	if (outcome->action == MW_ALARM_RAISE)
		start_event(asset);
	asset_fill_event(asset, outcome);
	fill_times(asset, outcome->action == MW_ALARM_RAISE, &onset);
	fill_channels(asset, outcome, answer, &onset);
	fill_name(asset, answer);
	asset_match_site(asset, onset.patch, onset.before);
	asset_rank_causes(asset);
	raise_severity(asset, outcome);
	fill_window(asset, ret_window);
	return true;
}

void mw_asset_retell(const struct mw_asset *asset, struct mw_answer *answer)
{
	const struct mw_event *event = asset->event;

	answer->verdict = event->verdict;
	answer->fault = event->fault;
	answer->severity = event->severity > 0 ? event->severity : 1;
	answer->n_channel = 0;
	for (size_t i = 0; i < event->n_channel; i++)
		for (uint32_t row = 1; row < asset->n_prompt_rows; row++)
			if (asset->prompt_channel[row - 1] == event->channel[i].finding.channel)
				answer->channel_row[answer->n_channel++] = (uint8_t)row;
}

struct mw_explain_opts mw_asset_explain_opts(const struct mw_asset *asset,
					     const struct mw_explain_opts *opts)
{
	return asset_with_site(asset, with_weak_point(asset, *opts));
}

void mw_asset_explain(struct mw_asset *asset, const struct mw_fault_library *library,
		      const struct mw_explain_opts *opts, const struct mw_words *words)
{
	if (words)
		mw_explain_texts(words->text, words->n, library, opts, asset->event);
	else
		mw_explain_template(library, opts, asset->event);
	asset_phrase_causes(asset, library);
}

void mw_asset_told_by(struct mw_asset *asset, const char *teller)
{
	struct mw_event *event = asset->event;
	size_t n;

	if (!event)
		return;
	memcpy(event->model, asset->model, sizeof(event->model));
	if (!teller)
		return;
	(void)snprintf(event->model, sizeof(event->model), "%.*s" MW_EVENT_TELLER "%s",
		       MW_EVENT_JUDGE_SIZE, asset->model, teller);
	/* not amid a character */
	for (n = strlen(event->model); n > 0 && !mw_utf8_is_clean(event->model, n); n--)
		event->model[n - 1] = '\0';
}
