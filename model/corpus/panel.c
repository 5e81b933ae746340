#include "model/corpus/panel.h"

#include <string.h>

/* Row 0 is "as in the table"; p is the share of machines that use the other unit. */
static const struct unit {
	const char *from, *to;
	double p, factor, offset;
} unit[] = {
    {"", "", 0.0, 1.0, 0.0},
    {"bar", "kPa", 0.15, 100.0, 0.0},
    {"bar", "MPa", 0.15, 0.1, 0.0},
    {"bar", "psi", 0.06, 14.5038, 0.0},
    {"m3/h", "l/min", 0.25, 1000.0 / 60.0, 0.0},
    {"m3/h", "l/s", 0.1, 1.0 / 3.6, 0.0},
    {"degC", "degF", 0.05, 1.8, 32.0},
    {"rpm", "Hz", 0.12, 1.0 / 60.0, 0.0},
    {"kW", "W", 0.08, 1000.0, 0.0},
    {"mm/s", "in/s", 0.05, 0.0393701, 0.0},
};

#define N_UNIT (sizeof(unit) / sizeof(unit[0]))

void mw_panel_init(struct mw_panel *panel, enum mw_machine machine)
{
	memset(panel, 0, sizeof(*panel));
	panel->machine = machine;
	panel->held = panel->hand = -1;
	for (size_t c = 0; c < MW_PANEL_MAX; c++)
		panel->size[c] = panel->factor[c] = 1.0;
}

/* One choice per unit for the whole machine: nobody mixes bar and psi. */
static void units_draw(struct mw_panel *panel, const struct mw_plant *plant, struct mw_rng *rng)
{
	double luck[N_UNIT];

	for (size_t u = 0; u < N_UNIT; u++)
		luck[u] = mw_rng_uniform(rng, 0.0, 1.0);
	for (size_t c = 0; c < plant->n_channel; c++)
		for (size_t u = N_UNIT - 1; u > 0; u--)
			if (strcmp(plant->channel[c].id.unit, unit[u].from) == 0 &&
			    luck[u] < unit[u].p) {
				panel->unit[c] = (uint8_t)u;
				panel->factor[c] = unit[u].factor;
				panel->offset[c] = unit[u].offset;
			}
}

static bool moves(const struct mw_plant_can *can, int full)
{
	for (size_t i = 0; i < can->n_cause; i++)
		if (can->cause[i] == full)
			return true;
	return false;
}

/* The full channels a fault moves here: a closed loop shows it on what it moves first and on what
 * it holds last; channels that this machine does not have are left out. */
static size_t order(const struct mw_panel *panel, const struct mw_plant_can *can, uint8_t *ret)
{
	bool held = moves(can, panel->held);
	bool hand = held && moves(can, panel->hand);
	size_t n = 0;

	if (hand)
		ret[n++] = (uint8_t)panel->hand;
	for (size_t i = 0; i < can->n_cause; i++) {
		uint8_t c = can->cause[i];

		if (c != panel->held && !(hand && c == panel->hand) && !(panel->dead >> c & 1u))
			ret[n++] = c;
	}
	if (held)
		ret[n++] = (uint8_t)panel->held;
	return n;
}

/* Channel that must be added to `mask` so that each fault shows on one of its first two; -1: none.
 */
static int missing(const struct mw_panel *panel, const struct mw_plant *plant, uint32_t mask)
{
	for (size_t f = 0; f < plant->n_can; f++) {
		uint8_t c[MW_PLANT_MAX_CAUSE];
		size_t n = order(panel, &plant->can[f], c);

		if (n == 0 || mask >> c[0] & 1u)
			continue;
		if (n < 2 || c[0] == panel->hand || !(mask >> c[1] & 1u))
			return c[0];
	}
	return -1;
}

static uint32_t mask_draw(const struct mw_panel *panel, const struct mw_plant *plant,
			  const double *wanted, struct mw_rng *rng)
{
	uint32_t mask = 0;
	int add;

	for (size_t c = 0; c < plant->n_channel; c++)
		mask |= (uint32_t)mw_rng_chance(rng, wanted[c]) << c;
	mask &= ~panel->dead;
	while ((add = missing(panel, plant, mask)) >= 0)
		mask |= 1u << add;
	for (size_t i = 0; i < 60 && __builtin_popcount(mask) > MW_PANEL_MOUNTED; i++) {
		uint32_t less = mask & ~(1u << mw_rng_below(rng, plant->n_channel));

		if (missing(panel, plant, less) < 0)
			mask = less;
	}
	for (size_t c = 0; __builtin_popcount(mask) < 4 && c < plant->n_channel; c++)
		mask |= (1u << c) & ~panel->dead;
	return mask;
}

void mw_panel_draw(struct mw_panel *panel, const struct mw_plant *plant, const double *wanted,
		   struct mw_rng *rng)
{
	uint32_t mask = mask_draw(panel, plant, wanted, rng);

	units_draw(panel, plant, rng);
	panel->n = 0;
	for (size_t c = 0; c < plant->n_channel; c++)
		if (mask >> c & 1u)
			panel->from[panel->n++] = (uint8_t)c;
	for (size_t i = panel->n; i > 1; i--) {
		size_t j = mw_rng_below(rng, i);
		uint8_t swap = panel->from[j];

		panel->from[j] = panel->from[i - 1];
		panel->from[i - 1] = swap;
	}
}

size_t mw_panel_describe(const void *state, struct mw_plant_channel *ret_channel)
{
	const struct mw_panel *panel = state;
	const struct mw_plant *plant = mw_plant_find(panel->machine);

	for (size_t i = 0; i < panel->n; i++) {
		size_t c = panel->from[i];
		struct mw_plant_channel *channel = &ret_channel[i];
		double scale = panel->size[c] * panel->factor[c];

		*channel = plant->channel[c];
		channel->noise *= scale;
		channel->step *= scale;
		channel->lo = channel->lo * scale + panel->offset[c];
		channel->hi = channel->hi * scale + panel->offset[c];
		if (panel->unit[c])
			memcpy(channel->id.unit, unit[panel->unit[c]].to,
			       strlen(unit[panel->unit[c]].to) + 1);
	}
	return panel->n;
}

static int mounted(const struct mw_panel *panel, uint8_t full)
{
	for (int i = 0; i < panel->n; i++)
		if (panel->from[i] == full)
			return i;
	return -1;
}

size_t mw_panel_cause(const void *state, const struct mw_plant_act *act, uint8_t *ret_channel)
{
	const struct mw_panel *panel = state;
	const struct mw_plant *plant = mw_plant_find(panel->machine);
	size_t n = 0;

	for (size_t f = 0; f < plant->n_can; f++) {
		uint8_t c[MW_PLANT_MAX_CAUSE];
		size_t n_full =
		    plant->can[f].fault == act->fault ? order(panel, &plant->can[f], c) : 0;

		for (size_t i = 0; i < n_full; i++) {
			int at = mounted(panel, c[i]);

			if (at >= 0)
				ret_channel[n++] = (uint8_t)at;
		}
	}
	return n;
}

void mw_panel_read(const struct mw_panel *panel, const double *full, double *ret_true)
{
	for (size_t i = 0; i < panel->n; i++) {
		size_t c = panel->from[i];

		ret_true[i] = panel->factor[c] * full[c] + panel->offset[c];
	}
}

void mw_panel_settle(void *state, const struct mw_plant *plant, const struct mw_plant_setup *setup,
		     size_t rows, struct mw_rng *rng)
{
	struct mw_plant_row row = {.dt_s = setup->dt_s};
	double unread[MW_PANEL_MAX];

	for (size_t i = 0; i < rows; i++)
		plant->step(state, &row, rng, unread);
}
