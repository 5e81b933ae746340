/* replay_causes.c -- symptoms at a moment, how unusual each channel was when they showed, and the
 * causes ranked by it. */
#include "gateway/app/replay.h"

#include "gateway/base/clock.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SLACK_NS     MW_NS_PER_S /* messages of one change come in any order within it */
#define ALARM_BITS   8.0         /* of an alarm that normal life never had */
#define OUTSIDE_BITS 6.0         /* of a value outside of the profile's normal limits */
#define DANGER_BITS  9.0         /* ... of its alarm limits */

struct replay_causes {
	const struct replay *r;
	struct mw_profile_paths *paths; /* NULL without a profile */
	int entry[MW_MAX_CHANNELS];
	struct mw_timeline *timeline;
	size_t n_pairs;
	struct mw_timeline_pair pair[MW_TIMELINE_PAIRS_MAX];
	double value[MW_MAX_CHANNELS]; /* as last pushed */
};

static enum mw_channel_kind kind_of(const struct replay_causes *causes, size_t channel)
{
	int entry = causes->entry[channel];

	return entry < 0 ? MW_CHANNEL_MEASURED : causes->r->profile->channel[entry].kind;
}

/* --- the normal timeline ---------------------------------------------------------------------- */

static bool makes_pair(const struct replay_causes *causes, size_t channel)
{
	enum mw_channel_kind kind = kind_of(causes, channel);

	return kind == MW_CHANNEL_STATE || kind == MW_CHANNEL_COMMAND ||
	       kind == MW_CHANNEL_MEASURED;
}

static bool drives(const struct replay_causes *causes, size_t from, size_t to)
{
	const struct mw_profile *profile = causes->r->profile;

	for (size_t e = 0; e < profile->n_edge; e++)
		if (profile->edge[e].from == causes->entry[from] &&
		    profile->edge[e].to == causes->entry[to])
			return true;
	return false;
}

static void find_pairs(struct replay_causes *causes)
{
	size_t n = causes->r->n_channels;

	for (size_t i = 0; i < n * n && causes->n_pairs < MW_TIMELINE_PAIRS_MAX; i++) {
		size_t from = i / n, to = i % n;

		if (causes->entry[from] < 0 || causes->entry[to] < 0 || !makes_pair(causes, from) ||
		    !makes_pair(causes, to) || !drives(causes, from, to))
			continue;
		causes->pair[causes->n_pairs++] =
		    (struct mw_timeline_pair){(uint16_t)from, (uint16_t)to};
	}
}

static void learn_events(struct replay_causes *causes, const struct mw_recording *events,
			 int64_t before_ns)
{
	int64_t end = 0;

	mw_timeline_learn(causes->timeline, true);
	for (size_t i = 0; i < events->n_event && events->event[i].time_ns < before_ns; i++) {
		const struct mw_long_event *event = &events->event[i];

		mw_timeline_push(causes->timeline, event->channel, event->time_ns, event->value);
		end = event->time_ns;
	}
	mw_timeline_cut(causes->timeline, end);
	mw_timeline_learn(causes->timeline, false);
}

mw_err replay_causes_new(struct replay *r, struct replay_causes **ret_causes)
{
	struct replay_causes *causes = calloc(1, sizeof(*causes));
	mw_err err = MW_E_NOMEM;

	if (!causes)
		return err;
	causes->r = r;
	for (size_t c = 0; c < MW_MAX_CHANNELS; c++)
		causes->entry[c] =
		    c < r->n_channels ? mw_profile_index(r->profile, r->channel[c]) : -1;
	if (r->profile) {
		causes->paths = malloc(sizeof(*causes->paths));
		if (!causes->paths)
			goto fail;
		mw_profile_paths(r->profile, causes->paths);
		find_pairs(causes);
	}
	err = mw_timeline_new(r->n_channels, causes->pair, causes->n_pairs, &causes->timeline);
	if (err)
		goto fail;
	for (size_t i = 0; i < r->n_learn_file; i++)
		learn_events(causes, &r->learn[i].events, INT64_MAX);
	learn_events(causes, &r->main.events, r->learn_to_ns);
	*ret_causes = causes;
	return MW_E_OK;
fail:
	replay_causes_free(causes);
	return err;
}

void replay_causes_free(struct replay_causes *causes)
{
	if (!causes)
		return;
	mw_timeline_free(causes->timeline);
	free(causes->paths);
	free(causes);
}

/* --- how unusual things are at a time --------------------------------------------------------- */

/* Goes on from the event *at to a time. */
static void follow(struct replay_causes *causes, size_t *at, int64_t time_ns)
{
	const struct mw_recording *events = &causes->r->main.events;

	for (; *at < events->n_event && events->event[*at].time_ns <= time_ns; (*at)++) {
		const struct mw_long_event *event = &events->event[*at];

		mw_timeline_push(causes->timeline, event->channel, event->time_ns, event->value);
		causes->value[event->channel] = event->value;
	}
}

static void begin(struct replay_causes *causes, size_t *ret_at)
{
	mw_timeline_cut(causes->timeline, 0);
	for (size_t c = 0; c < MW_MAX_CHANNELS; c++)
		causes->value[c] = NAN;
	*ret_at = 0;
}

static void raise_to(struct mw_cause_channel *into, double bits, int64_t since_ns, int partner)
{
	if (into->known && bits <= into->bits)
		return;
	into->known = true;
	into->bits = bits;
	into->since_ns = since_ns;
	into->partner = partner;
}

/* A driven channel is unusual by what a pair's state adds to that of what drives it. */
static void look_at_pairs(const struct replay_causes *causes, int64_t time_ns,
			  struct mw_cause_channel *at)
{
	for (size_t i = 0; i < causes->n_pairs; i++) {
		const struct mw_timeline_pair *pair = &causes->pair[i];
		struct mw_rarity both = mw_timeline_pair_rarity(causes->timeline, i, time_ns);
		struct mw_rarity driver = mw_timeline_rarity(causes->timeline, pair->from, time_ns);

		if (both.known)
			raise_to(&at[pair->to],
				 both.bits - (driver.known ? fmax(driver.bits, 0) : 0),
				 both.since_ns, pair->from);
	}
}

static void look_at_limits(const struct replay_causes *causes, int64_t time_ns, size_t channel,
			   struct mw_cause_channel *at)
{
	int outside = causes->entry[channel] < 0
			  ? 0
			  : mw_profile_outside(&causes->r->profile->channel[causes->entry[channel]],
					       at->value);

	if (outside > 0)
		raise_to(at, outside > 1 ? DANGER_BITS : OUTSIDE_BITS,
			 at->since_ns ? at->since_ns : time_ns, -1);
}

/* The most unusual of this time and what `at` holds already. */
static void look(const struct replay_causes *causes, int64_t time_ns, struct mw_cause_channel *at)
{
	for (size_t c = 0; c < causes->r->n_channels; c++) {
		struct mw_rarity alone = mw_timeline_rarity(causes->timeline, c, time_ns);

		at[c].present = at[c].present || !isnan(causes->value[c]);
		at[c].value = causes->value[c];
		if (alone.known)
			raise_to(&at[c], alone.bits, alone.since_ns, -1);
		else if (!at[c].known)
			at[c].since_ns = alone.since_ns;
		look_at_limits(causes, time_ns, c, &at[c]);
	}
	look_at_pairs(causes, time_ns, at);
}

/* What the window's statistics say of channels that are no state channels. */
static void add_findings(const struct replay_causes *causes, const struct replay_moment *moment,
			 int64_t onset_ns, struct mw_cause_channel *at)
{
	for (size_t c = 0; c < causes->r->n_channels; c++) {
		const struct mw_cause_channel *finding = &moment->finding[c];

		if (!finding->known || kind_of(causes, c) != MW_CHANNEL_MEASURED ||
		    (at[c].known && at[c].bits > finding->bits))
			continue;
		if (at[c].known && finding->since_ns > onset_ns + SLACK_NS)
			continue;
		at[c] = *finding;
	}
}

static void unknown(struct mw_cause_channel *at)
{
	for (size_t c = 0; c < MW_MAX_CHANNELS; c++)
		at[c] = (struct mw_cause_channel){.partner = -1, .value = NAN};
}

static void look_back(struct replay_causes *causes, const struct replay_moment *moment,
		      int64_t onset_ns, struct mw_cause_channel *at)
{
	size_t next;

	begin(causes, &next);
	unknown(at);
	follow(causes, &next, onset_ns);
	look(causes, onset_ns, at);
	if (onset_ns + SLACK_NS <= moment->time_ns) {
		follow(causes, &next, onset_ns + SLACK_NS);
		look(causes, onset_ns + SLACK_NS, at);
	}
	add_findings(causes, moment, onset_ns, at);
}

/* --- symptoms --------------------------------------------------------------------------------- */

static void add_symptom(struct replay_ranking *ranking, size_t channel, double bits,
			int64_t onset_ns)
{
	struct mw_symptom *least = &ranking->symptom[0];

	if (!(bits > 0))
		return;
	if (ranking->n_symptom < MW_CAUSES_SYMPTOMS) {
		least = &ranking->symptom[ranking->n_symptom++];
	} else {
		for (size_t i = 1; i < MW_CAUSES_SYMPTOMS; i++)
			if (ranking->symptom[i].bits < least->bits)
				least = &ranking->symptom[i];
		if (least->bits >= bits)
			return;
	}
	*least = (struct mw_symptom){.channel = channel, .bits = bits, .onset_ns = onset_ns};
}

/* Alarms of the control that stand, by the rarity of their standing at all. */
static void find_alarms(struct replay_causes *causes, const struct replay_moment *moment,
			struct replay_ranking *ranking)
{
	size_t next;

	begin(causes, &next);
	follow(causes, &next, moment->time_ns);
	for (size_t c = 0; c < causes->r->n_channels; c++) {
		struct mw_rarity now;

		if (kind_of(causes, c) != MW_CHANNEL_ALARM || isnan(causes->value[c]) ||
		    causes->value[c] == 0)
			continue;
		now = mw_timeline_rarity(causes->timeline, c, moment->time_ns);
		now.bits = now.known ? mw_timeline_rarity(causes->timeline, c, now.since_ns).bits
				     : ALARM_BITS;
		add_symptom(ranking, c, now.bits, now.since_ns);
	}
}

/* No alarm: whatever deviates wants an explanation. */
static void find_deviations(struct replay_causes *causes, const struct replay_moment *moment,
			    struct replay_ranking *ranking)
{
	struct mw_cause_channel at[MW_MAX_CHANNELS];

	look_back(causes, moment, moment->time_ns, at);
	for (size_t c = 0; c < causes->r->n_channels; c++)
		if (at[c].present && at[c].known && kind_of(causes, c) != MW_CHANNEL_COUNTER &&
		    kind_of(causes, c) != MW_CHANNEL_ALARM)
			add_symptom(ranking, c, at[c].bits, at[c].since_ns);
	for (size_t i = 0; i < ranking->n_symptom; i++) {
		memcpy(ranking->at[i], at, sizeof(at));
		ranking->symptom[i].at = ranking->at[i];
	}
}

void replay_causes_rank(struct replay_causes *causes, const struct replay_moment *moment,
			struct replay_ranking *ret_ranking)
{
	const struct replay *r = causes->r;
	struct mw_causes_input input = {.n_channels = r->n_channels,
					.profile = r->profile,
					.paths = causes->paths,
					.entry = causes->entry,
					.slack_ns = SLACK_NS};
	enum mw_fault fault = moment->has_event ? moment->event.fault : MW_FAULT_NONE;
	double prior[MW_N_FAULT];

	memset(ret_ranking, 0, sizeof(*ret_ranking));
	find_alarms(causes, moment, ret_ranking);
	for (size_t i = 0; i < ret_ranking->n_symptom; i++) {
		look_back(causes, moment, ret_ranking->symptom[i].onset_ns, ret_ranking->at[i]);
		ret_ranking->symptom[i].at = ret_ranking->at[i];
	}
	if (ret_ranking->n_symptom == 0)
		find_deviations(causes, moment, ret_ranking);
	input.n_symptoms = ret_ranking->n_symptom;
	input.symptom = ret_ranking->symptom;
	ret_ranking->n_cause = mw_causes_rank(&input, ret_ranking->cause);
	if (!moment->has_event &&
	    (ret_ranking->n_cause == 0 || !r->profile || r->profile->n_weak == 0))
		return; /* nothing tells one fault from another */
	mw_causes_prior(fault, moment->has_event ? moment->event.fault_probability : 0, prior);
	ret_ranking->n_belief =
	    mw_causes_faults(prior, &input, ret_ranking->cause, ret_ranking->n_cause, r->library,
			     r->asset_opts.language, ret_ranking->belief);
}
