/* asset_causes.c -- what is behind an event: the site's own faults, and the variables ranked. */
#include "gateway/core/asset_impl.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define OFF 4.0 /* healthy spreads from which a channel is plainly off */

/* --- the lookout ------------------------------------------------------------------------------ */

bool asset_make_lookout(struct mw_asset *asset)
{
	int entry[MW_MAX_CHANNELS];
	size_t n = mw_assembler_n_channels(asset->assembler);

	for (size_t c = 0; c < n; c++)
		entry[c] =
		    mw_profile_index(asset->opts.profile, mw_assembler_name(asset->assembler, c));
	mw_lookout_free(asset->lookout);
	asset->lookout = NULL;
	return mw_lookout_new(asset->opts.profile, entry, n, &asset->lookout) == MW_E_OK;
}

/* A row says nothing of a channel that was not heard: it stays as it was. */
void asset_follow(struct mw_asset *asset, int64_t time_ns, const double *value, size_t n)
{
	for (size_t c = 0; c < n; c++)
		if (!isnan(value[c]))
			mw_lookout_push(asset->lookout, c, time_ns, value[c]);
}

void asset_learn_lookout(struct mw_asset *asset)
{
	mw_lookout_learn(asset->lookout, true);
	for (size_t row = 0; row < (size_t)asset->rows; row++)
		asset_follow(asset, asset->learn_time[row],
			     asset->learn + row * asset->learn_stride, asset->learn_stride);
	mw_lookout_cut(asset->lookout, asset->last_row_ns);
	mw_lookout_learn(asset->lookout, false);
}

double mw_asset_suspicion(const struct mw_asset *asset, size_t channel)
{
	for (uint32_t row = 1; row < asset->n_prompt_rows; row++)
		if (asset->prompt_channel[row - 1] == channel)
			return (double)asset->suspicion[row - 1];
	return -INFINITY;
}

size_t asset_n_off(const struct mw_asset *asset)
{
	struct mw_site_channel look;
	size_t n = 0;

	for (size_t c = 0; c < mw_evidence_n_channels(asset->evidence); c++) {
		mw_site_look(asset->evidence, c, 0, &look);
		n += fabs(look.level) > OFF;
	}
	return n;
}

/* --- the site's own faults -------------------------------------------------------------------- */

static const struct mw_site_fault *site_fault_of(const struct mw_asset *asset)
{
	const struct mw_profile *profile = asset->opts.profile;

	for (size_t i = 0; profile && i < profile->n_site; i++)
		if (strcmp(profile->site[i].code, asset->event->site_fault) == 0)
			return &profile->site[i];
	return NULL;
}

static void look_at(const struct mw_asset *asset, size_t channel, size_t onset, bool before,
		    struct mw_site_channel *ret)
{
	const struct mw_profile_channel *said = asset->info.profile[channel];
	struct mw_claim_limits limits = {said ? said->low : (double)NAN,
					 said ? said->high : (double)NAN};
	struct mw_channel_finding finding;
	struct mw_claims claims;

	mw_evidence_finding(asset->evidence, channel, onset, &finding);
	mw_evidence_claims(asset->evidence, &finding, onset, before, &limits, &claims);
	mw_site_look(asset->evidence, channel, onset, ret);
	ret->claims = claims.set;
	ret->name = mw_assembler_name(asset->assembler, channel);
	ret->role = asset->info.role[channel];
	ret->suspicion = mw_asset_suspicion(asset, channel);
}

void asset_match_site(struct mw_asset *asset, size_t onset, bool before)
{
	const struct mw_profile *profile = asset->opts.profile;
	struct mw_event *event = asset->event;
	struct mw_site_window window;
	struct mw_site_match match;
	const struct mw_site_fault *held = site_fault_of(asset);

	event->site_fault[0] = '\0';
	if (!profile || profile->n_site == 0 || event->verdict == MW_VERDICT_OPERATION)
		return;
	window.n_channel = mw_evidence_n_channels(asset->evidence);
	for (size_t c = 0; c < window.n_channel; c++)
		look_at(asset, c, onset, before, &window.channel[c]);
	mw_site_match(profile->site, profile->n_site, &window, event->fault,
		      event->fault_probability, held ? (int)(held - profile->site) : -1, &match);
	if (!match.wins)
		return;
	(void)snprintf(event->site_fault, sizeof(event->site_fault), "%s",
		       profile->site[match.best].code);
	event->verdict = MW_VERDICT_FAULT;
	event->fault = MW_FAULT_UNKNOWN;
	event->fault_probability = match.probability;
}

struct mw_explain_opts asset_with_site(const struct mw_asset *asset, struct mw_explain_opts opts)
{
	const struct mw_site_fault *site = site_fault_of(asset);
	enum mw_language language = asset->event->language;

	if (site) {
		opts.fault = site->name[language];
		opts.cause = site->cause[language][0];
		opts.check = site->check[language][0];
	}
	return opts;
}

/* --- variables -------------------------------------------------------------------------------- */

static void view_of(const struct mw_asset *asset, size_t n, struct mw_cause_view *view)
{
	const struct mw_event *event = asset->event;

	for (size_t c = 0; c < n; c++) {
		double suspicion = mw_asset_suspicion(asset, c);

		view[c] =
		    (struct mw_cause_view){.read = isfinite(suspicion), .suspicion = suspicion};
	}
	for (size_t i = 0; i < event->n_channel; i++)
		view[event->channel[i].finding.channel].named = (unsigned)(i + 1);
}

static void copy_name(const struct mw_asset *asset, size_t channel, char into[MW_NAME_SIZE])
{
	(void)snprintf(into, MW_NAME_SIZE, "%s", mw_assembler_name(asset->assembler, channel));
}

static void say_why(const struct mw_asset *asset, const struct mw_ranking *ranking, size_t i,
		    struct mw_event_cause *into)
{
	const struct mw_cause *cause = &ranking->cause[i];

	if (cause->at.partner >= 0) {
		into->why |= MW_WHY_NOT_FOLLOWING;
		copy_name(asset, (size_t)cause->at.partner, into->of);
	} else if (cause->distance > 0 && cause->distance != MW_PROFILE_NO_PATH) {
		into->why |= MW_WHY_UPSTREAM;
		copy_name(asset, ranking->symptom[cause->symptom].channel, into->of);
	}
	if (cause->at.known && cause->at.bits > 0)
		into->why |= MW_WHY_DEVIATES;
	if (mw_cause_is_first_out(&ranking->input, ranking->cause, ranking->n_cause, i))
		into->why |= MW_WHY_FIRST_OUT;
	if (asset->event->site_fault[0] != '\0')
		into->why |= MW_WHY_SITE;
}

/* The fault that fits this variable; where none was named, one that the profile has just there. */
static void choose_fault(const struct mw_asset *asset, const struct mw_ranking *ranking, size_t i,
			 struct mw_event_cause *into)
{
	const struct mw_event *event = asset->event;
	struct mw_fault_belief belief[MW_CAUSES_FAULTS];
	double prior[MW_N_FAULT];
	size_t n;

	into->fault = event->fault;
	memcpy(into->site_fault, event->site_fault, sizeof(into->site_fault));
	if (event->site_fault[0] != '\0')
		return;
	mw_causes_prior(event->fault, event->fault_probability, prior);
	n = mw_causes_faults(prior, &ranking->input, &ranking->cause[i], 1, NULL, event->language,
			     belief);
	if (n == 0 || !belief[0].weak)
		return;
	if (event->fault == MW_FAULT_UNKNOWN && belief[0].weak->channel < 0)
		return;
	into->fault = belief[0].fault;
	into->why |= MW_WHY_WEAK_POINT;
}

void asset_rank_causes(struct mw_asset *asset)
{
	struct mw_event *event = asset->event;
	struct mw_cause_channel finding[MW_MAX_CHANNELS];
	struct mw_cause_view view[MW_MAX_CHANNELS];
	struct mw_ranking ranking;
	size_t n = mw_evidence_n_channels(asset->evidence);
	int64_t patch_ns = MW_PATCH_ROWS * event->period_ns;

	for (size_t c = 0; c < n; c++)
		if (!mw_lookout_finding(asset->evidence, c, asset->last_row_ns, &finding[c]))
			finding[c] = (struct mw_cause_channel){.partner = -1};
	mw_lookout_rank(asset->lookout, asset->last_row_ns, finding, &ranking);
	if (ranking.input.slack_ns < patch_ns)
		ranking.input.slack_ns = patch_ns; /* a deviation begins with its patch */
	view_of(asset, n, view);
	mw_causes_blend(&ranking.input, view, ranking.cause, ranking.n_cause);
	event->n_cause = ranking.n_cause < MW_EVENT_CAUSES ? ranking.n_cause : MW_EVENT_CAUSES;
	for (size_t i = 0; i < event->n_cause; i++) {
		struct mw_event_cause *into = &event->likely[i];

		memset(into, 0, sizeof(*into));
		copy_name(asset, ranking.cause[i].channel, into->channel);
		into->probability = ranking.cause[i].probability;
		say_why(asset, &ranking, i, into);
		choose_fault(asset, &ranking, i, into);
	}
}

/* --- words ------------------------------------------------------------------------------------ */

/* The k-th text of a list; past its end, the last one. */
static const char *text_at(char *const *text, size_t k)
{
	while (k > 0 && !text[k])
		k--;
	return text[k] ? text[k] : "";
}

static void put(char *into, size_t size, const char *text)
{
	(void)snprintf(into, size, "%s", text);
}

/* Causes of one fault are told in the library's order, the first of them first. */
static size_t told_before(const struct mw_event *event, size_t i)
{
	size_t n = 0;

	for (size_t k = 0; k < i; k++)
		n += event->likely[k].fault == event->likely[i].fault;
	return n;
}

static void phrase(const struct mw_asset *asset, const struct mw_fault_library *library, size_t i)
{
	struct mw_event *event = asset->event;
	struct mw_event_cause *into = &event->likely[i];
	enum mw_language language = event->language;
	const struct mw_fault_text *text = library ? &library->fault[into->fault][language] : NULL;
	int entry = mw_profile_index(asset->opts.profile, into->channel);
	const struct mw_profile_weak *weak =
	    mw_profile_weak_of(asset->opts.profile, into->fault, entry);
	const struct mw_site_fault *site = site_fault_of(asset);
	size_t k = told_before(event, i);

	if (site) {
		while (k > 0 && (k >= MW_SITE_TEXTS || site->cause[language][k][0] == '\0'))
			k--;
		put(into->name, sizeof(into->name), site->name[language]);
		put(into->cause, sizeof(into->cause), site->cause[language][k]);
		put(into->check, sizeof(into->check), site->check[language][0]);
		return;
	}
	put(into->name, sizeof(into->name), mw_fault_name(library, into->fault, language));
	put(into->cause, sizeof(into->cause),
	    weak && weak->cause[language][0] ? weak->cause[language]
					     : (text ? text_at(text->cause, k) : ""));
	put(into->check, sizeof(into->check),
	    weak && weak->check[language][0] ? weak->check[language]
					     : (text ? text_at(text->check, k) : ""));
}

void asset_phrase_causes(struct mw_asset *asset, const struct mw_fault_library *library)
{
	for (size_t i = 0; i < asset->event->n_cause; i++)
		phrase(asset, library, i);
}
