#include "gateway/core/lookout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ALARM_BITS       8.0 /* of an alarm that normal life never had */
#define OUTSIDE_BITS     6.0 /* of a value outside of the profile's normal limits */
#define DANGER_BITS      9.0 /* ... of its alarm limits */
#define HEALTHY_STRENGTH 2.0 /* of mw_evidence_finding */
#define BITS_PER_OCTAVE  2.0 /* a strength of 8 is as telling as a state seen every 16 minutes */
#define DEVIATES         3.0F

enum stage { STAGE_FREE, STAGE_NEW, STAGE_SEEN, STAGE_DONE };

/* An alarm of the control that stands. */
struct watch {
	uint8_t stage; /* looked at: not yet, when it showed, and again after the slack */
	uint16_t channel;
	int64_t onset_ns;
};

struct mw_lookout {
	size_t n_channels, n_pairs, n_watch;
	const struct mw_profile *profile;
	int *entry;    /* [n_channels] */
	double *value; /* [n_channels] as last pushed */
	struct mw_timeline *timeline;
	struct mw_timeline_pair *pair; /* [n_pairs] */
	struct watch watch[MW_CAUSES_SYMPTOMS];
	struct mw_cause_channel *seen; /* n_watch x n_channels: as it was when each alarm showed */
	struct mw_cause_channel *at;   /* the same with findings, or one row for no alarm */
};

enum mw_channel_kind mw_lookout_kind(const struct mw_lookout *lookout, size_t channel)
{
	int entry = lookout->entry[channel];

	return entry < 0 ? MW_CHANNEL_MEASURED : lookout->profile->channel[entry].kind;
}

/* --- made ------------------------------------------------------------------------------------- */

static bool makes_pair(const struct mw_lookout *lookout, size_t channel)
{
	enum mw_channel_kind kind = mw_lookout_kind(lookout, channel);

	return lookout->entry[channel] >= 0 &&
	       (kind == MW_CHANNEL_STATE || kind == MW_CHANNEL_COMMAND ||
		kind == MW_CHANNEL_MEASURED);
}

static bool drives(const struct mw_lookout *lookout, size_t from, size_t to)
{
	const struct mw_profile *profile = lookout->profile;

	for (size_t e = 0; e < profile->n_edge; e++)
		if (profile->edge[e].from == lookout->entry[from] &&
		    profile->edge[e].to == lookout->entry[to])
			return true;
	return false;
}

/* false: out of memory. */
static bool find_pairs(struct mw_lookout *lookout)
{
	struct mw_timeline_pair pair[MW_TIMELINE_PAIRS_MAX];
	size_t n = lookout->n_channels, n_pairs = 0;

	for (size_t i = 0; i < n * n && n_pairs < MW_TIMELINE_PAIRS_MAX; i++) {
		size_t from = i / n, to = i % n;

		if (makes_pair(lookout, from) && makes_pair(lookout, to) &&
		    drives(lookout, from, to))
			pair[n_pairs++] = (struct mw_timeline_pair){(uint16_t)from, (uint16_t)to};
	}
	lookout->pair = calloc(n_pairs + 1, sizeof(pair[0]));
	if (!lookout->pair)
		return false;
	memcpy(lookout->pair, pair, n_pairs * sizeof(pair[0]));
	lookout->n_pairs = n_pairs;
	return true;
}

static void find_alarms(struct mw_lookout *lookout)
{
	for (size_t c = 0; c < lookout->n_channels && lookout->n_watch < MW_CAUSES_SYMPTOMS; c++)
		lookout->n_watch += mw_lookout_kind(lookout, c) == MW_CHANNEL_ALARM;
}

/* What only the number of channels decides; false: out of memory. */
static bool make_channels(struct mw_lookout *lookout, const int *entry)
{
	size_t n = lookout->n_channels;

	lookout->entry = calloc(n + 1, sizeof(*lookout->entry));
	lookout->value = calloc(n + 1, sizeof(*lookout->value));
	if (!lookout->entry || !lookout->value)
		return false;
	for (size_t c = 0; c < n; c++) {
		lookout->entry[c] = lookout->profile ? entry[c] : -1;
		lookout->value[c] = NAN;
	}
	return true;
}

static bool make_looks(struct mw_lookout *lookout)
{
	size_t n = lookout->n_channels, rows;

	if (lookout->profile) {
		if (!find_pairs(lookout))
			return false;
		find_alarms(lookout);
	}
	rows = lookout->n_watch > 0 ? lookout->n_watch : 1;
	lookout->seen = calloc(rows * n + 1, sizeof(*lookout->seen));
	lookout->at = calloc(rows * n + 1, sizeof(*lookout->at));
	return lookout->seen && lookout->at &&
	       mw_timeline_new(n, lookout->pair, lookout->n_pairs, &lookout->timeline) == MW_E_OK;
}

mw_err mw_lookout_new(const struct mw_profile *profile, const int *entry, size_t n_channels,
		      struct mw_lookout **ret_lookout)
{
	struct mw_lookout *lookout;

	if (n_channels > MW_MAX_CHANNELS)
		return MW_E_INVAL;
	lookout = calloc(1, sizeof(*lookout));
	if (!lookout)
		return MW_E_NOMEM;
	lookout->n_channels = n_channels;
	lookout->profile = profile;
	if (!make_channels(lookout, entry) || !make_looks(lookout)) {
		mw_lookout_free(lookout);
		return MW_E_NOMEM;
	}
	*ret_lookout = lookout;
	return MW_E_OK;
}

void mw_lookout_free(struct mw_lookout *lookout)
{
	if (!lookout)
		return;
	mw_timeline_free(lookout->timeline);
	free(lookout->seen);
	free(lookout->at);
	free(lookout->pair);
	free(lookout->value);
	free(lookout->entry);
	free(lookout);
}

/* --- how unusual things are at a time --------------------------------------------------------- */

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
static void look_at_pairs(const struct mw_lookout *lookout, int64_t time_ns,
			  struct mw_cause_channel *at)
{
	for (size_t i = 0; i < lookout->n_pairs; i++) {
		const struct mw_timeline_pair *pair = &lookout->pair[i];
		struct mw_rarity both = mw_timeline_pair_rarity(lookout->timeline, i, time_ns);
		struct mw_rarity driver =
		    mw_timeline_rarity(lookout->timeline, pair->from, time_ns);

		if (both.known)
			raise_to(&at[pair->to],
				 both.bits - (driver.known ? fmax(driver.bits, 0) : 0),
				 both.since_ns, pair->from);
	}
}

static void look_at_limits(const struct mw_lookout *lookout, int64_t time_ns, size_t channel,
			   struct mw_cause_channel *at)
{
	int entry = lookout->entry[channel];
	int outside =
	    entry < 0 ? 0 : mw_profile_outside(&lookout->profile->channel[entry], at->value);

	if (outside > 0)
		raise_to(at, outside > 1 ? DANGER_BITS : OUTSIDE_BITS,
			 at->since_ns ? at->since_ns : time_ns, -1);
}

/* The most unusual of this time and what `at` holds already. */
static void look(const struct mw_lookout *lookout, int64_t time_ns, struct mw_cause_channel *at)
{
	for (size_t c = 0; c < lookout->n_channels; c++) {
		struct mw_rarity alone = mw_timeline_rarity(lookout->timeline, c, time_ns);

		at[c].present = at[c].present || !isnan(lookout->value[c]);
		at[c].value = lookout->value[c];
		if (alone.known)
			raise_to(&at[c], alone.bits, alone.since_ns, -1);
		else if (!at[c].known)
			at[c].since_ns = alone.since_ns;
		look_at_limits(lookout, time_ns, c, &at[c]);
	}
	look_at_pairs(lookout, time_ns, at);
}

static void unknown(const struct mw_lookout *lookout, struct mw_cause_channel *at)
{
	for (size_t c = 0; c < lookout->n_channels; c++)
		at[c] = (struct mw_cause_channel){.partner = -1, .value = NAN};
}

/* Takes the looks at an alarm that are due before `time_ns` (the looks need what came before it). */
static void look_when_due(struct mw_lookout *lookout, size_t i, int64_t time_ns)
{
	struct watch *watch = &lookout->watch[i];
	struct mw_cause_channel *seen = lookout->seen + i * lookout->n_channels;

	if (watch->stage == STAGE_NEW && time_ns > watch->onset_ns) {
		unknown(lookout, seen);
		look(lookout, watch->onset_ns, seen);
		watch->stage = STAGE_SEEN;
	}
	if (watch->stage == STAGE_SEEN && time_ns > watch->onset_ns + MW_LOOKOUT_SLACK_NS) {
		look(lookout, watch->onset_ns + MW_LOOKOUT_SLACK_NS, seen);
		watch->stage = STAGE_DONE;
	}
}

/* --- following -------------------------------------------------------------------------------- */

static double rarity_of_alarm(const struct mw_lookout *lookout, size_t channel)
{
	struct mw_rarity now = mw_timeline_rarity(lookout->timeline, channel, 0);

	return now.known ? mw_timeline_rarity(lookout->timeline, channel, now.since_ns).bits
			 : ALARM_BITS;
}

/* A free place, or that of the least telling alarm. */
static struct watch *place_for(struct mw_lookout *lookout, size_t channel)
{
	struct watch *least = NULL;
	double least_bits = rarity_of_alarm(lookout, channel);

	for (size_t i = 0; i < lookout->n_watch; i++) {
		struct watch *watch = &lookout->watch[i];

		if (watch->stage == STAGE_FREE)
			return watch;
		if (rarity_of_alarm(lookout, watch->channel) < least_bits) {
			least = watch;
			least_bits = rarity_of_alarm(lookout, watch->channel);
		}
	}
	return least;
}

static void follow_alarm(struct mw_lookout *lookout, size_t channel, double before, double value)
{
	bool stood = !isnan(before) && before != 0, stands = !isnan(value) && value != 0;
	struct watch *place;

	if (stood && before == value)
		return;
	for (size_t i = 0; i < lookout->n_watch; i++)
		if (lookout->watch[i].stage != STAGE_FREE && lookout->watch[i].channel == channel)
			lookout->watch[i].stage = STAGE_FREE;
	place = stands ? place_for(lookout, channel) : NULL;
	if (place)
		*place = (struct watch){
		    STAGE_NEW, (uint16_t)channel,
		    mw_timeline_rarity(lookout->timeline, channel, INT64_MAX).since_ns};
}

void mw_lookout_push(struct mw_lookout *lookout, size_t channel, int64_t time_ns, double value)
{
	double before = lookout->value[channel];

	for (size_t i = 0; i < lookout->n_watch; i++)
		look_when_due(lookout, i, time_ns);
	mw_timeline_push(lookout->timeline, channel, time_ns, value);
	lookout->value[channel] = value;
	if (lookout->n_watch > 0 && mw_lookout_kind(lookout, channel) == MW_CHANNEL_ALARM)
		follow_alarm(lookout, channel, before, value);
}

void mw_lookout_learn(struct mw_lookout *lookout, bool learn)
{
	mw_timeline_learn(lookout->timeline, learn);
}

void mw_lookout_cut(struct mw_lookout *lookout, int64_t time_ns)
{
	mw_timeline_cut(lookout->timeline, time_ns);
	for (size_t c = 0; c < lookout->n_channels; c++)
		lookout->value[c] = NAN;
	memset(lookout->watch, 0, sizeof(lookout->watch));
}

/* --- findings --------------------------------------------------------------------------------- */

static double bits_of(const struct mw_evidence *evidence, size_t channel, double strength)
{
	float f[MW_N_FEATURES];
	double level = 0, all = BITS_PER_OCTAVE * log2(strength / HEALTHY_STRENGTH);

	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		mw_evidence_patch(evidence, channel, p, f);
		level = fmax(level, fabs((double)f[MW_F_LEVEL]));
	}
	return fmax(BITS_PER_OCTAVE * log2(level / HEALTHY_STRENGTH), all > 0 ? all / 2 : all);
}

/* When the channel's deviation began in the window: its first patch over the limit. */
static int64_t deviates_since(const struct mw_evidence *evidence, size_t channel, int64_t now_ns)
{
	double value, expected;
	float f[MW_N_FEATURES];
	int64_t time_ns = now_ns;

	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		mw_evidence_patch(evidence, channel, p, f);
		if (fabsf(f[MW_F_LEVEL]) < DEVIATES && fabsf(f[MW_F_STATIC]) < DEVIATES &&
		    fabsf(f[MW_F_DYNAMIC]) < DEVIATES)
			continue;
		mw_evidence_sample(evidence, channel, p * MW_PATCH_ROWS, &value, &expected,
				   &time_ns);
		break;
	}
	return time_ns;
}

bool mw_lookout_finding(const struct mw_evidence *evidence, size_t channel, int64_t now_ns,
			struct mw_cause_channel *ret_finding)
{
	struct mw_channel_finding finding;

	mw_evidence_finding(evidence, channel, 0, &finding);
	if (isnan(finding.expected))
		return false;
	*ret_finding = (struct mw_cause_channel){
	    .present = true,
	    .known = true,
	    .bits = bits_of(evidence, channel, finding.strength),
	    .since_ns = deviates_since(evidence, channel, now_ns),
	    .partner = -1,
	    .value = finding.peak_value,
	};
	return true;
}

/* What the window's statistics say of channels that are no state channels. */
static void add_findings(const struct mw_lookout *lookout, const struct mw_cause_channel *finding,
			 int64_t onset_ns, struct mw_cause_channel *at)
{
	for (size_t c = 0; c < lookout->n_channels; c++) {
		if (!finding[c].known || mw_lookout_kind(lookout, c) != MW_CHANNEL_MEASURED ||
		    (at[c].known && at[c].bits > finding[c].bits))
			continue;
		if (at[c].known && finding[c].since_ns > onset_ns + MW_LOOKOUT_SLACK_NS)
			continue;
		at[c] = finding[c];
	}
}

/* --- symptoms --------------------------------------------------------------------------------- */

static void add_symptom(struct mw_ranking *ranking, const struct mw_symptom *symptom)
{
	struct mw_symptom *least = &ranking->symptom[0];

	if (!(symptom->bits > 0))
		return;
	if (ranking->n_symptom < MW_CAUSES_SYMPTOMS) {
		least = &ranking->symptom[ranking->n_symptom++];
	} else {
		for (size_t i = 1; i < MW_CAUSES_SYMPTOMS; i++)
			if (ranking->symptom[i].bits < least->bits)
				least = &ranking->symptom[i];
		if (least->bits >= symptom->bits)
			return;
	}
	*least = *symptom;
}

/* Alarms of the control that stand, by the rarity of their standing at all. */
static void take_alarms(struct mw_lookout *lookout, int64_t time_ns,
			const struct mw_cause_channel *finding, struct mw_ranking *ranking)
{
	size_t n = lookout->n_channels;

	for (size_t i = 0; i < lookout->n_watch; i++) {
		const struct watch *watch = &lookout->watch[i];
		struct mw_cause_channel *at = lookout->at + i * n;

		if (watch->stage == STAGE_FREE)
			continue;
		look_when_due(lookout, i, time_ns + 1);
		memcpy(at, lookout->seen + i * n, n * sizeof(*at));
		if (watch->stage == STAGE_NEW) { /* the alarm is of this very moment */
			unknown(lookout, at);
			look(lookout, watch->onset_ns, at);
		}
		add_findings(lookout, finding, watch->onset_ns, at);
		add_symptom(ranking, &(struct mw_symptom){watch->channel,
							  rarity_of_alarm(lookout, watch->channel),
							  watch->onset_ns, at});
	}
}

/* No alarm: whatever deviates wants an explanation. */
static void take_deviations(struct mw_lookout *lookout, int64_t time_ns,
			    const struct mw_cause_channel *finding, struct mw_ranking *ranking)
{
	struct mw_cause_channel *at = lookout->at;

	unknown(lookout, at);
	look(lookout, time_ns, at);
	add_findings(lookout, finding, time_ns, at);
	for (size_t c = 0; c < lookout->n_channels; c++)
		if (at[c].present && at[c].known &&
		    mw_lookout_kind(lookout, c) != MW_CHANNEL_COUNTER &&
		    mw_lookout_kind(lookout, c) != MW_CHANNEL_ALARM)
			add_symptom(ranking,
				    &(struct mw_symptom){c, at[c].bits, at[c].since_ns, at});
}

void mw_lookout_rank(struct mw_lookout *lookout, int64_t time_ns,
		     const struct mw_cause_channel *finding, struct mw_ranking *ret_ranking)
{
	memset(ret_ranking, 0, sizeof(*ret_ranking));
	take_alarms(lookout, time_ns, finding, ret_ranking);
	if (ret_ranking->n_symptom == 0)
		take_deviations(lookout, time_ns, finding, ret_ranking);
	ret_ranking->input =
	    (struct mw_causes_input){.n_channels = lookout->n_channels,
				     .profile = lookout->profile,
				     .paths = lookout->profile ? lookout->profile->paths : NULL,
				     .entry = lookout->entry,
				     .slack_ns = MW_LOOKOUT_SLACK_NS,
				     .n_symptoms = ret_ranking->n_symptom,
				     .symptom = ret_ranking->symptom};
	ret_ranking->n_cause = mw_causes_rank(&ret_ranking->input, ret_ranking->cause);
}

/* --- state ------------------------------------------------------------------------------------ */

static void put_seen(struct mw_writer *w, const struct mw_cause_channel *at)
{
	mw_put_u8(w, (uint8_t)(at->present | at->known << 1));
	mw_put_f64(w, at->bits);
	mw_put_i64(w, at->since_ns);
	mw_put_u16(w, (uint16_t)(at->partner + 1));
	mw_put_f64(w, at->value);
}

static bool get_seen(struct mw_reader *r, size_t n_channels, struct mw_cause_channel *at)
{
	uint8_t flags = mw_get_u8(r);
	uint16_t partner;

	at->present = flags & 1;
	at->known = flags & 2;
	at->bits = mw_get_f64(r);
	at->since_ns = mw_get_i64(r);
	partner = mw_get_u16(r);
	at->partner = partner - 1;
	at->value = mw_get_f64(r);
	return !r->failed && partner <= n_channels && isfinite(at->bits);
}

static void put_watch(const struct mw_lookout *lookout, size_t i, struct mw_writer *w)
{
	const struct watch *watch = &lookout->watch[i];

	mw_put_u8(w, watch->stage);
	mw_put_u16(w, watch->channel);
	mw_put_i64(w, watch->onset_ns);
	for (size_t c = 0; c < lookout->n_channels && watch->stage >= STAGE_SEEN; c++)
		put_seen(w, &lookout->seen[i * lookout->n_channels + c]);
}

static bool get_watch(struct mw_lookout *lookout, size_t i, struct mw_reader *r)
{
	struct watch *watch = &lookout->watch[i];
	bool good;

	watch->stage = mw_get_u8(r);
	watch->channel = mw_get_u16(r);
	watch->onset_ns = mw_get_i64(r);
	good = watch->stage <= STAGE_DONE && watch->channel < lookout->n_channels &&
	       watch->onset_ns <= INT64_MAX - MW_LOOKOUT_SLACK_NS;
	for (size_t c = 0; c < lookout->n_channels && watch->stage >= STAGE_SEEN && good; c++)
		good =
		    get_seen(r, lookout->n_channels, &lookout->seen[i * lookout->n_channels + c]);
	return good;
}

void mw_lookout_put(const struct mw_lookout *lookout, struct mw_writer *writer)
{
	struct mw_writer part = {0};
	uint8_t *data = NULL;
	size_t size = 0;

	mw_timeline_put(lookout->timeline, &part);
	mw_put_u8(&part, (uint8_t)lookout->n_watch);
	for (size_t c = 0; c < lookout->n_channels; c++)
		mw_put_f64(&part, lookout->value[c]);
	for (size_t i = 0; i < lookout->n_watch; i++)
		put_watch(lookout, i, &part);
	if (mw_writer_finish(&part, &data, &size) != MW_E_OK) {
		writer->failed = true;
		return;
	}
	mw_put_u32(writer, (uint32_t)size);
	mw_put_bytes(writer, data, size);
	free(data);
}

static bool get_all(struct mw_lookout *lookout, struct mw_reader *r)
{
	struct mw_timeline *timeline;

	if (mw_timeline_get(r, &timeline) != MW_E_OK)
		return false;
	if (!mw_timeline_is_of(timeline, lookout->n_channels, lookout->pair, lookout->n_pairs) ||
	    mw_get_u8(r) != lookout->n_watch) {
		mw_timeline_free(timeline);
		return true;
	}
	mw_timeline_free(lookout->timeline);
	lookout->timeline = timeline;
	for (size_t c = 0; c < lookout->n_channels; c++)
		lookout->value[c] = mw_get_f64(r);
	for (size_t i = 0; i < lookout->n_watch; i++)
		if (!get_watch(lookout, i, r))
			return false;
	return mw_reader_is_done(r);
}

mw_err mw_lookout_get(struct mw_lookout *lookout, struct mw_reader *reader)
{
	size_t size = mw_get_u32(reader);
	const uint8_t *data = mw_get_bytes(reader, size);
	struct mw_reader part;

	if (!data)
		return MW_E_CORRUPT;
	mw_reader_init(&part, data, size);
	return get_all(lookout, &part) ? MW_E_OK : MW_E_CORRUPT;
}
