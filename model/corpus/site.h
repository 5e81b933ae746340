/*
 * site.h -- faults that no fault library knows: what a plant meets that has no name.
 *
 * Two groups that share no mechanism.  MW_SITE_FAULT_MAP is for evaluation only (model/eval/site.py):
 * no draw for training ever gives one, and no training corpus holds one; four of them are for
 * development (what is chosen is chosen on them), the rest are scored.  MW_UNNAMED_FAULT_MAP is for
 * training only (`mw_sim_spec_unname`): windows from which the model learns to say "unknown";
 * what is chosen may be chosen on them, too.  An injection of either has fault = MW_FAULT_UNKNOWN
 * and `site` set.  Each acts inside its machine's physics, as the others do, but for `mixture`: a few
 * channels of any machine, pushed without a reason (mixture.h).
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

/* For training. */
#define MW_UNNAMED_FAULT_MAP(X)                                                                    \
	X(MIXTURE, "mixture", OTHER)                     /* of any machine */                      \
	X(CHECK_VALVE_SLAPS, "check_valve_slaps", PUMP)  /* the flow is cut and let go */          \
	X(HOT_INFLOW, "hot_inflow", PUMP)                /* the medium comes hot and thin */       \
	X(SEPARATOR_TORN, "separator_torn", COMPRESSOR)  /* oil leaves with the air */             \
	X(RELIEF_LIFTS, "relief_lifts", COMPRESSOR)      /* air is blown off in bursts */          \
	X(FILTER_TORN, "filter_torn", FAN)               /* air passes beside the filter */        \
	X(AIR_RECIRCULATES, "air_recirculates", FAN)     /* warm air is drawn in again */          \
	X(ROTOR_BAR, "rotor_bar", MOTOR)                 /* torque beats with the slip */          \
	X(TURN_SHORT, "turn_short", MOTOR)               /* turns of one phase are shorted */      \
	X(TOOTH_BROKEN, "tooth_broken", GEARBOX)         /* a knock in every round */              \
	X(OIL_RELIEF_SHUT, "oil_relief_shut", GEARBOX)   /* all the oil goes to the gears */       \
	X(OIL_LOGGED, "oil_logged", CHILLER)             /* oil lies in the evaporator */          \
	X(EXPANSION_SWINGS, "expansion_swings", CHILLER) /* its valve swings, alone */             \
	X(LAGGING_LOST, "lagging_lost", EXCHANGER)       /* heat goes to the hall */               \
	X(FEED_PULSES, "feed_pulses", EXCHANGER)         /* the cold side's pump pulses */         \
	X(WALL_CRACKED, "wall_cracked", FURNACE)         /* zone 2 loses heat */                   \
	X(FIRE_PULSES, "fire_pulses", FURNACE)           /* it burns in puffs */                   \
	X(PISTON_SEAL, "piston_seal", HYDRAULIC)         /* the cylinder gives way */              \
	X(OIL_TOO_THICK, "oil_too_thick", HYDRAULIC)     /* the wrong oil was filled in */         \
	X(SPLICE_OPENS, "splice_opens", CONVEYOR)        /* a jolt in every round of the belt */   \
	X(SPILLAGE, "spillage", CONVEYOR)                /* material falls under the belt */       \
	X(HOT_FEED, "hot_feed", TANK)                    /* the feed heats the content */          \
	X(VENT_BLOCKED, "vent_blocked", TANK)            /* what leaves draws a vacuum */          \
	X(CHATTER, "chatter", SPINDLE)                   /* the tool sings */                      \
	X(WORKPIECE_SLIPS, "workpiece_slips", SPINDLE)   /* the chuck does not hold it */

/* Evaluation: below MW_N_SIM_SITE; training: from there to below MW_N_SIM_UNNAMED. */
enum mw_sim_site {
#define X(symbol, code, machine) MW_SITE_##symbol,
	MW_SITE_FAULT_MAP(X)
#undef X
	    MW_N_SIM_SITE,
	MW_SITE_LAST_OF_EVALUATION = MW_N_SIM_SITE - 1,
#define X(symbol, code, machine) MW_SITE_##symbol,
	MW_UNNAMED_FAULT_MAP(X)
#undef X
	    MW_N_SIM_UNNAMED
};

const char *mw_site_code(enum mw_sim_site site); /* of either group */
int mw_site_from_code(const char *code);         /* of evaluation only; -1: unknown */

#endif
