/*
 * regime.h -- the operating regimes that an asset's commands and states showed while it was learnt,
 * and which of them it is in now: standing and running, speed 1 and speed 2, recipe A and B.
 *
 * A channel that commands (a set point, a state, what the machine's profile says) *tells* regimes
 * when its readings stand on a few plateaus: split at Otsu's threshold (N. Otsu, A Threshold
 * Selection Method from Gray-Level Histograms, IEEE Trans. SMC 9, 1979), again and again, wherever
 * both sides are large, far apart against the spread next to it, and almost nothing lies between.
 * A regime is a combination of plateaus that was visited long enough.
 *
 * Measured channels never tell.  On simulated machines regimes guessed from them hide faults: a
 * fault that slows the machine looks like its lower speed.
 *
 * Within a regime a channel has a level and a spread of its own.  After a switch its expected level
 * goes from one to the other as a first-order lag of the channel's own pace, and its spread is
 * widened by the share of the step that the lag left unexplained, fading.  A channel whose spread is
 * hardly smaller within regimes keeps one level for all, and so does a command: it selects, it is
 * not judged.  In a regime that was never learnt, what is known of all rows together holds.
 *
 * The joint models are not split by regime: a channel's value given all others already follows the
 * load, and residuals within regimes tell less (AUROC .86 against .89 on 461 simulated machines).
 *
 * Pure; the model is immutable once learnt; no allocation.
 */
#ifndef MW_CORE_REGIME_H
#define MW_CORE_REGIME_H

#include "gateway/base/err.h"
#include "gateway/base/pack.h"
#include "gateway/core/row.h"

#include <stdbool.h>
#include <stddef.h>

#define MW_MAX_REGIMES  6
#define REGIME_PLATEAUS 4
#define REGIME_TELLS    8 /* commands that tell */
#define REGIME_UNKNOWN  (-1)

struct regime_tell {
	uint32_t channel, n_plateau;
	double plateau[REGIME_PLATEAUS]; /* ascending, in the channel's unit */
	double reach[REGIME_PLATEAUS];   /* a reading that near stands on it */
};

/* Which regimes there are. */
struct regime_map {
	uint32_t n; /* 1: no regimes were seen */
	uint32_t n_tell;
	struct regime_tell tell[REGIME_TELLS];
	uint8_t plateau[MW_MAX_REGIMES][REGIME_TELLS];
};

/* Learns the map from value [rows][n] (last reading held; NaN: none yet).  commands [n]: which
 * channels may tell; NULL: none.  scratch: 2 rows doubles. */
void regime_map_learn(const double *value, size_t rows, size_t n, const bool *commands,
		      double *scratch, struct regime_map *ret);
/* The regime of a row: the one all of whose plateaus its commands stand on, or REGIME_UNKNOWN. */
int regime_of(const struct regime_map *map, const double *value);

/* What is healthy in each regime.  Arrays are borrowed from one block. */
struct regime_model {
	struct regime_map map;
	double *level;  /* [REGIME_SETS][n]; the last: of all rows */
	double *spread; /* [REGIME_SETS][n] */
	double *pace;   /* [n] of the lag after a switch: 1 at once .. 1/32 a row */
	double *blur;   /* [n] share of the step that the lag leaves unexplained, 0..1 */
};
#define REGIME_SETS       (MW_MAX_REGIMES + 1)
#define REGIME_ANY        MW_MAX_REGIMES /* the set that holds whatever the regime */
#define REGIME_DOUBLES(n) ((2 * REGIME_SETS + 2) * (n))
void regime_place(struct regime_model *model, double *block, size_t n);
/* Learns levels and spreads of value [rows][n], held, for model->map, learnt from raw [rows][n];
 * location, scale [n] are those of all rows.  Without gain for any channel the map becomes one
 * regime.  scratch: 2 rows doubles. */
void regime_fit(struct regime_model *model, const double *raw, const double *value, size_t rows,
		size_t n, const double *location, const double *scale, double *scratch);

/* Where a stream stands. */
struct regime_state {
	int32_t now;   /* the set that holds: a regime, or REGIME_ANY */
	uint32_t age;  /* rows since the last switch, bounded */
	uint32_t lost; /* rows in a row without a known regime, bounded */
	double *level; /* [n] expected now; borrowed, as is blur */
	double *blur;  /* [n] added spread, in the channel's unit */
};
#define REGIME_SETTLED                                                                             \
	64            /* rows after a switch at which it counts as over; bound of age and lost */
#define REGIME_LOST 8 /* rows without a known regime from which it counts as a new one */
/* Borrows zeroed arrays of n. */
void regime_state_init(struct regime_state *state, double *level, double *blur);
/* Takes a row's readings (held; NaN: none yet) and says what is expected of each channel. */
void regime_step(const struct regime_model *model, size_t n, const double *value,
		 struct regime_state *state, double *ret_level, double *ret_spread);

/* How the machine runs, as the prompt and the alarm see it. */
enum mw_mode {
	MW_MODE_SINGLE,   /* one regime only was learnt */
	MW_MODE_STEADY,   /* in a known regime */
	MW_MODE_SETTLING, /* switched lately */
	MW_MODE_NEW       /* in none that was learnt */
};
enum mw_mode regime_mode(const struct regime_map *map, const struct regime_state *state);

void regime_map_pack(struct mw_writer *writer, const struct regime_map *map);
/* false: not a map for n channels. */
bool regime_map_unpack(struct mw_reader *reader, size_t n, struct regime_map *ret);

#endif
