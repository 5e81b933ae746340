/*
 * train.h -- a motor and the two bearings of what it drives: the part that most machines share.
 *
 * Speed follows the command over a soft starter or drive; current follows torque; bearings and
 * winding are thermal masses; vibration grows with speed and with mechanical faults.  Relative
 * quantities are 1 at rated.  Plain data, no pointer.
 *
 * Current of an induction motor: I = sqrt(m^2 + (1 - m^2) T^2), m the magnetising share, T torque.
 */
#ifndef MW_CORPUS_TRAIN_H
#define MW_CORPUS_TRAIN_H

#include "model/corpus/panel.h"
#include "model/corpus/physics.h"

/* Channels of a train, in this order, as a block of a plant's table. */
enum mw_train_channel {
	MW_TRAIN_SPEED,   /* rpm */
	MW_TRAIN_CURRENT, /* A */
	MW_TRAIN_POWER,   /* kW */
	MW_TRAIN_VOLTAGE, /* V */
	MW_TRAIN_VIB_DE,  /* mm/s rms, drive end */
	MW_TRAIN_VIB_NDE, /* mm/s rms, non-drive end */
	MW_TRAIN_BEARING, /* degC */
	MW_TRAIN_WINDING, /* degC */
	MW_N_TRAIN
};

/* Rows for the tables of a plant: typical channels, and how often they are mounted. */
#define MW_TRAIN_CHANNELS                                                                          \
	{{"speed", "rpm", MW_ROLE_SPEED}, 4.0, 1.0, 0.5, 0.0, 4000.0},                             \
	    {{"motor_current", "A", MW_ROLE_CURRENT}, 0.25, 0.05, 0.3, 0.0, 400.0},                \
	    {{"motor_power", "kW", MW_ROLE_POWER}, 0.14, 0.05, 0.5, -5.0, 200.0},                  \
	    {{"motor_voltage", "V", MW_ROLE_VOLTAGE}, 0.8, 0.1, 0.2, 0.0, 1000.0},                 \
	    {{"vibration_drive_end", "mm/s", MW_ROLE_VIBRATION}, 0.06, 0.01, 0.5, 0.0, 100.0},     \
	    {{"vibration_non_drive_end", "mm/s", MW_ROLE_VIBRATION}, 0.06, 0.01, 0.5, 0.0, 100.0}, \
	    {{"bearing_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 3.0, -50.0, 250.0},   \
	{                                                                                          \
		{"winding_temperature", "degC", MW_ROLE_TEMPERATURE}, 0.2, 0.1, 3.0, -50.0, 300.0  \
	}
#define MW_TRAIN_WANTED 0.55, 0.85, 0.4, 0.25, 0.9, 0.45, 0.6, 0.3

/* Mechanical and electrical faults that every train can have; t = index of its first channel. */
#define MW_TRAIN_CAN(t)                                                                            \
	{MW_FAULT_BEARING_WEAR,                                                                    \
	 4,                                                                                        \
	 {(t) + MW_TRAIN_VIB_DE, (t) + MW_TRAIN_VIB_NDE, (t) + MW_TRAIN_BEARING,                   \
	  (t) + MW_TRAIN_CURRENT}},                                                                \
	    {MW_FAULT_IMBALANCE, 2, {(t) + MW_TRAIN_VIB_DE, (t) + MW_TRAIN_VIB_NDE}},              \
	    {MW_FAULT_MISALIGNMENT,                                                                \
	     4,                                                                                    \
	     {(t) + MW_TRAIN_VIB_NDE, (t) + MW_TRAIN_VIB_DE, (t) + MW_TRAIN_BEARING,               \
	      (t) + MW_TRAIN_CURRENT}},                                                            \
	    {MW_FAULT_LOOSENESS, 2, {(t) + MW_TRAIN_VIB_DE, (t) + MW_TRAIN_VIB_NDE}},              \
	    {MW_FAULT_LUBRICATION_LOSS,                                                            \
	     4,                                                                                    \
	     {(t) + MW_TRAIN_BEARING, (t) + MW_TRAIN_VIB_DE, (t) + MW_TRAIN_VIB_NDE,               \
	      (t) + MW_TRAIN_CURRENT}},                                                            \
	    {MW_FAULT_OVERLOAD,                                                                    \
	     4,                                                                                    \
	     {(t) + MW_TRAIN_CURRENT, (t) + MW_TRAIN_POWER, (t) + MW_TRAIN_SPEED,                  \
	      (t) + MW_TRAIN_WINDING}},                                                            \
	{                                                                                          \
		MW_FAULT_PHASE_LOSS, 6,                                                            \
		{                                                                                  \
			(t) + MW_TRAIN_CURRENT, (t) + MW_TRAIN_VOLTAGE, (t) + MW_TRAIN_VIB_DE,     \
			    (t) + MW_TRAIN_VIB_NDE, (t) + MW_TRAIN_SPEED, (t) + MW_TRAIN_WINDING   \
		}                                                                                  \
	}

/* What is wrong with a train: levels, 0 = nothing. */
struct mw_train_bad {
	double wear, imbalance, misaligned, loose, unlubricated, overload, phase, slow, uncooled;
	double rough; /* vibration from the process, mm/s */
	double sag;   /* of the mains */
};

struct mw_train {
	/* drawn at init */
	double kw, amps, volts, rpm; /* rated */
	double magnetising, slip, efficiency;
	double soft;            /* starting current over rated, soft starter 0.8 .. direct 4 */
	double ramp_s;          /* standstill to full speed */
	double vib[2], vib_law; /* mm/s at rated speed; exponent on speed */
	double bearing_rise, winding_rise, tau_bearing_s, tau_winding_s;
	double rest; /* share of relative noise in torque */
	/* state */
	double speed; /* relative */
	double usual; /* what the command normally is: a drive derated by a fault falls below it */
	double bearing, winding; /* degC */
	struct mw_wander mains;
};

/* Sizes of the train's channels go to the panel from full channel `first` on. */
void mw_train_init(struct mw_train *train, double kw, double rpm, struct mw_panel *panel,
		   size_t first, struct mw_rng *rng);
struct mw_train_bad mw_train_bad_of(const struct mw_plant_act *fault);

struct mw_train_row {
	double command; /* wanted speed, relative; 0 = stopped */
	double torque;  /* of the driven machine, relative */
	double ambient; /* degC */
	double dt_s;
	double haste; /* thermal masses run this much faster: 1, more while settling */
};
void mw_train_step(struct mw_train *train, const struct mw_train_row *row,
		   const struct mw_train_bad *bad, const struct mw_draws *draws,
		   double ret_channel[MW_N_TRAIN]);

#endif
