#include "model/corpus/generic.h"

#include <math.h>
#include <string.h>

double mw_generic_unit(const struct generic *g, const double *noise_unit, size_t channel)
{
	return noise_unit[channel] / g->channel[channel].gain;
}

/* ---- drawing ---- */

static bool pushable(const struct generic *g, size_t i)
{
	return g->channel[i].kind == CHANNEL_PLAIN || g->channel[i].kind == CHANNEL_PV;
}

static double draw_keep(struct mw_rng *rng, double chance, double lo, double hi)
{
	double rows = mw_rng_log_uniform(rng, lo, hi);

	return mw_rng_chance(rng, chance) ? mw_exp(-1 / rows) : 0;
}

static void scale_weights(struct generic_fault *f, size_t n)
{
	double most = 0;

	for (size_t i = 0; i < n; i++)
		most = fmax(most, fabs(f->weight[i]));
	for (size_t i = 0; i < n && most > 0; i++)
		f->weight[i] /= most;
}

/* A random direction over about `share` of the channels, one at least. */
static void draw_direction(const struct generic *g, struct generic_fault *f, double share,
			   struct mw_rng *rng)
{
	size_t sure = mw_rng_below(rng, g->n_channel);

	while (!pushable(g, sure))
		sure = (sure + 1) % g->n_channel;
	for (size_t i = 0; i < g->n_channel; i++) {
		double sign = mw_rng_sign(rng);
		double w = sign * mw_rng_log_uniform(rng, 0.25, 1);

		f->keep[i] = draw_keep(rng, 0.5, 1, 20);
		if (pushable(g, i) && (mw_rng_chance(rng, share) || i == sure))
			f->weight[i] = w;
	}
	scale_weights(f, g->n_channel);
}

static double share_of(const struct generic *g, double n)
{
	return fmin(n / (double)g->n_channel, 1);
}

static void lean(const struct generic *g, struct generic_fault *f, double toward_rest)
{
	for (size_t i = 0; i < g->n_channel; i++) {
		double rest = g->channel[i].rest;

		if (rest != 0)
			f->weight[i] = fabs(f->weight[i]) * copysign(toward_rest, rest);
	}
}

static int strongest_driver(const struct generic *g, bool lively)
{
	int best = 0;
	double most = -1;

	for (size_t k = 0; k < g->n_driver; k++) {
		enum generic_driver_kind kind = g->driver[k].kind;
		double sum = 0;

		for (size_t i = 0; i < g->n_channel; i++)
			sum += pushable(g, i) ? fabs(g->channel[i].mix[k]) : 0;
		sum *= g->driver[k].amp + 1e-3;
		if (lively && kind != DRIVER_WANDER && kind != DRIVER_CYCLE)
			sum *= 0.1;
		if (sum > most) {
			most = sum;
			best = (int)k;
		}
	}
	return best;
}

/* Pushes the channels as a driver does: the correlations stay, the movement is new. */
static void follow_driver(const struct generic *g, struct generic_fault *f, size_t k)
{
	double most = 0;

	for (size_t i = 0; i < g->n_channel; i++) {
		f->weight[i] = pushable(g, i) ? g->channel[i].mix[k] : 0;
		f->keep[i] = g->channel[i].keep;
		if (fabs(f->weight[i]) > most) {
			most = fabs(f->weight[i]);
			f->reference = (int)i;
		}
	}
	scale_weights(f, g->n_channel);
}

/* A push in a random direction: a step, or a movement of its own.  (What swings to and fro is
 * hunting.) */
static void draw_push(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	double kind = mw_rng_uniform(rng, 0, 1);
	double share = mw_rng_chance(rng, 0.35) ? 1 : mw_rng_uniform(rng, 0.2, 1);
	size_t driver = mw_rng_below(rng, g->n_driver);

	draw_direction(g, f, share, rng);
	if (kind < 0.35)
		return;
	f->hold = 0;
	f->swing = 1;
	f->profile = kind < 0.73 ? PROFILE_RESTLESS : kind < 0.85 ? PROFILE_WALK : PROFILE_PULSES;
	if (kind < 0.55)
		follow_driver(g, f, driver);
	for (size_t i = 0; i < g->n_channel; i++)
		if (f->weight[i] != 0)
			return;
	f->reference = -1;
	draw_direction(g, f, share, rng);
}

/* Remix of one channel, scaled so that drivers of their usual size give an effect of `size`. */
static void set_remix(const struct generic *g, struct generic_fault *f, size_t i,
		      const double *change, double size)
{
	double square = 0;

	for (size_t k = 0; k < g->n_driver; k++)
		square += mw_square(change[k] * g->driver[k].amp);
	if (square <= 0)
		return;
	f->has_remix = true;
	for (size_t k = 0; k < g->n_driver; k++)
		f->remix[i][k] = size * change[k] / sqrt(square);
}

/* How much the channel's response weakens, part of what the fault does to it. */
static void weaken(const struct generic *g, struct generic_fault *f, double size)
{
	for (size_t i = 0; i < g->n_channel; i++) {
		double change[GENERIC_MAX_DRIVER];

		for (size_t k = 0; k < g->n_driver; k++)
			change[k] = -g->channel[i].mix[k];
		set_remix(g, f, i, change, size * fabs(f->weight[i]));
	}
}

/* New mixing, a changed gain, or the loss of what tied a channel to the others. */
static void draw_coupling(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	size_t kind = mw_rng_below(rng, 3);
	double up = mw_rng_chance(rng, 0.5) ? 1 : -1;
	double part = kind == 2 ? 0.6 : 0.1;

	draw_direction(g, f, mw_rng_uniform(rng, 0.15, 1), rng);
	f->hold = 0;
	f->swing = 1;
	f->profile = PROFILE_RESTLESS;
	for (size_t i = 0; i < g->n_channel; i++) {
		double change[GENERIC_MAX_DRIVER];

		for (size_t k = 0; k < g->n_driver; k++) {
			double z = mw_rng_normal(rng);

			change[k] = kind == 0 ? z : (kind == 1 ? up : -1) * g->channel[i].mix[k];
		}
		set_remix(g, f, i, change, 0.6 * f->weight[i]);
		if (f->has_remix)
			f->weight[i] *= part;
	}
}

static int draw_loop_index(const struct generic *g, struct mw_rng *rng)
{
	size_t l = mw_rng_below(rng, GENERIC_MAX_LOOP);

	return g->n_loop > 0 ? (int)(l % g->n_loop) : -1;
}

static void draw_hunting(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	f->loop = draw_loop_index(g, rng);
	f->hold = 0;
	f->swing = 1;
	f->profile = PROFILE_WAVE;
	if (f->loop < 0)
		draw_direction(g, f, share_of(g, mw_rng_uniform(rng, 1, 4)), rng);
}

/* Without loops: a valve that nobody measures; what it let through stays where it was. */
static void draw_jam(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	double jump = mw_rng_log_uniform(rng, 0.05, 0.6);

	f->loop = draw_loop_index(g, rng);
	f->hold = mw_rng_chance(rng, 0.5) ? jump : -jump;
	f->jammed = true;
	if (f->loop >= 0)
		return;
	f->cut = strongest_driver(g, true);
	follow_driver(g, f, (size_t)f->cut);
	if (f->reference < 0)
		draw_direction(g, f, share_of(g, 2), rng);
}

/* Something escapes: a few quantities of one balance run away, the first of them falls. */
static void draw_leak(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	bool first = true;

	draw_direction(g, f, share_of(g, mw_rng_uniform(rng, 1.5, 6)), rng);
	for (size_t i = 0; i < g->n_channel; i++) {
		f->keep[i] = draw_keep(rng, 0.8, 3, 40);
		if (f->weight[i] == 0 || !first)
			continue;
		f->weight[i] = -1;
		first = false;
	}
}

/* Upstream rises, downstream falls and no longer answers as it did. */
static void draw_blockage(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	double side = 1;

	draw_direction(g, f, share_of(g, mw_rng_uniform(rng, 1.5, 5)), rng);
	for (size_t i = 0; i < g->n_channel; i++) {
		if (f->weight[i] == 0)
			continue;
		f->weight[i] = side * fabs(f->weight[i]);
		side = -side;
	}
	weaken(g, f, 0.25);
}

/* A film that grows: one or a few channels creep the same way and answer less. */
static void draw_fouling(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	double way = mw_rng_chance(rng, 0.5) ? 1 : -1;

	draw_direction(g, f, share_of(g, mw_rng_uniform(rng, 0.5, 3)), rng);
	for (size_t i = 0; i < g->n_channel; i++) {
		f->weight[i] = way * fabs(f->weight[i]);
		f->keep[i] = draw_keep(rng, 1, 5, 60);
	}
	weaken(g, f, 0.15);
}

static void draw_overload(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	draw_direction(g, f, mw_rng_uniform(rng, 0.5, 1), rng);
	lean(g, f, -1);
	f->swing = 0.25;
	f->profile = PROFILE_RESTLESS;
}

static void draw_speed_loss(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	draw_direction(g, f, mw_rng_uniform(rng, 0.4, 1), rng);
	lean(g, f, 1);
	weaken(g, f, 0.3);
	f->slow_down = 2;
}

/* On a machine of which nothing is known a leak, a blockage or an overload has no name of its own:
 * something in the process is not as it was, and that is what is said. */
static void draw_disturbance(const struct generic *g, struct generic_fault *f, struct mw_rng *rng)
{
	static void (*const mechanism[])(const struct generic *, struct generic_fault *,
					 struct mw_rng *) = {
	    draw_push,    draw_push,     draw_push,       draw_leak, draw_blockage,
	    draw_fouling, draw_overload, draw_speed_loss, draw_jam,
	};
	size_t i = mw_rng_below(rng, sizeof(mechanism) / sizeof(mechanism[0]));

	mechanism[i](g, f, rng);
}

void mw_generic_fault_draw(const struct generic *g, const struct mw_plant_act *act,
			   struct generic_fault *ret_fault)
{
	struct generic_fault *f = ret_fault;
	struct mw_rng rng;

	memset(f, 0, sizeof(*f));
	f->seed = act->seed;
	f->fault = act->fault;
	f->hold = 1;
	f->reference = f->cut = f->loop = -1;
	mw_rng_seed(&rng, act->seed);
	f->period = mw_rng_log_uniform(&rng, 4, 60);
	f->keep_profile = mw_exp(-1 / mw_rng_log_uniform(&rng, 1, 25));
	switch (act->fault) {
	case MW_FAULT_COUPLING_CHANGE:
		draw_coupling(g, f, &rng);
		break;
	case MW_FAULT_HUNTING:
		draw_hunting(g, f, &rng);
		break;
	default:
		draw_disturbance(g, f, &rng);
	}
}

/* ---- causal order ---- */

struct order {
	const struct generic *g;
	bool listed[MW_SIM_MAX_CHANNELS];
	uint8_t *channel;
	size_t n;
};

static void list(struct order *o, int channel)
{
	if (channel < 0 || o->listed[channel])
		return;
	o->listed[channel] = true;
	o->channel[o->n++] = (uint8_t)channel;
}

/* Prompt answers before slow ones, and among the equally prompt the strong before the weak. */
static bool before(const struct generic_fault *f, size_t a, size_t b)
{
	double slow_a = f->keep[a] > 0 ? -1 / mw_ln(f->keep[a]) : 0;
	double slow_b = f->keep[b] > 0 ? -1 / mw_ln(f->keep[b]) : 0;

	if (fabs(slow_a - slow_b) > 4)
		return slow_a < slow_b;
	return fabs(f->weight[a]) > fabs(f->weight[b]);
}

static void list_loop(struct order *o, size_t l, bool valve_first)
{
	const struct generic_loop *loop = &o->g->loop[l];

	if (valve_first)
		list(o, loop->valve);
	list(o, loop->pv);
	list(o, loop->valve);
}

static void list_fed(struct order *o, size_t l)
{
	for (size_t i = 0; i < o->g->n_channel; i++)
		if (o->g->channel[i].kind == CHANNEL_PLAIN && o->g->channel[i].loop == (int)l)
			list(o, (int)i);
}

static void list_pushed(struct order *o, const struct generic_fault *f)
{
	for (;;) {
		int next = -1;

		for (size_t i = 0; i < o->g->n_channel; i++)
			if (!o->listed[i] && f->weight[i] != 0 &&
			    (next < 0 || before(f, i, (size_t)next)))
				next = (int)i;
		if (next < 0)
			return;
		list(o, next);
		if (o->g->channel[next].kind == CHANNEL_PV)
			list_loop(o, (size_t)o->g->channel[next].loop, false);
	}
}

size_t mw_generic_fault_cause(const void *state, const struct mw_plant_act *act,
			      uint8_t *ret_channel)
{
	struct order o = {.g = state, .channel = ret_channel};
	struct generic_fault f;

	mw_generic_fault_draw(o.g, act, &f);
	if (f.loop >= 0)
		list_loop(&o, (size_t)f.loop, f.fault == MW_FAULT_HUNTING);
	list_pushed(&o, &f);
	for (size_t l = 0; l < o.g->n_loop; l++)
		if (o.listed[o.g->loop[l].pv])
			list_fed(&o, l);
	return o.n;
}

/* ---- one row ---- */

static void step_profile(struct generic *g)
{
	const struct generic_fault *f = &g->fault;
	double normal = mw_rng_normal(&g->fault_rng);
	bool hit = mw_rng_chance(&g->fault_rng, 1 / (f->period + 2));

	switch (f->profile) {
	case PROFILE_RESTLESS:
		g->fault_source = f->keep_profile * g->fault_source +
				  sqrt(1 - f->keep_profile * f->keep_profile) * normal;
		break;
	case PROFILE_WALK:
		g->fault_source += 0.1 * normal;
		break;
	case PROFILE_WAVE:
		g->fault_phase += mw_exp(0.08 * normal) / f->period;
		g->fault_source = mw_tanh(1.5 * mw_sin(2 * M_PI * g->fault_phase)) / 0.9;
		break;
	case PROFILE_PULSES:
		g->fault_source = hit ? 1 : f->keep_profile * g->fault_source;
		break;
	case PROFILE_HOLD:
		break;
	}
	g->fault_profile = f->hold + f->swing * g->fault_source;
}

static void begin(struct generic *g, const struct mw_plant_act *act, const double *driver)
{
	mw_generic_fault_draw(g, act, &g->fault);
	mw_rng_seed(&g->fault_rng, ~act->seed);
	g->fault_source = g->fault.profile == PROFILE_PULSES ? 1 : mw_rng_normal(&g->fault_rng);
	if (g->fault.profile == PROFILE_WALK)
		g->fault_source = 0;
	g->fault_phase = mw_rng_uniform(&g->fault_rng, 0, 1);
	g->cut_at = g->fault.cut >= 0 ? driver[g->fault.cut] : 0;
}

static double remixed(const struct generic *g, size_t i, const double *driver)
{
	double sum = 0;

	for (size_t k = 0; k < g->n_driver; k++)
		sum += g->fault.remix[i][k] * driver[k];
	return sum;
}

static void fade(struct generic *g, double *ret_add)
{
	for (size_t i = 0; i < g->n_channel; i++)
		ret_add[i] = g->fault_out[i] *= g->fault.keep[i];
}

static void push(struct generic *g, const struct mw_plant_row *row, const double *driver, size_t i,
		 double *ret_add)
{
	const struct generic_fault *f = &g->fault;
	size_t reference = f->reference >= 0 ? (size_t)f->reference : i;
	double force = row->fault.level * GENERIC_GROSS;
	double target = force * f->weight[i] * g->fault_profile *
			mw_generic_unit(g, row->noise_unit, reference);

	g->fault_out[i] = f->keep[i] * g->fault_out[i] + (1 - f->keep[i]) * target;
	ret_add[i] = g->fault_out[i];
	if (f->has_remix)
		ret_add[i] +=
		    force * mw_generic_unit(g, row->noise_unit, i) * remixed(g, i, driver);
	if (f->cut >= 0)
		ret_add[i] += g->channel[i].mix[f->cut] * (g->cut_at - driver[f->cut]) *
			      fmin(6 * row->fault.level, 1);
}

void mw_generic_fault_row(struct generic *g, const struct mw_plant_row *row, const double *driver,
			  double *ret_add)
{
	if (row->fault.fault == MW_FAULT_NONE) {
		g->fault.fault = MW_FAULT_NONE;
		fade(g, ret_add);
		return;
	}
	if (g->fault.fault == MW_FAULT_NONE || g->fault.seed != row->fault.seed)
		begin(g, &row->fault, driver);
	step_profile(g);
	for (size_t i = 0; i < g->n_channel; i++)
		push(g, row, driver, i, ret_add);
}
