#include "model/corpus/site.h"

#include "model/corpus/plant.h"

#include <string.h>

#define SITE_STREAM UINT64_C(0x517e) /* seeds are mixed with it: not the series of plain draws */
#define MIN_ROOM    300              /* rows that the fault has at least */

static const char *const code[MW_N_SIM_UNNAMED] = {
#define X(symbol, code, machine) code,
    MW_SITE_FAULT_MAP(X) MW_UNNAMED_FAULT_MAP(X)
#undef X
};

static const enum mw_machine machine[MW_N_SIM_UNNAMED] = {
#define X(symbol, code, machine) MW_MACHINE_##machine,
    MW_SITE_FAULT_MAP(X) MW_UNNAMED_FAULT_MAP(X)
#undef X
};

/* Which channels it moves is drawn. */
static const struct mw_plant_can mixture = {.fault = MW_FAULT_UNKNOWN};

const char *mw_site_code(enum mw_sim_site site)
{
	return code[site < MW_N_SIM_UNNAMED ? site : MW_SITE_NONE];
}

int mw_site_from_code(const char *text)
{
	for (int i = 0; i < MW_N_SIM_SITE; i++)
		if (strcmp(code[i], text) == 0)
			return i;
	return -1;
}

enum mw_machine mw_site_machine(enum mw_sim_site site)
{
	return machine[site < MW_N_SIM_UNNAMED ? site : MW_SITE_NONE];
}

size_t mw_site_n_cause(enum mw_sim_site site)
{
	const struct mw_plant *plant = mw_plant_find(mw_site_machine(site));
	const struct mw_plant_can *can = plant ? mw_plant_site_of(plant, site) : NULL;

	return can ? can->n_cause : 0;
}

const struct mw_plant_can *mw_plant_site_of(const struct mw_plant *plant, enum mw_sim_site site)
{
	if (site == MW_SITE_MIXTURE)
		return &mixture;
	for (size_t i = 0; site != MW_SITE_NONE && i < plant->n_site; i++)
		if (plant->site[i].site == site)
			return &plant->site[i].as;
	return NULL;
}

void mw_site_spec_draw(uint64_t seed, enum mw_sim_site site, struct mw_sim_spec *ret_spec)
{
	struct mw_sim_spec spec = {0};
	struct mw_sim_injection *in = &spec.injection[0];
	struct mw_rng rng;
	double growth;

	mw_rng_seed(&rng, seed ^ (SITE_STREAM + (uint64_t)site) << 40);
	spec.seed = mw_rng_u64(&rng);
	spec.machine = mw_site_machine(site);
	spec.n_learn = 256 + mw_rng_below(&rng, 193);
	spec.n_rows = spec.n_learn + MIN_ROOM + 64 + mw_rng_below(&rng, 257);
	spec.period_s = mw_plant_find(spec.machine)->period_s * mw_rng_log_uniform(&rng, 0.5, 2);
	in->fault = MW_FAULT_UNKNOWN;
	in->site = site;
	in->channel = -1;
	in->strength = mw_rng_uniform(&rng, 0.7, 1);
	in->onset_row = spec.n_learn + 16 + mw_rng_below(&rng, 49);
	in->end_row = spec.n_rows;
	growth = mw_rng_log_uniform(&rng, 3, 150);
	in->growth_rows = mw_rng_chance(&rng, 0.6) ? growth : 0;
	spec.n_injection = 1;
	*ret_spec = spec;
}
