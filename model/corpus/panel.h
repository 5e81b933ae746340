/*
 * panel.h -- which instruments this very machine has, in which order and in which units.
 *
 * A plant's table lists every channel the machine could have, scaled for a typical size; no two
 * real machines carry the same set.  A panel draws 4 to 10 of them such that every fault the
 * machine can have stays visible, and says in which order a fault moves them.  Beside them it may
 * tell what the machine is doing (running, recipe, counters).  A few machines are wide: up to 64
 * channels, most quantities measured several times.  A machine's state begins with its panel.
 * "Full" means by index in the plant's table, "mounted" by index on the panel.  Holds no pointer.
 */
#ifndef MW_CORPUS_PANEL_H
#define MW_CORPUS_PANEL_H

#include "model/corpus/duty.h"
#include "model/corpus/plant.h"

#define MW_PANEL_MAX     24 /* full channels */
#define MW_PANEL_MOUNTED 10 /* of an ordinary machine, measured */
#define MW_PANEL_WIDE    16 /* channels from which a machine is a wide one */

/* What a panel can tell beside what it measures; as "full" channels from MW_PANEL_TOLD on. */
enum mw_panel_told {
	MW_PANEL_TOLD = MW_PANEL_MAX,
	MW_PANEL_RUNNING = MW_PANEL_TOLD,
	MW_PANEL_RECIPE,
	MW_PANEL_LOAD,
	MW_PANEL_HOURS,
	MW_PANEL_PIECES,
	MW_PANEL_TOLD_END
};

/* Rows of a plant's table of faults: every machine can be run otherwise. */
#define MW_OPERATION_CAN                                                                           \
	{MW_FAULT_STARTUP, 0, {0}}, {MW_FAULT_SHUTDOWN, 0, {0}}, {MW_FAULT_LOAD_CHANGE, 0, {0}},   \
	    {MW_FAULT_SETPOINT_CHANGE, 0, {0}}, {MW_FAULT_PRODUCT_CHANGE, 0, {0}},                 \
	{                                                                                          \
		MW_FAULT_IDLE, 0,                                                                  \
		{                                                                                  \
			0                                                                          \
		}                                                                                  \
	}

struct mw_panel {
	enum mw_machine machine;
	uint8_t n;
	uint8_t width;                     /* channels of a wide machine; 0: an ordinary one */
	uint8_t from[MW_SIM_MAX_CHANNELS]; /* mounted -> full */
	uint8_t copy[MW_SIM_MAX_CHANNELS]; /* mounted: 0, or which further instrument it is */
	double place[MW_SIM_MAX_CHANNELS]; /* mounted: gain of where it sits; 1 but for copies */
	double size[MW_PANEL_MAX];   /* full: this machine's size against the table's typical one */
	double factor[MW_PANEL_MAX]; /* full: value in the panel's unit = factor * x + offset */
	double offset[MW_PANEL_MAX];
	uint8_t unit[MW_PANEL_MAX]; /* full: which unit, an index private to panel.c */
	uint32_t dead;              /* bits, full: what this machine does not have; never mounted */
	int held;                   /* full: what the controller holds, moves last; -1 = none */
	int hand; /* full: what the controller moves to hold it; where a fault moves both, first */
};

/* Sizes 1, nothing dead or held: init sets what differs, then draws.  n_channels: of the series, 0
 * = drawn; more than MW_PANEL_WIDE make a wide machine. */
void mw_panel_init(struct mw_panel *panel, enum mw_machine machine, size_t n_channels);
/* wanted: probability of each full channel of the plant. */
void mw_panel_draw(struct mw_panel *panel, const struct mw_plant *plant, const struct mw_duty *duty,
		   const double *wanted, struct mw_rng *rng);

/* describe and cause of struct mw_plant, for states that begin with a panel. */
size_t mw_panel_describe(const void *state, struct mw_plant_channel *ret_channel);
size_t mw_panel_cause(const void *state, const struct mw_plant_act *act, uint8_t *ret_channel);
/* Full true values, in the table's units, to the mounted ones in the panel's. */
void mw_panel_read(const struct mw_panel *panel, const struct mw_duty *duty, const double *full,
		   double *ret_true);

/* Steps a machine that was just drawn, until its levels stand (rows times; nobody looks). */
void mw_panel_settle(void *state, const struct mw_plant *plant, const struct mw_plant_setup *setup,
		     size_t rows, struct mw_rng *rng);

#endif
