#include "model/corpus/physics.h"

#include <math.h>

#define TWO_PI 6.283185307179586

double mw_clamp(double x, double lo, double hi)
{
	return x < lo ? lo : x > hi ? hi : x;
}

double mw_lag(double x, double target, double dt_s, double tau_s)
{
	return x + (target - x) * dt_s / (tau_s + dt_s);
}

double mw_approach(double x, double target, double most)
{
	return x + mw_clamp(target - x, -most, most);
}

void mw_draws_take(struct mw_draws *draws, struct mw_rng *rng)
{
	double gust;

	for (size_t i = 0; i < 4; i++)
		draws->u[i] = mw_rng_uniform(rng, 0.0, 1.0);
	gust = draws->u[3] < 0.004 ? 4.0 : draws->u[3] < 0.03 ? 1.8 : 1.0;
	for (size_t i = 0; i < 12; i++)
		draws->n[i] = mw_rng_normal(rng) * (i < 8 ? 1.0 : gust);
}

void mw_wander_init(struct mw_wander *wander, double sd, double tau_s, struct mw_rng *rng)
{
	*wander = (struct mw_wander){.x = sd * mw_rng_normal(rng), .sd = sd, .tau_s = tau_s};
}

double mw_wander_step(struct mw_wander *wander, double normal, double dt_s)
{
	double forget = dt_s / (wander->tau_s + dt_s);

	/* The variance stays sd^2 at any step: keep^2 + (1 - keep^2). */
	wander->x += -forget * wander->x + wander->sd * sqrt(forget * (2.0 - forget)) * normal;
	return wander->x;
}

void mw_pi_init(struct mw_pi *pi, double gain, double reset_s, double start)
{
	*pi = (struct mw_pi){
	    .gain = gain, .reset_s = reset_s, .lo = 0.0, .hi = 1.0, .integral = start};
}

double mw_pi_step(struct mw_pi *pi, double error, double dt_s)
{
	double wish = pi->gain * error + pi->integral;
	double out = mw_clamp(wish, pi->lo, pi->hi);
	double track = dt_s / (dt_s + pi->reset_s);

	pi->integral += pi->gain * error * dt_s / pi->reset_s + (out - wish) * track;
	pi->integral = mw_clamp(pi->integral, pi->lo, pi->hi);
	return out;
}

double mw_act_level(const struct mw_plant_act *act, enum mw_fault fault)
{
	return act->fault == fault ? act->level : 0.0;
}

double mw_site_level(const struct mw_plant_act *act, enum mw_sim_site site)
{
	return act->site == site ? act->level : 0.0;
}

double mw_act_draw(const struct mw_plant_act *act, unsigned k, double lo, double hi)
{
	uint64_t z = act->seed + 0x9e3779b97f4a7c15u * (k + 1u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	z ^= z >> 31;
	return lo + (hi - lo) * (double)(z >> 11) * 0x1p-53;
}

double mw_act_sign(const struct mw_plant_act *act)
{
	return mw_act_draw(act, 0, -1.0, 1.0) < 0.0 ? -1.0 : 1.0;
}

double mw_act_wave(const struct mw_plant_act *act, double lo, double hi)
{
	return mw_sin(TWO_PI * (double)act->age_rows / mw_act_draw(act, 1, lo, hi));
}

double mw_act_beat(const struct mw_plant_act *act, double lo, double hi)
{
	return fmod((double)act->age_rows, mw_act_draw(act, 1, lo, hi)) < 1.0 ? 1.0 : 0.0;
}

double mw_act_hunting(const struct mw_plant_act *act)
{
	double level = mw_act_level(act, MW_FAULT_HUNTING);

	if (level == 0.0)
		return 0.0;
	return level * mw_sin(TWO_PI * (double)act->age_rows / mw_act_draw(act, 1, 8.0, 40.0));
}

/* Where a start stands: 0 still, 1 running again. */
static double started(const struct mw_plant_act *act)
{
	double share = (double)act->age_rows / (double)(act->length_rows ? act->length_rows : 1);
	double still = mw_act_draw(act, 1, 0.1, 0.4);
	double ramp = mw_act_draw(act, 2, 0.05, 0.4);

	return mw_clamp((share - still) / ramp, 0.0, 1.0);
}

static double stopped(const struct mw_plant_act *act)
{
	double share = (double)act->age_rows / (double)(act->length_rows ? act->length_rows : 1);

	return mw_clamp(share / mw_act_draw(act, 2, 0.03, 0.3), 0.0, 1.0);
}

struct mw_order mw_order_of(const struct mw_plant_act *operation)
{
	struct mw_order order = {.run = 1.0, .load = 1.0, .setpoint = 1.0};
	double level = mw_clamp(operation->level, 0.0, 1.0);
	double sign = mw_act_sign(operation);

	switch (operation->fault) {
	case MW_FAULT_STARTUP:
		order.run = 1.0 - level * (1.0 - started(operation));
		break;
	case MW_FAULT_SHUTDOWN:
		order.run = 1.0 - level * stopped(operation);
		break;
	case MW_FAULT_LOAD_CHANGE:
		order.load = 1.0 + level * (sign > 0 ? 0.35 : -0.5);
		break;
	case MW_FAULT_SETPOINT_CHANGE:
		order.setpoint = 1.0 + level * (sign > 0 ? 0.15 : -0.35);
		break;
	case MW_FAULT_PRODUCT_CHANGE:
		order.product = level * sign;
		break;
	case MW_FAULT_IDLE:
		order.idle = level;
		break;
	default:
		break;
	}
	return order;
}
