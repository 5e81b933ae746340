/*
 * site.h -- faults that no fault library knows: what a plant meets that no model was taught.
 *
 * They are for evaluation only (model/eval/site.py): `mw_sim_spec_draw` never draws one, and no
 * training corpus holds one.  An injection of one has fault = MW_FAULT_UNKNOWN and `site` set.
 * Each acts inside its machine's physics, as the others do; four of them are for development (what
 * is chosen is chosen on them), the rest are scored.
 */
#ifndef MW_CORPUS_SITE_H
#define MW_CORPUS_SITE_H

/* Symbol, code, machine. */
#define MW_SITE_FAULT_MAP(X)                                                                       \
	X(NONE, "none", OTHER)                                                                     \
	/* for development */                                                                      \
	X(THERMOSTAT_OPEN, "thermostat_open", COMPRESSOR) /* its oil cooler cools all the time */  \
	X(OVERFILL, "overfill", GEARBOX)                  /* the wheels churn the oil */           \
	X(FOAMING, "foaming", TANK)                       /* the level gauge sees the foam */      \
	X(UNDERVOLTAGE, "undervoltage", MOTOR)            /* all three phases sag */               \
	/* scored */                                                                               \
	X(SEAL_RUB, "seal_rub", PUMP)                    /* the shaft seal runs dry and rubs */    \
	X(OVERCHARGE, "overcharge", CHILLER)             /* liquid backs up in the condenser */    \
	X(BYPASS_MIXING, "bypass_mixing", CHILLER)       /* supply flows back into the return */   \
	X(STALL, "stall", FAN)                           /* the flow separates from the blades */  \
	X(BAFFLE_BROKEN, "baffle_broken", EXCHANGER)     /* the hot side finds a short cut */      \
	X(CONTACTOR_WELDED, "contactor_welded", FURNACE) /* zone 1 heats unasked */                \
	X(ACCUMULATOR_EMPTY, "accumulator_empty", HYDRAULIC) /* nothing buffers the pressure */    \
	X(TAKE_UP_STUCK, "take_up_stuck", CONVEYOR)          /* the belt hangs slack */

enum mw_sim_site {
#define X(symbol, code, machine) MW_SITE_##symbol,
	MW_SITE_FAULT_MAP(X)
#undef X
	    MW_N_SIM_SITE
};

const char *mw_site_code(enum mw_sim_site site);
int mw_site_from_code(const char *code); /* -1: unknown */

#endif
