#include "gateway/core/site_fault.h"

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

/* Of the logit. */
#define B_BASE      (-0.6)
#define B_SEEN      0.8
#define B_AGAINST   0.5
#define B_MISSING   1.4
#define B_MOVED     0.8
#define B_UNSPOKEN  0.55
#define B_SUSPECTED 0.4
#define B_NAMED     0.1
#define B_NAME      1.6
#define B_SENSOR    (-0.3)
#define B_ALONE     (-6.7) /* a sensor is blamed, and it is not alone */

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

/* The two witnesses of a sign, each -1..1. */
struct worth {
	double level, residual;
};

static struct worth level_worth(const struct mw_site_channel *channel, double sign)
{
	return (struct worth){size_of(sign * channel->level), size_of(sign * channel->residual)};
}

static struct worth worth(const struct mw_site_sign *sign, const struct mw_site_channel *channel,
			  const struct mw_site_window *window)
{
	double both;

	switch (sign->does) {
	case MW_CLAIM_ABOVE:
	case MW_CLAIM_ROSE:
		return level_worth(channel, 1);
	case MW_CLAIM_BELOW:
	case MW_CLAIM_FELL:
		return level_worth(channel, -1);
	case MW_SIGN_STEADY:
		both = -size_of(fmax(fabs(channel->level) - STEADY, 0));
		break;
	case MW_CLAIM_AFTER:
	case MW_CLAIM_BEFORE:
	case MW_CLAIM_WITH:
		both = order(sign, channel, window);
		break;
	default:
		both = channel->claims >> sign->does & 1 ? 1 : 0;
		break;
	}
	return (struct worth){both, both};
}

/* Of several channels that fit, the one that shows it best speaks; of a steady one, the worst. */
static bool worth_of(const struct mw_site_sign *sign, const struct mw_site_window *window,
		     struct worth *ret_worth)
{
	bool found = false;

	for (size_t c = 0; c < window->n_channel; c++) {
		struct worth now;
		double more;

		if (!speaks_of(sign, &window->channel[c]))
			continue;
		now = worth(sign, &window->channel[c], window);
		more = now.level + now.residual - ret_worth->level - ret_worth->residual;
		if (!found || (sign->does == MW_SIGN_STEADY ? more < 0 : more > 0))
			*ret_worth = now;
		found = true;
	}
	return found;
}

static bool is_spoken_of(const struct mw_site_fault *fault, const struct mw_site_channel *channel)
{
	for (size_t i = 0; i < fault->n_sign; i++)
		if (speaks_of(&fault->sign[i], channel))
			return true;
	return false;
}

static void add_sign(const struct mw_site_sign *sign, const struct worth *worth,
		     struct mw_site_fit *fit)
{
	double most = fmax(worth->level, worth->residual);

	fit->n_measured++;
	if (sign->does == MW_SIGN_STEADY) {
		fit->moved -= sign->weight * most;
		return;
	}
	fit->seen += sign->weight * (fmax(worth->level, 0) + fmax(worth->residual, 0));
	fit->against += sign->weight * fmax(-most, 0);
	fit->missing += sign->weight * (1 - fmax(most, 0));
}

void mw_site_fit(const struct mw_site_fault *fault, const struct mw_site_window *window,
		 struct mw_site_fit *ret_fit)
{
	const struct mw_site_channel *suspect = NULL;
	struct mw_site_fit fit = {0};

	for (size_t i = 0; i < fault->n_sign; i++) {
		struct worth worth = {0, 0};

		if (worth_of(&fault->sign[i], window, &worth))
			add_sign(&fault->sign[i], &worth, &fit);
	}
	for (size_t c = 0; c < window->n_channel; c++) {
		const struct mw_site_channel *channel = &window->channel[c];

		if (!suspect || channel->suspicion > suspect->suspicion)
			suspect = channel;
		if (!is_spoken_of(fault, channel))
			fit.unspoken =
			    fmax(fit.unspoken, log2(fmax((1 + fabs(channel->level)) / OFF, 1)));
	}
	fit.suspected = suspect && is_spoken_of(fault, suspect);
	*ret_fit = fit;
}

/* --- which it is ------------------------------------------------------------------------------ */

static bool can_be_judged(const struct mw_site_fault *fault, const struct mw_site_fit *fit)
{
	return fit->seen > 0 && fit->n_measured >= MEASURED &&
	       (double)fit->n_measured >= SHARE * (double)fault->n_sign;
}

static double log_odds(const struct mw_site_fault *fault, const struct mw_site_fit *fit)
{
	return B_BASE + log(fault->weight) + B_SEEN * fit->seen - B_AGAINST * fit->against -
	       B_MISSING * fit->missing - B_MOVED * fit->moved - B_UNSPOKEN * fit->unspoken +
	       (fit->suspected ? B_SUSPECTED : 0);
}

static size_t n_off(const struct mw_site_window *window)
{
	size_t n = 0;

	for (size_t c = 0; c < window->n_channel; c++)
		n += fabs(window->channel[c].level) > OFF;
	return n;
}

static double log_odds_of_name(enum mw_fault named, double probability,
			       const struct mw_site_window *window)
{
	double p = fmin(probability, 0.999);
	double odds = p > 0 ? B_NAMED + B_NAME * log(p / (1 - p)) : -INFINITY;

	if (mw_fault_kind_of(named) == MW_KIND_SENSOR)
		odds += B_SENSOR + (n_off(window) > 1 ? B_ALONE : 0);
	return odds;
}

void mw_site_match(const struct mw_site_fault *fault, size_t n_fault,
		   const struct mw_site_window *window, enum mw_fault named, double probability,
		   struct mw_site_match *ret_match)
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
		odds = log_odds(&fault[i], &fit);
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
