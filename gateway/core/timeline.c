#include "gateway/core/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BINS         64 /* half octaves of sojourn lengths */
#define BINS_PER_OCT 2.0
#define SHORTEST_S   1e-3 /* the first bin's length; the last one is of about 50 days */
#define NS           1e9
#define HALF_A_COUNT 0.5
#define PER_S        60.0

/* The sojourns of one state of one track. */
struct state {
	double value[2];
	uint32_t n;   /* completed */
	uint32_t cut; /* cut off */
	uint32_t bin[BINS];
	float bin_s[BINS]; /* seconds in the sojourns of each bin */
	double cut_s;
};

struct track {
	size_t n_states;
	bool many; /* more states than fit: no state channel */
	struct state state[MW_TIMELINE_STATES];
	double exposure_s;
	/* where it stands now */
	bool standing;
	bool whole; /* the sojourn's begin was seen */
	double value[2];
	int64_t since_ns;
};

struct mw_timeline {
	size_t n_channels, n_pairs;
	bool learn;
	int64_t now_ns;
	struct track *track; /* channels, then pairs */
	struct mw_timeline_pair *pair;
};

mw_err mw_timeline_new(size_t n_channels, const struct mw_timeline_pair *pair, size_t n_pairs,
		       struct mw_timeline **ret_timeline)
{
	struct mw_timeline *timeline;

	if (n_channels == 0 || n_pairs > MW_TIMELINE_PAIRS_MAX)
		return MW_E_INVAL;
	for (size_t i = 0; i < n_pairs; i++)
		if (pair[i].from >= n_channels || pair[i].to >= n_channels)
			return MW_E_INVAL;
	timeline = calloc(1, sizeof(*timeline));
	if (!timeline)
		return MW_E_NOMEM;
	timeline->n_channels = n_channels;
	timeline->n_pairs = n_pairs;
	timeline->now_ns = INT64_MIN;
	timeline->track = calloc(n_channels + n_pairs, sizeof(*timeline->track));
	timeline->pair = calloc(n_pairs + 1, sizeof(*timeline->pair));
	if (!timeline->track || !timeline->pair) {
		mw_timeline_free(timeline);
		return MW_E_NOMEM;
	}
	if (n_pairs > 0)
		memcpy(timeline->pair, pair, n_pairs * sizeof(*pair));
	*ret_timeline = timeline;
	return MW_E_OK;
}

void mw_timeline_free(struct mw_timeline *timeline)
{
	if (!timeline)
		return;
	free(timeline->track);
	free(timeline->pair);
	free(timeline);
}

/* --- learning --------------------------------------------------------------------------------- */

static size_t bin_of(double seconds)
{
	double bin = seconds > SHORTEST_S ? floor(BINS_PER_OCT * log2(seconds / SHORTEST_S)) : 0;

	return bin < BINS - 1 ? (size_t)bin : BINS - 1;
}

static bool same(const double a[2], const double b[2])
{
	return a[0] == b[0] && a[1] == b[1];
}

static const struct state *find_state(const struct track *track, const double value[2])
{
	for (size_t i = 0; i < track->n_states; i++)
		if (same(track->state[i].value, value))
			return &track->state[i];
	return NULL;
}

static struct state *make_state(struct track *track, const double value[2])
{
	struct state *found = (struct state *)find_state(track, value);

	if (found)
		return found;
	if (track->n_states == MW_TIMELINE_STATES) {
		track->many = true;
		return NULL;
	}
	found = &track->state[track->n_states++];
	memcpy(found->value, value, sizeof(found->value));
	return found;
}

static void leave(struct mw_timeline *timeline, struct track *track, int64_t time_ns, bool whole)
{
	double seconds = (double)(time_ns - track->since_ns) / NS;
	struct state *state;

	if (!track->standing)
		return;
	track->standing = false;
	if (!timeline->learn)
		return;
	track->exposure_s += seconds;
	state = make_state(track, track->value);
	if (!state)
		return;
	if (!whole || !track->whole) {
		state->cut++;
		state->cut_s += seconds;
	} else {
		state->n++;
		state->bin[bin_of(seconds)]++;
		state->bin_s[bin_of(seconds)] += (float)seconds;
	}
}

static void enter(struct track *track, int64_t time_ns, const double value[2], bool whole)
{
	track->standing = !isnan(value[0]) && !isnan(value[1]);
	track->whole = whole;
	memcpy(track->value, value, sizeof(track->value));
	track->since_ns = time_ns;
}

static void change(struct mw_timeline *timeline, struct track *track, int64_t time_ns,
		   const double value[2])
{
	bool followed = track->standing;

	if (followed && same(track->value, value))
		return;
	leave(timeline, track, time_ns, !isnan(value[0]) && !isnan(value[1]));
	enter(track, time_ns, value, followed);
}

static double present(const struct mw_timeline *timeline, size_t channel)
{
	const struct track *track = &timeline->track[channel];

	return track->standing ? track->value[0] : NAN;
}

void mw_timeline_push(struct mw_timeline *timeline, size_t channel, int64_t time_ns, double value)
{
	const double alone[2] = {value, 0};

	if (time_ns < timeline->now_ns)
		time_ns = timeline->now_ns;
	timeline->now_ns = time_ns;
	change(timeline, &timeline->track[channel], time_ns, alone);
	for (size_t i = 0; i < timeline->n_pairs; i++) {
		const struct mw_timeline_pair *pair = &timeline->pair[i];
		const double both[2] = {present(timeline, pair->from), present(timeline, pair->to)};

		if (pair->from == channel || pair->to == channel)
			change(timeline, &timeline->track[timeline->n_channels + i], time_ns, both);
	}
}

void mw_timeline_learn(struct mw_timeline *timeline, bool learn)
{
	timeline->learn = learn;
}

void mw_timeline_cut(struct mw_timeline *timeline, int64_t time_ns)
{
	if (time_ns < timeline->now_ns)
		time_ns = timeline->now_ns;
	for (size_t i = 0; i < timeline->n_channels + timeline->n_pairs; i++)
		leave(timeline, &timeline->track[i], time_ns, false);
	timeline->now_ns = INT64_MIN; /* another recording may be of another time */
}

/* --- asking ----------------------------------------------------------------------------------- */

/* Sojourns of that length or longer, and the seconds spent in them. */
static void longer_sojourns(const struct state *state, double seconds, double *ret_n, double *ret_s)
{
	*ret_n = state->cut;
	*ret_s = state->cut_s;
	for (size_t bin = bin_of(seconds); bin < BINS; bin++) {
		*ret_n += state->bin[bin];
		*ret_s += (double)state->bin_s[bin];
	}
}

static struct mw_rarity rarity(const struct track *track, int64_t time_ns)
{
	struct mw_rarity ret = {.known = track->standing && !track->many &&
					 track->exposure_s >= MW_TIMELINE_EXPOSURE_S,
				.since_ns = track->since_ns};
	double seconds = time_ns > track->since_ns ? (double)(time_ns - track->since_ns) / NS : 0;
	double n = 0, spent_s = 0;
	const struct state *state;

	memcpy(ret.value, track->value, sizeof(ret.value));
	if (!ret.known)
		return ret;
	state = find_state(track, track->value);
	if (state) {
		ret.seen = state->n + state->cut;
		longer_sojourns(state, seconds, &n, &spent_s);
	}
	ret.bits = log2(track->exposure_s / PER_S / (n + HALF_A_COUNT));
	if (spent_s > 0)
		ret.bits = fmin(ret.bits, log2(track->exposure_s / spent_s));
	return ret;
}

struct mw_rarity mw_timeline_rarity(const struct mw_timeline *timeline, size_t channel,
				    int64_t time_ns)
{
	return rarity(&timeline->track[channel], time_ns);
}

struct mw_rarity mw_timeline_pair_rarity(const struct mw_timeline *timeline, size_t pair,
					 int64_t time_ns)
{
	return rarity(&timeline->track[timeline->n_channels + pair], time_ns);
}

double mw_timeline_exposure(const struct mw_timeline *timeline, size_t channel)
{
	return timeline->track[channel].exposure_s;
}
