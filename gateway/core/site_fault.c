#include "gateway/core/site_fault.h"

#include "gateway/core/baseline_impl.h"
#include "gateway/core/profile.h"

#include <math.h>
#include <string.h>

#define NEWEST   2    /* patches that are "now" */
#define PLAIN    7.0  /* healthy spreads from which a level is plainly seen */
#define DEVIATES 3.0F /* of a patch feature */
#define STEADY   3.0  /* level up to which a channel is steady */
#define OFF      4.0  /* level from which it is off */
#define MEASURED 2    /* signs that must have a channel for an entry to be judged ... */
#define SHARE    0.5  /* ... and of all its signs */
#define SUSPECT  1.5  /* log-odds below even at which a channel is half suspected */
#define FAR      3.0  /* most octaves that count */

/* Unrest. */
#define SETTLES   12     /* patch since which it is looked at, at the latest: of steps ... */
#define TURNS     10     /* ... and of the level's turns */
#define STEP_LOW  (-5.6) /* octaves: a channel whose healthy steps are smaller says nothing */
#define OWN_STEP  1.0    /* octaves of steps under a spread that are not seen */
#define STEP_MORE 0.5
#define LEAST     0.06   /* of a mean square */
#define TURN      1.65   /* median size of a second difference of noise of rms 1 */
#define RESTLESS  0.7    /* of a channel that is off by it */
#define ALIVE     (-3.0) /* log-odds of a channel that may be off at all */

/* Of the logit. */
#define B_BASE      (-1.5)
#define B_SEEN      1.8
#define B_MISSING   0.95
#define B_MOVED     0.9
#define B_UNSPOKEN  1.1
#define B_HELD      1.0
#define B_NAMED     (-3.1)
#define B_NAME      0.95
#define NAME_BOUND  3.0
#define NAME_SENSOR 3.0 /* a sensor is blamed, and it is alone */

const char *mw_sign_text(int does)
{
	return does == MW_SIGN_STEADY ? "steady" : mw_claim_text((enum mw_claim)does);
}

int mw_sign_from_text(const char *text)
{
	return strcmp(text, "steady") == 0 ? (int)MW_SIGN_STEADY
					   : mw_claim_from_text(text, strlen(text));
}

/* --- what a channel does ---------------------------------------------------------------------- */

static double level_of(const struct mw_evidence *evidence, size_t channel, size_t patch)
{
	float f[MW_N_FEATURES];

	mw_evidence_patch(evidence, channel, patch, f);
	return (double)f[MW_F_LEVEL];
}

static bool deviates(const struct mw_evidence *evidence, size_t channel, size_t patch)
{
	float f[MW_N_FEATURES];

	mw_evidence_patch(evidence, channel, patch, f);
	return fabsf(f[MW_F_LEVEL]) >= DEVIATES || fabsf(f[MW_F_STATIC]) >= DEVIATES ||
	       fabsf(f[MW_F_DYNAMIC]) >= DEVIATES;
}

/* Octaves that the steps are past the healthy ones, and the whitened residual about its mean. */
static double unrest_within(const struct mw_evidence *evidence, size_t channel, size_t from)
{
	double scatter[MW_WINDOW_PATCHES], step[MW_WINDOW_PATCHES];
	float header[MW_N_FEATURES], f[MW_N_FEATURES];
	size_t n = 0;

	mw_evidence_header(evidence, channel, header);
	for (size_t p = from; p < MW_WINDOW_PATCHES; p++, n++) {
		double mean, rms;

		mw_evidence_patch(evidence, channel, p, f);
		mean = (double)f[MW_F_DYNAMIC] / 2;
		rms = exp2((double)f[MW_F_DYNAMIC_RMS]);
		scatter[n] = log2(fmax(rms * rms - mean * mean, LEAST)) / 2;
		step[n] = (double)f[MW_F_STEP_RMS] - fmax((double)header[MW_F_STEP_RMS], -OWN_STEP);
	}
	if ((double)header[MW_F_STEP_RMS] <= STEP_LOW)
		return fmin(robust_median(scatter, n), STEP_MORE);
	return fmin(robust_median(scatter, n), robust_median(step, n) + STEP_MORE);
}

/* Octaves that the level turns more from patch to patch than noise does; a step turns it but once. */
static double unrest_between(const struct mw_evidence *evidence, size_t channel, size_t from)
{
	double turn[MW_WINDOW_PATCHES];
	size_t n = 0;

	for (size_t p = from; p + 2 < MW_WINDOW_PATCHES; p++)
		turn[n++] =
		    fabs(level_of(evidence, channel, p) - 2 * level_of(evidence, channel, p + 1) +
			 level_of(evidence, channel, p + 2));
	return log2(fmax(robust_median(turn, n) / TURN, LEAST));
}

static double unrest_of(const struct mw_evidence *evidence, size_t channel, size_t onset)
{
	double within = unrest_within(evidence, channel, onset < SETTLES ? onset : (size_t)SETTLES);
	double between = unrest_between(evidence, channel, onset < TURNS ? onset : (size_t)TURNS);

	return fmin(fmax(fmax(within, between), 0), FAR);
}

void mw_site_look(const struct mw_evidence *evidence, size_t channel, size_t onset_patch,
		  struct mw_site_channel *ret_channel)
{
	size_t before = onset_patch > 0 ? onset_patch - 1 : 0;
	double now = 0, residual = 0, change;
	float f[MW_N_FEATURES];

	for (size_t p = MW_WINDOW_PATCHES - NEWEST; p < MW_WINDOW_PATCHES; p++) {
		mw_evidence_patch(evidence, channel, p, f);
		now += (double)f[MW_F_LEVEL] / NEWEST;
		residual += (double)f[MW_F_STATIC] / NEWEST;
	}
	change = now - level_of(evidence, channel, before);
	ret_channel->level = fabs(change) > fabs(now) ? change : now;
	ret_channel->residual = residual;
	ret_channel->unrest = unrest_of(evidence, channel, onset_patch);
	ret_channel->left = -1;
	for (size_t p = 0; p < MW_WINDOW_PATCHES && ret_channel->left < 0; p++)
		if (deviates(evidence, channel, p))
			ret_channel->left = (int)p;
}

/* --- signs ------------------------------------------------------------------------------------ */

static double size_of(double level)
{
	double size = fmin(log2(1 + fabs(level)) / log2(1 + PLAIN), 1);

	return level < 0 ? -size : size;
}

static bool speaks_of(const struct mw_site_sign *sign, const struct mw_site_channel *channel)
{
	if (sign->channel[0] == '\0')
		return channel->role == sign->role;
	return mw_profile_matches(sign->channel, channel->name);
}

static int left_of(const struct mw_site_window *window, const char *pattern)
{
	for (size_t c = 0; c < window->n_channel; c++)
		if (mw_profile_matches(pattern, window->channel[c].name))
			return window->channel[c].left;
	return -1;
}

/* Patches are the grain of an order: nearer ones are "with". */
static double order(const struct mw_site_sign *sign, const struct mw_site_channel *channel,
		    const struct mw_site_window *window)
{
	int other = left_of(window, sign->other);
	int later = channel->left - other;

	if (channel->left < 0 || other < 0)
		return 0;
	if (sign->does == MW_CLAIM_WITH)
		return later >= -1 && later <= 1 ? 1 : -1;
	if (later == 0)
		return 0;
	return (later > 0) == (sign->does == MW_CLAIM_AFTER) ? 1 : -1;
}

static bool is_unrest(int does)
{
	return does == MW_CLAIM_NOISY || does == MW_CLAIM_SWINGS || does == MW_CLAIM_SPIKES;
}

static double unrest(const struct mw_site_channel *channel)
{
	const uint32_t shapes = MW_CLAIM(NOISY) | MW_CLAIM(SWINGS);

	return channel->claims & shapes ? fmax(channel->unrest, 1) : channel->unrest;
}

static double level_worth(const struct mw_site_channel *channel, double sign)
{
	return (size_of(sign * channel->level) + size_of(sign * channel->residual)) / 2;
}

/* What a channel shows of a sign: -1 .. 1. */
static double worth(const struct mw_site_sign *sign, const struct mw_site_channel *channel,
		    const struct mw_site_window *window)
{
	switch (sign->does) {
	case MW_CLAIM_ABOVE:
	case MW_CLAIM_ROSE:
		return level_worth(channel, 1);
	case MW_CLAIM_BELOW:
	case MW_CLAIM_FELL:
		return level_worth(channel, -1);
	case MW_SIGN_STEADY:
		return -size_of(fmax(fabs(channel->level) - STEADY, 0));
	case MW_CLAIM_AFTER:
	case MW_CLAIM_BEFORE:
	case MW_CLAIM_WITH:
		return order(sign, channel, window);
	default:
		return is_unrest(sign->does) ? fmin(unrest(channel), 1)
					     : (double)(channel->claims >> sign->does & 1);
	}
}

/* How far the model holds a channel for faulty: 0 .. 1; of one that it did not read it says nothing. */
static double suspected(const struct mw_site_channel *channel)
{
	return isfinite(channel->suspicion) ? 1 / (1 + exp(-channel->suspicion - SUSPECT)) : 1;
}

/* --- an entry --------------------------------------------------------------------------------- */

/* What an entry says of one channel. */
struct spoken {
	bool of, quiet;
	double worth; /* the plainest of its signs, either way */
};

/* Of several channels that fit, the one that shows it best speaks; of a steady one, the worst. */
static void add_sign(const struct mw_site_sign *sign, const struct mw_site_window *window,
		     struct spoken *spoken, struct mw_site_fit *fit)
{
	const struct mw_site_channel *best = NULL;
	bool steady = sign->does == MW_SIGN_STEADY;
	double most = 0, now;

	for (size_t c = 0; c < window->n_channel; c++) {
		const struct mw_site_channel *channel = &window->channel[c];

		if (!speaks_of(sign, channel))
			continue;
		now = worth(sign, channel, window);
		spoken[c].of = true;
		spoken[c].quiet |= steady;
		if (!steady && fabs(now) > fabs(spoken[c].worth))
			spoken[c].worth = now;
		if (best && now <= most)
			continue;
		best = channel;
		most = now;
	}
	if (!best)
		return;
	fit->n_measured++;
	if (steady)
		return;
	fit->shown += sign->weight * fmax(most, 0);
	fit->seen += sign->weight * fmax(most, 0) * suspected(best);
	fit->missing += sign->weight * (1 - fmax(most, 0));
}

static void add_channel(const struct mw_site_channel *channel, const struct spoken *spoken,
			struct mw_site_fit *fit)
{
	double level = fabs(channel->level), far = log2(fmax((1 + level) / OFF, 1));
	double doubt = suspected(channel);

	if (!spoken->of)
		fit->unspoken = fmax(fit->unspoken, fmin(doubt * far, FAR));
	if (spoken->quiet && spoken->worth <= 0)
		fit->moved = fmax(fit->moved, doubt * size_of(fmax(level - STEADY, 0)));
}

void mw_site_fit(const struct mw_site_fault *fault, const struct mw_site_window *window,
		 struct mw_site_fit *ret_fit)
{
	struct spoken spoken[MW_MAX_CHANNELS] = {0};
	struct mw_site_fit fit = {0};

	for (size_t i = 0; i < fault->n_sign; i++)
		add_sign(&fault->sign[i], window, spoken, &fit);
	for (size_t c = 0; c < window->n_channel; c++)
		add_channel(&window->channel[c], &spoken[c], &fit);
	*ret_fit = fit;
}

/* --- which it is ------------------------------------------------------------------------------ */

static bool can_be_judged(const struct mw_site_fault *fault, const struct mw_site_fit *fit)
{
	return fit->shown > 0 && fit->n_measured >= MEASURED &&
	       (double)fit->n_measured >= SHARE * (double)fault->n_sign;
}

static double log_odds(const struct mw_site_fault *fault, const struct mw_site_fit *fit)
{
	return B_BASE + log(fault->weight) + B_SEEN * fit->seen - B_MISSING * fit->missing -
	       B_MOVED * fit->moved - B_UNSPOKEN * fit->unspoken;
}

static bool is_off(const struct mw_site_channel *channel)
{
	return fabs(channel->level) > OFF ||
	       (unrest(channel) > RESTLESS && channel->suspicion > ALIVE);
}

static double log_odds_of_name(enum mw_fault named, double probability,
			       const struct mw_site_window *window)
{
	double p = fmin(probability, 0.999), sure;
	size_t n_level = 0, n_off = 0;

	if (!(p > 0))
		return -INFINITY;
	sure = fmax(fmin(log(p / (1 - p)), NAME_BOUND), -NAME_BOUND);
	if (mw_fault_kind_of(named) == MW_KIND_SENSOR) {
		for (size_t c = 0; c < window->n_channel; c++) {
			n_level += fabs(window->channel[c].level) > OFF;
			n_off += is_off(&window->channel[c]);
		}
		if (n_level > 1)
			return -INFINITY;
		sure += n_off <= 1 ? NAME_SENSOR : 0;
	}
	return B_NAMED + B_NAME * sure;
}

void mw_site_match(const struct mw_site_fault *fault, size_t n_fault,
		   const struct mw_site_window *window, enum mw_fault named, double probability,
		   int held, struct mw_site_match *ret_match)
{
	double name = log_odds_of_name(named, probability, window), best = -INFINITY;
	double sum = 1 + exp(name);

	*ret_match = (struct mw_site_match){.best = -1};
	for (size_t i = 0; i < n_fault; i++) {
		struct mw_site_fit fit;
		double odds;

		mw_site_fit(&fault[i], window, &fit);
		if (!can_be_judged(&fault[i], &fit))
			continue;
		odds = log_odds(&fault[i], &fit) + ((int)i == held ? B_HELD : 0);
		sum += exp(odds);
		if (odds <= best)
			continue;
		best = odds;
		ret_match->best = (int)i;
	}
	ret_match->probability = exp(best) / sum;
	ret_match->named = exp(name) / sum;
	ret_match->unknown = 1 / sum;
	ret_match->wins = ret_match->probability > 0.5;
}
