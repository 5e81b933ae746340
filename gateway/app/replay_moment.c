/* replay_moment.c -- what the asset knows at the times that --explain-at asks for. */
#include "gateway/app/replay.h"

#include <math.h>
#include <string.h>

#define HEALTHY_STRENGTH 2.0 /* of mw_evidence_finding */
#define BITS_PER_OCTAVE  2.0 /* a strength of 8 is as telling as a state seen every 16 minutes */
#define DEVIATES         3.0F

/* How unusual the channel is in bits: its own level in full; what only the other channels or its
 * recent past make unusual by half, since a joint model spreads one channel's deviation over all
 * (Alcala and Qin 2009 on smearing). */
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

static void take_findings(const struct replay *r, struct replay_moment *moment)
{
	const struct mw_evidence *evidence = mw_asset_evidence(r->asset);
	const struct mw_assembler *assembler = mw_asset_assembler(r->asset);
	struct mw_channel_finding finding;

	if (!evidence || !mw_evidence_window_ready(evidence))
		return;
	for (size_t c = 0; c < mw_evidence_n_channels(evidence); c++) {
		int channel = replay_channel(r, mw_assembler_name(assembler, c));
		struct mw_cause_channel *into;

		if (channel < 0)
			continue;
		mw_evidence_finding(evidence, c, 0, &finding);
		if (isnan(finding.expected)) /* never learnt */
			continue;
		into = &moment->finding[channel];
		into->present = into->known = true;
		into->bits = bits_of(evidence, c, finding.strength);
		into->since_ns =
		    deviates_since(evidence, c, moment->time_ns + r->shift_ns) - r->shift_ns;
		into->partner = -1;
		into->value = finding.peak_value;
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
