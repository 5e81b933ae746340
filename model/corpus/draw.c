#include "model/corpus/plant.h"

#include <math.h>
#include <string.h>

/* How often what is injected; the rest: one fault. */
#define SHARE_NOTHING   0.30
#define SHARE_OPERATION 0.18
#define SHARE_BOTH      0.25 /* of the faults: an operation in the same series */
#define SHARE_PHYSICAL  0.55
#define SHARE_SENSOR    0.40 /* of the faults */
#define MIN_TAIL        8    /* rows between learn segment and the first onset */
#define SHARE_MIXTURE   0.40 /* of the faults without a name */
#define UNNAMED_STREAM  UINT64_C(0x6e6f6e616d65) /* seeds are mixed with it */

static enum mw_machine draw_machine(struct mw_rng *rng)
{
	enum mw_machine physical[MW_N_MACHINE];
	size_t n = 0;

	for (int m = 0; m < MW_N_MACHINE; m++)
		if (m != MW_MACHINE_OTHER && mw_plant_find((enum mw_machine)m))
			physical[n++] = (enum mw_machine)m;
	if (n == 0 || !mw_rng_chance(rng, SHARE_PHYSICAL))
		return MW_MACHINE_OTHER;
	return physical[mw_rng_below(rng, n)];
}

/* Most sites sample a machine about as is usual for it, some at any period from 10 ms to 1 h; the
 * generic process counts in rows anyway. */
static double draw_period(enum mw_machine machine, struct mw_rng *rng)
{
	double other = mw_rng_log_uniform(rng, 0.5, 2);
	double any = mw_rng_log_uniform(rng, 0.01, 3600);
	double period_s = mw_plant_find(machine)->period_s;
	double luck = mw_rng_uniform(rng, 0, 1);

	return luck < 0.2 ? any : luck < 0.5 ? period_s * other : period_s;
}

static bool physical_can(enum mw_fault fault)
{
	for (int m = 0; m < MW_N_MACHINE; m++)
		if (m != MW_MACHINE_OTHER && mw_sim_can((enum mw_machine)m, fault))
			return true;
	return false;
}

/* A physical machine's process fault is drawn first and the machine for it: so that what only one
 * kind of machine can have is not rarer than what all have. */
static void draw_physical_fault(enum mw_machine *ret_machine, enum mw_fault *ret_fault,
				struct mw_rng *rng)
{
	enum mw_fault fault[MW_N_FAULT] = {MW_FAULT_NONE};
	enum mw_machine machine[MW_N_MACHINE] = {MW_MACHINE_OTHER};
	size_t n = 0;

	for (int f = 0; f < MW_N_FAULT; f++)
		if (mw_fault_kind_of((enum mw_fault)f) == MW_KIND_PROCESS &&
		    physical_can((enum mw_fault)f))
			fault[n++] = (enum mw_fault)f;
	*ret_fault = fault[mw_rng_below(rng, n)];
	n = 0;
	for (int m = 0; m < MW_N_MACHINE; m++)
		if (m != MW_MACHINE_OTHER && mw_sim_can((enum mw_machine)m, *ret_fault))
			machine[n++] = (enum mw_machine)m;
	*ret_machine = machine[mw_rng_below(rng, n)];
}

static enum mw_fault draw_fault(enum mw_machine machine, enum mw_fault_kind kind,
				struct mw_rng *rng)
{
	enum mw_fault candidate[MW_N_FAULT] = {MW_FAULT_NONE};
	size_t n = 0;

	for (int f = 0; f < MW_N_FAULT; f++)
		if (mw_fault_kind_of((enum mw_fault)f) == kind &&
		    mw_sim_can(machine, (enum mw_fault)f))
			candidate[n++] = (enum mw_fault)f;
	return n ? candidate[mw_rng_below(rng, n)] : MW_FAULT_NONE;
}

static size_t draw_onset(const struct mw_sim_spec *spec, struct mw_rng *rng)
{
	double room = (double)(spec->n_rows - spec->n_learn) - 2 * MIN_TAIL;
	double early = mw_rng_log_uniform(rng, 1, room);
	double any = mw_rng_uniform(rng, 0, room);

	return spec->n_learn + MIN_TAIL + (size_t)(mw_rng_chance(rng, 0.6) ? any : early);
}

static size_t draw_length(const struct mw_sim_injection *in, const struct mw_sim_spec *spec,
			  struct mw_rng *rng)
{
	double left = (double)(spec->n_rows - in->onset_row);
	double some = mw_rng_log_uniform(rng, 8, 400);
	double few = mw_rng_uniform(rng, 1, 4);
	bool short_spike = in->fault == MW_FAULT_SPIKE && mw_rng_chance(rng, 0.6);
	bool to_the_end = mw_rng_chance(rng, 0.5);

	if (short_spike)
		return (size_t)few;
	return (size_t)(to_the_end ? left : fmin(some, left));
}

static bool creeps(enum mw_fault fault)
{
	switch (fault) {
	case MW_FAULT_DRIFT:
	case MW_FAULT_FOULING:
	case MW_FAULT_BEARING_WEAR:
	case MW_FAULT_TOOL_WEAR:
	case MW_FAULT_FILTER_CLOGGING:
	case MW_FAULT_LUBRICATION_LOSS:
		return true;
	default:
		return false;
	}
}

static double draw_growth(const struct mw_sim_injection *in, struct mw_rng *rng)
{
	double length = (double)(in->end_row - in->onset_row);
	double slow = mw_rng_log_uniform(rng, 20, 400);
	double some = mw_rng_log_uniform(rng, 3, 150);
	bool grows = mw_rng_chance(rng, in->fault == MW_FAULT_LEAK ? 0.85 : 0.5);

	if (creeps(in->fault))
		return fmin(slow, fmax(length, 1));
	if (mw_fault_kind_of(in->fault) == MW_KIND_SENSOR && in->fault != MW_FAULT_NOISE &&
	    in->fault != MW_FAULT_DROPOUT)
		return 0;
	return grows ? fmin(some, length) : 0;
}

static void draw_injection(struct mw_sim_spec *spec, enum mw_fault fault, struct mw_rng *rng)
{
	struct mw_sim_injection *in = &spec->injection[spec->n_injection];

	memset(in, 0, sizeof(*in));
	in->fault = fault;
	if (in->fault == MW_FAULT_NONE)
		return;
	in->strength = mw_rng_uniform(rng, 0, 1);
	in->onset_row = draw_onset(spec, rng);
	in->end_row = in->onset_row + draw_length(in, spec, rng);
	in->growth_rows = draw_growth(in, rng);
	in->channel = -1;
	spec->n_injection++;
}

static void draw_operation(struct mw_sim_spec *spec, struct mw_rng *rng)
{
	enum mw_fault operation = draw_fault(spec->machine, MW_KIND_OPERATION, rng);

	draw_injection(spec, operation, rng);
}

static void draw_one_fault(struct mw_sim_spec *spec, struct mw_rng *rng)
{
	bool sensor = mw_rng_chance(rng, SHARE_SENSOR);
	enum mw_fault fault;

	if (!sensor && spec->machine != MW_MACHINE_OTHER)
		draw_physical_fault(&spec->machine, &fault, rng);
	else
		fault = draw_fault(spec->machine, sensor ? MW_KIND_SENSOR : MW_KIND_PROCESS, rng);
	spec->period_s = draw_period(spec->machine, rng);
	draw_injection(spec, fault, rng);
}

void mw_sim_spec_draw(uint64_t seed, struct mw_sim_spec *ret_spec)
{
	struct mw_sim_spec spec = {0};
	struct mw_rng rng;
	double what;

	mw_rng_seed(&rng, seed);
	spec.seed = mw_rng_u64(&rng);
	spec.machine = draw_machine(&rng);
	spec.n_learn = 256 + mw_rng_below(&rng, 193);
	spec.n_rows = spec.n_learn + 256 + mw_rng_below(&rng, 385);
	what = mw_rng_uniform(&rng, 0, 1);
	if (what < SHARE_NOTHING) {
		spec.period_s = draw_period(spec.machine, &rng);
	} else if (what < SHARE_NOTHING + SHARE_OPERATION) {
		size_t n = 1 + mw_rng_below(&rng, 2);

		spec.period_s = draw_period(spec.machine, &rng);
		while (n-- > 0)
			draw_operation(&spec, &rng);
	} else {
		bool both = mw_rng_chance(&rng, SHARE_BOTH);

		draw_one_fault(&spec, &rng);
		if (both)
			draw_operation(&spec, &rng);
	}
	*ret_spec = spec;
}

/* ---- faults without a name ---- */

static enum mw_sim_site draw_unnamed(struct mw_rng *rng)
{
	bool mixed = mw_rng_chance(rng, SHARE_MIXTURE);
	size_t own = mw_rng_below(rng, MW_N_SIM_UNNAMED - MW_SITE_MIXTURE - 1);

	return mixed ? MW_SITE_MIXTURE : (enum mw_sim_site)(MW_SITE_MIXTURE + 1 + own);
}

static struct mw_sim_injection *fault_of(struct mw_sim_spec *spec)
{
	for (size_t i = 0; i < spec->n_injection; i++)
		if (mw_sim_kind_of(&spec->injection[i]) != MW_KIND_OPERATION)
			return &spec->injection[i];
	return NULL;
}

void mw_sim_spec_unname(uint64_t seed, double share, struct mw_sim_spec *spec)
{
	struct mw_sim_injection *in = fault_of(spec);
	struct mw_rng rng;

	mw_rng_seed(&rng, seed ^ UNNAMED_STREAM);
	if (!in || !mw_rng_chance(&rng, share / MW_SIM_MAX_UNNAMED))
		return;
	in->fault = MW_FAULT_UNKNOWN;
	in->site = draw_unnamed(&rng);
	in->channel = -1;
	/* A spike is short, a sensor fault abrupt. */
	in->end_row = in->onset_row + draw_length(in, spec, &rng);
	in->growth_rows = draw_growth(in, &rng);
	spec->machine =
	    in->site == MW_SITE_MIXTURE ? draw_machine(&rng) : mw_site_machine(in->site);
	spec->period_s = draw_period(spec->machine, &rng);
}
