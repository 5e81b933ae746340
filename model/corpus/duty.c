#include "model/corpus/duty.h"

#include <math.h>

#define TWO_PI 6.283185307179586

static double uniform_load(const struct mw_duty *duty, struct mw_rng *rng)
{
	return mw_rng_uniform(rng, duty->lo, duty->hi);
}

/* A regime that works: its load, and for some machines a set point and a material of its own. */
static struct mw_regime draw_work(const struct mw_duty *duty, bool setpoints, bool products,
				  struct mw_rng *rng)
{
	struct mw_regime regime = {.run = 1, .load = uniform_load(duty, rng)};
	double setpoint = mw_rng_uniform(rng, 0.82, 1.06);
	double product = mw_rng_uniform(rng, -0.6, 0.6);

	regime.setpoint = setpoints ? setpoint : 1;
	regime.product = products ? product : 0;
	return regime;
}

/* A regime that does not: it stands, or runs for nothing. */
static struct mw_regime draw_pause(const struct mw_duty *duty, double stands, struct mw_rng *rng)
{
	struct mw_regime regime = {.setpoint = 1, .load = duty->lo};

	regime.run = mw_rng_chance(rng, stands) ? 0.0 : 1.0;
	regime.idle = mw_rng_uniform(rng, 0.5, 1);
	return regime;
}

static void draw_shift(struct mw_duty *duty, double dt_s, struct mw_rng *rng)
{
	double day = dt_s * mw_rng_uniform(rng, 70, 200);
	double share = mw_rng_uniform(rng, 0.35, 0.7);
	bool quiet = mw_rng_chance(rng, 0.4);

	duty->n = 2;
	duty->regime[0] = draw_work(duty, false, false, rng);
	duty->regime[0].load = duty->hi;
	duty->regime[1] = draw_pause(duty, 0.5, rng);
	if (!quiet) {
		duty->regime[1].run = 1;
		duty->regime[1].idle = 0;
	}
	duty->regime[0].dwell_s = share * day;
	duty->regime[1].dwell_s = day - share * day;
}

static void draw_recipes(struct mw_duty *duty, double dt_s, struct mw_rng *rng)
{
	bool setpoints = mw_rng_chance(rng, 0.4);
	bool products = mw_rng_chance(rng, 0.5);

	duty->n = (uint8_t)(2 + mw_rng_below(rng, 3));
	for (size_t i = 0; i < duty->n; i++) {
		duty->regime[i] = draw_work(duty, setpoints, products, rng);
		duty->regime[i].dwell_s =
		    dt_s * mw_rng_log_uniform(rng, 14, 150.0 / (double)duty->n);
	}
}

static void draw_jobs(struct mw_duty *duty, double dt_s, struct mw_rng *rng)
{
	struct mw_regime pause = draw_pause(duty, 0.3, rng);
	bool setpoints = mw_rng_chance(rng, 0.2);
	bool products = mw_rng_chance(rng, 0.3);
	size_t kinds = 1 + mw_rng_below(rng, 3);
	double piece_s = dt_s * mw_rng_log_uniform(rng, 8, 50.0 / (double)kinds + 10);

	pause.dwell_s = dt_s * mw_rng_log_uniform(rng, 4, 30);
	/* Nobody stops and starts a motor for every small piece. */
	if (pause.run == 0) {
		kinds = 1;
		piece_s += 35 * dt_s;
		pause.dwell_s += 12 * dt_s;
	}
	duty->n = (uint8_t)(kinds + 1);
	for (size_t i = 0; i < kinds; i++) {
		duty->regime[i] = draw_work(duty, setpoints, products, rng);
		duty->regime[i].dwell_s = piece_s * mw_rng_uniform(rng, 0.7, 1.4);
	}
	duty->regime[kinds] = pause;
}

static void draw_programme(struct mw_duty *duty, double dt_s, struct mw_rng *rng)
{
	double batch_s = dt_s * mw_rng_log_uniform(rng, 40, 130);
	bool products = mw_rng_chance(rng, 0.2);
	double weight[MW_DUTY_MAX_REGIME];
	double sum = 0;

	duty->n = (uint8_t)(3 + mw_rng_below(rng, 3));
	for (size_t i = 0; i < duty->n; i++)
		sum += weight[i] = mw_rng_uniform(rng, 0.4, 1.6);
	for (size_t i = 0; i < duty->n; i++) {
		duty->regime[i] = draw_work(duty, true, products, rng);
		duty->regime[i].dwell_s = batch_s * weight[i] / sum;
	}
	if (mw_rng_chance(rng, 0.3)) {
		struct mw_regime last = draw_pause(duty, 0.3, rng);

		last.dwell_s = duty->regime[duty->n - 1].dwell_s;
		duty->regime[duty->n - 1] = last;
	}
}

bool mw_duty_has_regimes(const struct mw_duty *duty)
{
	return duty->n > 0;
}

static void enter(struct mw_duty *duty, size_t regime, double luck)
{
	const struct mw_regime *now = &duty->regime[regime];
	double exact = duty->kind == MW_DUTY_PROGRAMME || duty->kind == MW_DUTY_SHIFT ? 0.02 : 0.3;

	duty->at = (uint8_t)regime;
	duty->visited |= (uint8_t)(1u << regime);
	duty->left_s = now->dwell_s * (1 - exact + 2 * exact * luck);
	duty->target = now->load;
}

void mw_duty_init(struct mw_duty *duty, double lo, double hi, double dt_s, struct mw_rng *rng)
{
	static const enum mw_duty_kind often[] = {
	    MW_DUTY_CONSTANT, MW_DUTY_CONSTANT,  MW_DUTY_CONSTANT,  MW_DUTY_STEPS,  MW_DUTY_STEPS,
	    MW_DUTY_STEPS,    MW_DUTY_CYCLE,     MW_DUTY_CYCLE,     MW_DUTY_SWING,  MW_DUTY_SHIFT,
	    MW_DUTY_SHIFT,    MW_DUTY_RECIPE,    MW_DUTY_RECIPE,    MW_DUTY_RECIPE, MW_DUTY_JOBS,
	    MW_DUTY_JOBS,     MW_DUTY_PROGRAMME, MW_DUTY_PROGRAMME,
	};
	double a = mw_rng_uniform(rng, lo, hi);
	double b = mw_rng_uniform(rng, lo, hi);

	*duty = (struct mw_duty){.lo = fmin(a, b), .hi = fmax(a, b), .run = 1, .setpoint = 1};
	duty->kind = often[mw_rng_below(rng, sizeof(often) / sizeof(often[0]))];
	duty->dwell_s = dt_s * mw_rng_log_uniform(rng, 20.0, 250.0);
	duty->share = mw_rng_uniform(rng, 0.25, 0.75);
	duty->ramp_s = dt_s * mw_rng_log_uniform(rng, 0.5, 12.0);
	duty->target = duty->level = a;
	duty->age_s = duty->dwell_s * mw_rng_uniform(rng, 0.0, 1.0);
	duty->hours = mw_rng_log_uniform(rng, 1, 40000);
	duty->pieces = floor(mw_rng_log_uniform(rng, 1, 100000));
	duty->running = true;
	/* Regimes that one can tell apart. */
	if (duty->kind >= MW_DUTY_SHIFT && duty->hi - duty->lo < 0.4 * (hi - lo)) {
		duty->lo = lo;
		duty->hi = hi;
	}
	if (duty->kind == MW_DUTY_SHIFT)
		draw_shift(duty, dt_s, rng);
	else if (duty->kind == MW_DUTY_RECIPE)
		draw_recipes(duty, dt_s, rng);
	else if (duty->kind == MW_DUTY_JOBS)
		draw_jobs(duty, dt_s, rng);
	else if (duty->kind == MW_DUTY_PROGRAMME)
		draw_programme(duty, dt_s, rng);
	if (mw_duty_has_regimes(duty)) {
		size_t first = mw_rng_below(rng, duty->n);

		enter(duty, first, mw_rng_uniform(rng, 0, 1));
	}
}

/* One of the first n regimes that this round has not had yet; not the present one again. */
static size_t draw_unvisited(struct mw_duty *duty, size_t n, double luck)
{
	unsigned all = (1u << n) - 1;
	size_t left = 0;

	if ((duty->visited & all) == all)
		duty->visited = n > 1 && duty->at < n ? (uint8_t)(1u << duty->at) : 0;
	for (size_t i = 0; i < n; i++)
		left += !(duty->visited >> i & 1u);
	left = (size_t)(luck * (double)left);
	for (size_t i = 0; i < n; i++)
		if (!(duty->visited >> i & 1u) && left-- == 0)
			return i;
	return 0;
}

static void next_regime(struct mw_duty *duty, const struct mw_draws *draws)
{
	size_t pause = duty->n - 1u;
	size_t next;

	if (duty->kind == MW_DUTY_RECIPE) {
		next = draw_unvisited(duty, duty->n, draws->u[0]);
	} else if (duty->kind == MW_DUTY_JOBS) {
		next = duty->at == pause ? draw_unvisited(duty, pause, draws->u[0]) : pause;
		duty->pieces += next == pause;
	} else {
		next = (duty->at + 1u) % duty->n;
		duty->pieces += next == 0;
	}
	enter(duty, next, draws->u[1]);
}

static double duty_target(struct mw_duty *duty, const struct mw_draws *draws)
{
	double phase = fmod(duty->age_s, duty->dwell_s) / duty->dwell_s;

	switch (duty->kind) {
	case MW_DUTY_STEPS:
		if (duty->left_s > 0.0)
			return duty->target;
		duty->left_s = -duty->dwell_s * mw_ln(1.0 - draws->u[1]);
		return duty->lo + (duty->hi - duty->lo) * draws->u[0];
	case MW_DUTY_CYCLE:
		return phase < duty->share ? duty->hi : duty->lo;
	case MW_DUTY_SWING:
		return duty->lo + (duty->hi - duty->lo) * (0.5 + 0.5 * mw_sin(TWO_PI * phase));
	default:
		return duty->target;
	}
}

double mw_duty_step(struct mw_duty *duty, const struct mw_draws *draws, double dt_s)
{
	duty->age_s += dt_s;
	duty->left_s -= dt_s;
	duty->hours += duty->running ? dt_s / 3600 : 0;
	if (mw_duty_has_regimes(duty)) {
		if (duty->left_s <= 0)
			next_regime(duty, draws);
		duty->run = mw_approach(duty->run, duty->regime[duty->at].run, 0.4);
		duty->setpoint = mw_lag(duty->setpoint, duty->regime[duty->at].setpoint, dt_s,
					0.5 * duty->ramp_s);
	} else {
		duty->target = duty_target(duty, draws);
	}
	duty->level = mw_lag(duty->level, duty->target, dt_s, duty->ramp_s);
	return duty->level;
}

struct mw_order mw_duty_order(struct mw_duty *duty, const struct mw_plant_act *operation)
{
	struct mw_order order = mw_order_of(operation);
	bool unknown = operation->fault == MW_FAULT_PRODUCT_CHANGE;

	duty->code = duty->at + (unknown ? duty->n + 1u - duty->at : 1u);
	if (mw_duty_has_regimes(duty)) {
		const struct mw_regime *regime = &duty->regime[duty->at];

		order.run *= duty->run;
		order.setpoint *= duty->setpoint;
		order.product = mw_clamp(order.product + regime->product, -1.2, 1.2);
		order.idle = fmax(order.idle, regime->idle);
	}
	duty->running = order.run > 0.5;
	return order;
}
