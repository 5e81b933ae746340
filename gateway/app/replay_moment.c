/* replay_moment.c -- what the asset knows at the times that --explain-at asks for. */
#include "gateway/app/replay.h"

#include <math.h>
#include <string.h>

static void take_view(const struct replay *r, size_t channel, struct mw_cause_view *into)
{
	const struct mw_event *event = mw_asset_event(r->asset);
	double suspicion = mw_asset_suspicion(r->asset, channel);

	*into = (struct mw_cause_view){.read = isfinite(suspicion), .suspicion = suspicion};
	for (size_t i = 0; event && event->cleared_ns == 0 && i < event->n_channel; i++)
		if (event->channel[i].finding.channel == channel)
			into->named = (unsigned)(i + 1);
}

static void take_findings(const struct replay *r, struct replay_moment *moment)
{
	const struct mw_evidence *evidence = mw_asset_evidence(r->asset);
	const struct mw_assembler *assembler = mw_asset_assembler(r->asset);

	moment->patch_ns = MW_PATCH_ROWS * mw_assembler_period(assembler);
	if (!evidence || !mw_evidence_window_ready(evidence))
		return;
	for (size_t c = 0; c < mw_evidence_n_channels(evidence); c++) {
		int channel = replay_channel(r, mw_assembler_name(assembler, c));
		struct mw_cause_channel *into;

		if (channel < 0)
			continue;
		take_view(r, c, &moment->view[channel]);
		into = &moment->finding[channel];
		if (mw_lookout_finding(evidence, c, moment->time_ns + r->shift_ns, into))
			into->since_ns -= r->shift_ns;
	}
}

static void take(const struct replay *r, struct replay_moment *moment)
{
	const struct mw_event *event = mw_asset_event(r->asset);
	const struct scored *last = r->n_scored > 0 ? &r->scored[r->n_scored - 1] : NULL;

	moment->taken = true;
	moment->verdict = last && !last->learnt ? last->verdict : MW_VERDICT_UNKNOWN;
	moment->p_value = last && !last->learnt ? last->judgement.p_value : NAN;
	moment->has_event = event && event->cleared_ns == 0;
	if (moment->has_event)
		moment->event = *event;
	take_findings(r, moment);
}

void replay_take_moments(struct replay *r, int64_t before_ns)
{
	for (size_t i = 0; i < r->n_moment; i++)
		if (!r->moment[i].taken && r->moment[i].time_ns < before_ns)
			take(r, &r->moment[i]);
}
