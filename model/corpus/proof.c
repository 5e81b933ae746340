#include "model/corpus/proof.h"

#include <math.h>

/* Sums over the rows seen so far, of t (row), h (healthy) and d (difference). */
struct sums {
	double n, t, h, d, tt, th, td, hh, hd, dd;
};

static double reading(const struct mw_sim_series *series, const double *value, size_t row, size_t c)
{
	double v = value[row * series->n_channels + c];

	while (isnan(v) && row-- > 0)
		v = value[row * series->n_channels + c];
	return isnan(v) ? 0 : v;
}

static void add(struct sums *s, double t, double h, double d)
{
	s->n += 1;
	s->t += t;
	s->h += h;
	s->d += d;
	s->tt += t * t;
	s->th += t * h;
	s->td += t * d;
	s->hh += h * h;
	s->hd += h * d;
	s->dd += d * d;
}

/* Parts of d along 1, then t, then h, each freed of those before it (Gram-Schmidt). */
static void split(const struct sums *s, struct mw_proof_stats *ret)
{
	double tt = s->tt - s->t * s->t / s->n;
	double th = s->th - s->t * s->h / s->n;
	double td = s->td - s->t * s->d / s->n;
	double hh = s->hh - s->h * s->h / s->n;
	double hd = s->hd - s->h * s->d / s->n;
	double rest;

	if (tt > 0) {
		hh -= th * th / tt;
		hd -= th * td / tt;
	}
	ret->rms = sqrt(s->dd / s->n);
	ret->level = s->d / s->n;
	ret->slope = tt > 0 ? td / sqrt(tt * s->n) : 0;
	/* A healthy twin that hardly moves proves nothing by how it is followed. */
	ret->coupling = hh > 1e-6 * s->n ? hd / sqrt(hh * s->n) : 0;
	rest = ret->rms * ret->rms - ret->level * ret->level - ret->slope * ret->slope -
	       ret->coupling * ret->coupling;
	ret->rest = rest > 0 ? sqrt(rest) : 0;
}

struct runs {
	double last;
	size_t now, longest;
};

static void count_run(struct runs *run, double value)
{
	run->now = run->now > 0 && value == run->last ? run->now + 1 : 1;
	run->last = value;
	if (run->now > run->longest)
		run->longest = run->now;
}

void mw_proof_measure(const struct mw_sim_series *series, size_t channel, size_t from, size_t to,
		      struct mw_proof_stats *ret_stats)
{
	double unit = series->noise_unit[channel];
	double start = to > from ? reading(series, series->healthy, from, channel) : 0;
	double middle = 0.5 * (double)(to - from);
	struct runs value = {0};
	struct runs healthy = {0};
	struct sums sums = {0};
	double square[2] = {0};

	*ret_stats = (struct mw_proof_stats){.n = to - from};
	if (to <= from)
		return;
	for (size_t row = from; row < to; row++) {
		size_t at = row * series->n_channels + channel;
		double v = reading(series, series->value, row, channel);
		double h = reading(series, series->healthy, row, channel);

		if (row > from) {
			square[0] += (v - value.last) * (v - value.last);
			square[1] += (h - healthy.last) * (h - healthy.last);
		}
		count_run(&value, v);
		count_run(&healthy, h);
		ret_stats->lost +=
		    isnan(series->value[at]) && series->effect[at] == MW_SIM_EFFECT_LOST;
		add(&sums, (double)(row - from) - middle, (h - start) / unit, (v - h) / unit);
	}
	split(&sums, ret_stats);
	ret_stats->step = sqrt(square[0] / (double)(to - from)) / unit;
	ret_stats->step_healthy = sqrt(square[1] / (double)(to - from)) / unit;
	ret_stats->still = value.longest;
	ret_stats->still_healthy = healthy.longest;
}

static bool spreads(const struct mw_proof_stats *s)
{
	double now = fmax(s->step, MW_PROOF_STEP_FLOOR);
	double healthy = fmax(s->step_healthy, MW_PROOF_STEP_FLOOR);

	return now > MW_PROOF_STEP_RATIO * healthy || healthy > MW_PROOF_STEP_RATIO * now;
}

enum mw_proof mw_proof_decide(const struct mw_proof_stats *s)
{
	double most = fmax(fmax(fabs(s->level), fabs(s->slope)), fmax(fabs(s->coupling), s->rest));

	if (s->lost > 0 && (double)s->lost >= MW_PROOF_GAP_SHARE * (double)s->n)
		return MW_PROOF_GAP;
	if (!(s->rms > 0))
		return s->lost > 0 ? MW_PROOF_GAP : MW_PROOF_NONE;
	if (s->still >= MW_PROOF_STILL_ROWS && 2 * s->still >= s->n &&
	    s->still >= 2 * s->still_healthy)
		return MW_PROOF_STILLNESS;
	if (most == fabs(s->level))
		return MW_PROOF_LEVEL;
	if (most == fabs(s->slope))
		return MW_PROOF_SLOPE;
	if (most == fabs(s->coupling))
		return MW_PROOF_COUPLING;
	return spreads(s) ? MW_PROOF_SPREAD : MW_PROOF_RESIDUAL;
}
