/* replay_causes.c -- the lookout over the recording's events, and the causes ranked at a moment. */
#include "gateway/app/replay.h"

#include <stdlib.h>
#include <string.h>

struct replay_causes {
	const struct replay *r;
	struct mw_lookout *lookout;
	size_t next; /* event of the main recording not yet pushed */
};

static void learn_events(struct replay_causes *causes, const struct mw_recording *events,
			 int64_t before_ns)
{
	int64_t end = 0;

	for (size_t i = 0; i < events->n_event && events->event[i].time_ns < before_ns; i++) {
		const struct mw_long_event *event = &events->event[i];

		mw_lookout_push(causes->lookout, event->channel, event->time_ns, event->value);
		end = event->time_ns;
	}
	mw_lookout_cut(causes->lookout, end);
}

mw_err replay_causes_new(struct replay *r, struct replay_causes **ret_causes)
{
	struct replay_causes *causes = calloc(1, sizeof(*causes));
	int entry[MW_MAX_CHANNELS];
	mw_err err;

	if (!causes)
		return MW_E_NOMEM;
	causes->r = r;
	for (size_t c = 0; c < r->n_channels; c++)
		entry[c] = mw_profile_index(r->profile, r->channel[c]);
	err = mw_lookout_new(r->profile, entry, r->n_channels, &causes->lookout);
	if (err) {
		free(causes);
		return err;
	}
	mw_lookout_learn(causes->lookout, true);
	for (size_t i = 0; i < r->n_learn_file; i++)
		learn_events(causes, &r->learn[i].events, INT64_MAX);
	learn_events(causes, &r->main.events, r->learn_to_ns);
	mw_lookout_learn(causes->lookout, false);
	*ret_causes = causes;
	return MW_E_OK;
}

void replay_causes_free(struct replay_causes *causes)
{
	if (!causes)
		return;
	mw_lookout_free(causes->lookout);
	free(causes);
}

static void follow(struct replay_causes *causes, int64_t time_ns)
{
	const struct mw_recording *events = &causes->r->main.events;

	for (; causes->next < events->n_event && events->event[causes->next].time_ns <= time_ns;
	     causes->next++) {
		const struct mw_long_event *event = &events->event[causes->next];

		mw_lookout_push(causes->lookout, event->channel, event->time_ns, event->value);
	}
}

void replay_causes_rank(struct replay_causes *causes, const struct replay_moment *moment,
			struct replay_ranking *ret_ranking)
{
	const struct replay *r = causes->r;
	struct mw_ranking *ranking = &ret_ranking->of;
	enum mw_fault fault = moment->has_event ? moment->event.fault : MW_FAULT_NONE;
	double prior[MW_N_FAULT];

	ret_ranking->n_belief = 0;
	follow(causes, moment->time_ns);
	mw_lookout_rank(causes->lookout, moment->time_ns, moment->finding, ranking);
	if (ranking->input.slack_ns < moment->patch_ns)
		ranking->input.slack_ns = moment->patch_ns;
	mw_causes_blend(&ranking->input, moment->view, ranking->cause, ranking->n_cause);
	if (!moment->has_event && (ranking->n_cause == 0 || !r->profile || r->profile->n_weak == 0))
		return; /* nothing tells one fault from another */
	mw_causes_prior(fault, moment->has_event ? moment->event.fault_probability : 0, prior);
	ret_ranking->n_belief =
	    mw_causes_faults(prior, &ranking->input, ranking->cause, ranking->n_cause, r->library,
			     r->asset_opts.language, ret_ranking->belief);
}
