#include "gateway/core/timeline.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BINS         64 /* half octaves of sojourn lengths */
#define BINS_PER_OCT 2.0
#define SHORTEST_S   1e-3 /* the first bin's length; the last one is of about 50 days */
#define FIRST_STATES 2    /* that a track has room for */
#define FIRST_BINS   2    /* that a state has room for */
#define NS           1e9
#define HALF_A_COUNT 0.5
#define PER_S        60.0

/* Sojourns of about the same length. */
struct bin {
	uint32_t at; /* < BINS */
	uint32_t n;
	float seconds; /* spent in them */
};

/* The sojourns of one state of one track. */
struct state {
	double value[2];
	uint32_t n;           /* completed */
	uint32_t cut;         /* cut off */
	uint8_t n_bins, room; /* at most BINS */
	struct bin *bin;      /* those that hold any, shortest first; owned */
	double cut_s;
};

struct track {
	size_t n_states, room;
	bool many; /* more states than fit: no state channel */
	struct state *state;
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

static void free_states(struct track *track)
{
	for (size_t i = 0; i < track->n_states; i++)
		free(track->state[i].bin);
	free(track->state);
	track->state = NULL;
	track->n_states = track->room = 0;
}

void mw_timeline_free(struct mw_timeline *timeline)
{
	if (!timeline)
		return;
	for (size_t i = 0; timeline->track && i < timeline->n_channels + timeline->n_pairs; i++)
		free_states(&timeline->track[i]);
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

/* A reading of the physics soon shows more states than fit: it is not worth its memory. */
static void give_up(struct track *track)
{
	free_states(track);
	track->many = true;
}

static bool make_room(struct track *track)
{
	size_t room = track->room ? 2 * track->room : FIRST_STATES;
	struct state *larger;

	if (track->n_states < track->room)
		return true;
	larger = room <= MW_TIMELINE_STATES ? realloc(track->state, room * sizeof(*larger)) : NULL;
	if (!larger)
		return false;
	track->state = larger;
	track->room = room;
	return true;
}

static bool make_bin_room(struct state *state)
{
	size_t room = state->room ? 2 * (size_t)state->room : FIRST_BINS;
	struct bin *larger;

	if (state->n_bins < state->room)
		return true;
	larger = room <= BINS ? realloc(state->bin, room * sizeof(*larger)) : NULL;
	if (!larger)
		return false;
	state->bin = larger;
	state->room = (uint8_t)room;
	return true;
}

/* The bin, empty if it was not there; NULL: out of memory. */
static struct bin *make_bin(struct state *state, size_t at)
{
	size_t i = 0;

	while (i < state->n_bins && state->bin[i].at < at)
		i++;
	if (i < state->n_bins && state->bin[i].at == at)
		return &state->bin[i];
	if (!make_bin_room(state))
		return NULL;
	memmove(state->bin + i + 1, state->bin + i, (state->n_bins - i) * sizeof(*state->bin));
	state->bin[i] = (struct bin){.at = (uint32_t)at};
	state->n_bins++;
	return &state->bin[i];
}

static struct state *make_state(struct track *track, const double value[2])
{
	struct state *found = (struct state *)find_state(track, value);

	if (found || track->many)
		return found;
	if (!make_room(track)) {
		give_up(track);
		return NULL;
	}
	found = &track->state[track->n_states++];
	*found = (struct state){.value = {value[0], value[1]}};
	return found;
}

static void leave(struct mw_timeline *timeline, struct track *track, int64_t time_ns, bool whole)
{
	double seconds = (double)(time_ns - track->since_ns) / NS;
	struct state *state;
	struct bin *bin;

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
		return;
	}
	bin = make_bin(state, bin_of(seconds));
	if (!bin) {
		give_up(track);
		return;
	}
	state->n++;
	bin->n++;
	bin->seconds += (float)seconds;
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
	size_t from = bin_of(seconds);

	*ret_n = state->cut;
	*ret_s = state->cut_s;
	for (size_t i = 0; i < state->n_bins; i++) {
		if (state->bin[i].at < from)
			continue;
		*ret_n += state->bin[i].n;
		*ret_s += (double)state->bin[i].seconds;
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

/* --- state ------------------------------------------------------------------------------------ */

static void put_state(struct mw_writer *w, const struct state *state)
{
	for (size_t i = 0; i < 2; i++)
		mw_put_f64(w, state->value[i]);
	mw_put_u32(w, state->n);
	mw_put_u32(w, state->cut);
	mw_put_f64(w, state->cut_s);
	mw_put_u8(w, state->n_bins);
	for (size_t i = 0; i < state->n_bins; i++) {
		mw_put_u8(w, (uint8_t)state->bin[i].at);
		mw_put_u32(w, state->bin[i].n);
		mw_put_f32(w, state->bin[i].seconds);
	}
}

static bool get_state(struct mw_reader *r, struct state *state)
{
	uint8_t n;

	memset(state, 0, sizeof(*state));
	for (size_t i = 0; i < 2; i++)
		state->value[i] = mw_get_f64(r);
	state->n = mw_get_u32(r);
	state->cut = mw_get_u32(r);
	state->cut_s = mw_get_f64(r);
	n = mw_get_u8(r);
	for (uint8_t i = 0; i < n && !r->failed; i++) {
		uint8_t at = mw_get_u8(r);
		struct bin *bin = at < BINS ? make_bin(state, at) : NULL;

		if (!bin)
			return false;
		bin->n = mw_get_u32(r);
		bin->seconds = mw_get_f32(r);
		if (!(bin->seconds >= 0) || isinf(bin->seconds))
			return false;
	}
	return !r->failed && isfinite(state->cut_s) && state->cut_s >= 0;
}

static void put_track(struct mw_writer *w, const struct track *track)
{
	mw_put_u8(w, (uint8_t)track->n_states);
	mw_put_u8(w, track->many);
	for (size_t i = 0; i < track->n_states; i++)
		put_state(w, &track->state[i]);
	mw_put_f64(w, track->exposure_s);
	mw_put_u8(w, track->standing);
	mw_put_u8(w, track->whole);
	for (size_t i = 0; i < 2; i++)
		mw_put_f64(w, track->value[i]);
	mw_put_i64(w, track->since_ns);
}

static bool get_track(struct mw_reader *r, struct track *track)
{
	uint8_t n = mw_get_u8(r);

	track->many = mw_get_u8(r) != 0;
	if (n > MW_TIMELINE_STATES)
		return false;
	for (uint8_t i = 0; i < n; i++)
		if (!make_room(track) || !get_state(r, &track->state[track->n_states++]))
			return false;
	track->exposure_s = mw_get_f64(r);
	track->standing = mw_get_u8(r) != 0;
	track->whole = mw_get_u8(r) != 0;
	for (size_t i = 0; i < 2; i++)
		track->value[i] = mw_get_f64(r);
	track->since_ns = mw_get_i64(r);
	return !r->failed && isfinite(track->exposure_s) && track->exposure_s >= 0;
}

void mw_timeline_put(const struct mw_timeline *timeline, struct mw_writer *w)
{
	mw_put_u16(w, (uint16_t)timeline->n_channels);
	mw_put_u16(w, (uint16_t)timeline->n_pairs);
	for (size_t i = 0; i < timeline->n_pairs; i++) {
		mw_put_u16(w, timeline->pair[i].from);
		mw_put_u16(w, timeline->pair[i].to);
	}
	mw_put_u8(w, timeline->learn);
	mw_put_i64(w, timeline->now_ns);
	for (size_t i = 0; i < timeline->n_channels + timeline->n_pairs; i++)
		put_track(w, &timeline->track[i]);
}

mw_err mw_timeline_get(struct mw_reader *r, struct mw_timeline **ret_timeline)
{
	struct mw_timeline_pair pair[MW_TIMELINE_PAIRS_MAX];
	size_t n_channels = mw_get_u16(r), n_pairs = mw_get_u16(r);
	struct mw_timeline *timeline;
	bool good = n_channels <= MW_MAX_CHANNELS;

	for (size_t i = 0; i < n_pairs && n_pairs <= MW_TIMELINE_PAIRS_MAX; i++) {
		pair[i].from = mw_get_u16(r);
		pair[i].to = mw_get_u16(r);
	}
	if (r->failed || !good || mw_timeline_new(n_channels, pair, n_pairs, &timeline) != MW_E_OK)
		return MW_E_CORRUPT;
	timeline->learn = mw_get_u8(r) != 0;
	timeline->now_ns = mw_get_i64(r);
	for (size_t i = 0; i < n_channels + n_pairs && good; i++)
		good = get_track(r, &timeline->track[i]);
	if (!good) {
		mw_timeline_free(timeline);
		return MW_E_CORRUPT;
	}
	*ret_timeline = timeline;
	return MW_E_OK;
}

bool mw_timeline_is_of(const struct mw_timeline *timeline, size_t n_channels,
		       const struct mw_timeline_pair *pair, size_t n_pairs)
{
	return timeline->n_channels == n_channels && timeline->n_pairs == n_pairs &&
	       (n_pairs == 0 || memcmp(timeline->pair, pair, n_pairs * sizeof(*pair)) == 0);
}
