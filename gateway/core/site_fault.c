#include "gateway/core/site_fault.h"

#include "gateway/core/profile.h"

#include <math.h>
#include <string.h>

#define NEWEST   2    /* patches that are "now" */
#define PLAIN    7.0  /* healthy spreads from which a level is plainly seen */
#define DEVIATES 3.0F /* of a patch feature */
#define STEADY   4.0  /* strength up to which a channel is steady */
#define MEASURED 2    /* signs that must have a channel for an entry to be judged ... */
#define SHARE    0.5  /* ... and of all its signs */

/* Of the logit. */
#define B_BASE      (-2.0)
#define B_SEEN      2.0
#define B_AGAINST   3.0
#define B_MISSING   0.5
#define B_UNSPOKEN  0.3
#define B_SUSPECTED 1.0
#define B_NAMED     1.0
#define B_NAME      1.0

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
	struct mw_channel_finding finding;
	size_t before = onset_patch > 0 ? onset_patch - 1 : 0;
	double now = 0, change;

	for (size_t p = MW_WINDOW_PATCHES - NEWEST; p < MW_WINDOW_PATCHES; p++)
		now += level_of(evidence, channel, p) / NEWEST;
	change = now - level_of(evidence, channel, before);
	mw_evidence_finding(evidence, channel, MW_WINDOW_PATCHES - 2 * NEWEST, &finding);
	ret_channel->level = fabs(change) > fabs(now) ? change : now;
	ret_channel->strength = finding.strength;
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

static double worth(const struct mw_site_sign *sign, const struct mw_site_channel *channel,
		    const struct mw_site_window *window)
{
	switch (sign->does) {
	case MW_CLAIM_ABOVE:
	case MW_CLAIM_ROSE:
		return size_of(channel->level);
	case MW_CLAIM_BELOW:
	case MW_CLAIM_FELL:
		return size_of(-channel->level);
	case MW_SIGN_STEADY:
		return channel->strength < STEADY ? 1 : -size_of(channel->strength - STEADY);
	case MW_CLAIM_AFTER:
	case MW_CLAIM_BEFORE:
	case MW_CLAIM_WITH:
		return order(sign, channel, window);
	default:
		return channel->claims >> sign->does & 1 ? 1 : 0;
	}
}

/* Of several channels that fit, the one that shows it best speaks; of a steady one, the worst. */
static bool worth_of(const struct mw_site_sign *sign, const struct mw_site_window *window,
		     double *ret_worth)
{
	bool found = false;

	for (size_t c = 0; c < window->n_channel; c++) {
		double now;

		if (!speaks_of(sign, &window->channel[c]))
			continue;
		now = worth(sign, &window->channel[c], window);
		if (!found || (sign->does == MW_SIGN_STEADY ? now < *ret_worth : now > *ret_worth))
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

static void add_sign(const struct mw_site_sign *sign, double worth, struct mw_site_fit *fit)
{
	double weight = sign->weight * (sign->does == MW_SIGN_STEADY ? 0.5 : 1);

	fit->n_measured++;
	fit->seen += weight * fmax(worth, 0);
	fit->against += weight * fmax(-worth, 0);
	fit->missing += weight * (1 - fabs(worth));
}

void mw_site_fit(const struct mw_site_fault *fault, const struct mw_site_window *window,
		 struct mw_site_fit *ret_fit)
{
	const struct mw_site_channel *suspect = NULL;
	struct mw_site_fit fit = {0};
	double worth = 0;

	for (size_t i = 0; i < fault->n_sign; i++)
		if (worth_of(&fault->sign[i], window, &worth))
			add_sign(&fault->sign[i], worth, &fit);
	for (size_t c = 0; c < window->n_channel; c++) {
		const struct mw_site_channel *channel = &window->channel[c];

		if (!suspect || channel->suspicion > suspect->suspicion)
			suspect = channel;
		if (!is_spoken_of(fault, channel))
			fit.unspoken =
			    fmax(fit.unspoken, log2(fmax(channel->strength / STEADY, 1)));
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
	       B_MISSING * fit->missing - B_UNSPOKEN * fit->unspoken +
	       (fit->suspected ? B_SUSPECTED : 0);
}

static double log_odds_of_name(double probability)
{
	double p = fmin(probability, 0.999);

	return p > 0 ? B_NAMED + B_NAME * log(p / (1 - p)) : -INFINITY;
}

void mw_site_match(const struct mw_site_fault *fault, size_t n_fault,
		   const struct mw_site_window *window, double model_probability,
		   struct mw_site_match *ret_match)
{
	double named = log_odds_of_name(model_probability), best = -INFINITY;
	double sum = 1 + exp(named);

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
	ret_match->named = exp(named) / sum;
	ret_match->unknown = 1 / sum;
	ret_match->wins = ret_match->probability > 0.5;
}
