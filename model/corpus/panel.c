#include "model/corpus/panel.h"

#include <math.h>
#include <stdio.h>
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

#define SHARE_WIDE 0.08
#define N_TOLD     (MW_PANEL_TOLD_END - MW_PANEL_TOLD)

static const struct mw_plant_channel told[N_TOLD] = {
    {.id = {"running", "", MW_ROLE_STATE}, .step = 1.0},
    {.id = {"recipe", "", MW_ROLE_STATE}, .step = 1.0},
    {.id = {"load_setpoint", "%", MW_ROLE_SETPOINT}, .step = 0.1},
    {.id = {"operating_hours", "h", MW_ROLE_COUNTER}, .step = 0.01},
    {.id = {"piece_count", "", MW_ROLE_COUNTER}, .step = 1.0},
};

void mw_panel_init(struct mw_panel *panel, enum mw_machine machine, size_t n_channels)
{
	memset(panel, 0, sizeof(*panel));
	panel->machine = machine;
	panel->held = panel->hand = -1;
	panel->width = n_channels > MW_PANEL_WIDE ? (uint8_t)n_channels : 0;
	for (size_t i = 0; i < MW_SIM_MAX_CHANNELS; i++)
		panel->place[i] = 1.0;
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

static void mount(struct mw_panel *panel, size_t full)
{
	for (size_t i = 0; i < panel->n; i++)
		if (panel->from[i] == full)
			panel->copy[panel->n]++;
	panel->from[panel->n++] = (uint8_t)full;
}

/* Which of what is told this machine tells. */
static void mount_told(struct mw_panel *panel, const struct mw_duty *duty, struct mw_rng *rng)
{
	bool regimes = mw_duty_has_regimes(duty);
	bool counts = duty->kind == MW_DUTY_JOBS || duty->kind == MW_DUTY_PROGRAMME;
	const double wanted[N_TOLD] = {regimes ? 0.4 : 0.06, regimes ? 0.35 : 0.0,
				       duty->kind == MW_DUTY_CONSTANT ? 0.03 : 0.2, 0.04,
				       counts ? 0.15 : 0.0};

	for (size_t k = 0; k < N_TOLD; k++)
		if (mw_rng_chance(rng, wanted[k]) && panel->n < MW_PANEL_WIDE)
			mount(panel, MW_PANEL_TOLD + k);
}

/* Two meters of one speed, voltage or flow agree; two thermometers sit in different places. */
static bool differs_by_place(enum mw_role role)
{
	return role == MW_ROLE_TEMPERATURE || role == MW_ROLE_VIBRATION ||
	       role == MW_ROLE_PRESSURE || role == MW_ROLE_CURRENT;
}

/* Several instruments for what others have one of: other bearings, other ends of the same vessel. */
static void mount_copies(struct mw_panel *panel, const struct mw_plant *plant, struct mw_rng *rng)
{
	for (size_t c = 0; c < plant->n_channel; c++) {
		bool there = false;

		for (size_t i = 0; i < panel->n; i++)
			there |= panel->from[i] == c;
		if (!there && !(panel->dead >> c & 1u) && panel->n < panel->width)
			mount(panel, c);
	}
	while (panel->n < panel->width) {
		size_t c = mw_rng_below(rng, plant->n_channel);
		double place = mw_rng_log_uniform(rng, 0.85, 1.18);

		if (plant->channel[c].noise <= 0 || panel->dead >> c & 1u)
			continue;
		if (differs_by_place(plant->channel[c].id.role))
			panel->place[panel->n] = place;
		mount(panel, c);
	}
}

static void shuffle(struct mw_panel *panel, struct mw_rng *rng)
{
	for (size_t i = panel->n; i > 1; i--) {
		size_t j = mw_rng_below(rng, i);
		uint8_t from = panel->from[j];
		uint8_t copy = panel->copy[j];
		double place = panel->place[j];

		panel->from[j] = panel->from[i - 1];
		panel->copy[j] = panel->copy[i - 1];
		panel->place[j] = panel->place[i - 1];
		panel->from[i - 1] = from;
		panel->copy[i - 1] = copy;
		panel->place[i - 1] = place;
	}
}

void mw_panel_draw(struct mw_panel *panel, const struct mw_plant *plant, const struct mw_duty *duty,
		   const double *wanted, struct mw_rng *rng)
{
	double width = mw_rng_log_uniform(rng, MW_PANEL_WIDE + 1, MW_SIM_MAX_CHANNELS + 1);
	bool wide = mw_rng_chance(rng, SHARE_WIDE);
	uint32_t mask = mask_draw(panel, plant, wanted, rng);

	units_draw(panel, plant, rng);
	if (wide && panel->width == 0)
		panel->width = (uint8_t)fmin(width, MW_SIM_MAX_CHANNELS);
	for (size_t c = 0; c < plant->n_channel; c++)
		if (mask >> c & 1u)
			mount(panel, c);
	mount_told(panel, duty, rng);
	mount_copies(panel, plant, rng);
	shuffle(panel, rng);
}

/* "winding_temperature", then "winding_temperature_b" and so on; a name too long loses its end. */
static void name_copy(struct mw_plant_channel *channel, unsigned copy)
{
	char name[MW_SIM_NAME_SIZE];

	memcpy(name, channel->id.name, sizeof(name));
	(void)snprintf(channel->id.name, sizeof(channel->id.name), "%.*s_%c", MW_SIM_NAME_SIZE - 3,
		       name, (char)('a' + copy % 26));
}

static void describe_told(const struct mw_panel *panel, size_t full, struct mw_plant_channel *ret)
{
	*ret = told[full - MW_PANEL_TOLD];
	/* Some meters show hundredths of an hour, some tenths. */
	if (full == MW_PANEL_HOURS)
		ret->step *= panel->n % 2 ? 1.0 : 10.0;
}

size_t mw_panel_describe(const void *state, struct mw_plant_channel *ret_channel)
{
	const struct mw_panel *panel = state;
	const struct mw_plant *plant = mw_plant_find(panel->machine);

	for (size_t i = 0; i < panel->n; i++) {
		size_t c = panel->from[i];
		struct mw_plant_channel *channel = &ret_channel[i];
		double scale;

		if (c >= MW_PANEL_TOLD) {
			describe_told(panel, c, channel);
			continue;
		}
		scale = panel->size[c] * panel->factor[c];
		*channel = plant->channel[c];
		channel->noise *= scale;
		channel->step *= scale;
		channel->lo = channel->lo * scale + panel->offset[c];
		channel->hi = channel->hi * scale + panel->offset[c];
		if (panel->unit[c])
			memcpy(channel->id.unit, unit[panel->unit[c]].to,
			       strlen(unit[panel->unit[c]].to) + 1);
		if (panel->copy[i])
			name_copy(channel, panel->copy[i]);
	}
	return panel->n;
}

static size_t cause_of(const struct mw_panel *panel, const struct mw_plant_can *can,
		       uint8_t *ret_channel)
{
	uint8_t c[MW_PLANT_MAX_CAUSE];
	size_t n_full = order(panel, can, c), n = 0;

	for (size_t i = 0; i < n_full; i++)
		for (size_t at = 0; at < panel->n; at++)
			if (panel->from[at] == c[i])
				ret_channel[n++] = (uint8_t)at;
	return n;
}

size_t mw_panel_cause(const void *state, const struct mw_plant_act *act, uint8_t *ret_channel)
{
	const struct mw_panel *panel = state;
	const struct mw_plant *plant = mw_plant_find(panel->machine);
	const struct mw_plant_can *site = mw_plant_site_of(plant, act->site);
	size_t n = 0;

	if (site)
		return cause_of(panel, site, ret_channel);
	for (size_t f = 0; f < plant->n_can; f++)
		if (plant->can[f].fault == act->fault)
			n += cause_of(panel, &plant->can[f], ret_channel + n);
	return n;
}

static double tell(const struct mw_duty *duty, enum mw_panel_told what)
{
	switch (what) {
	case MW_PANEL_RUNNING:
		return duty->running ? 1.0 : 0.0;
	case MW_PANEL_RECIPE:
		return duty->code;
	case MW_PANEL_LOAD:
		return 100.0 * duty->target;
	case MW_PANEL_HOURS:
		return duty->hours;
	default:
		return duty->pieces;
	}
}

void mw_panel_read(const struct mw_panel *panel, const struct mw_duty *duty, const double *full,
		   double *ret_true)
{
	for (size_t i = 0; i < panel->n; i++) {
		size_t c = panel->from[i];

		ret_true[i] = c >= MW_PANEL_TOLD
				  ? tell(duty, (enum mw_panel_told)c)
				  : panel->factor[c] * panel->place[i] * full[c] + panel->offset[c];
	}
}

void mw_panel_settle(void *state, const struct mw_plant *plant, const struct mw_plant_setup *setup,
		     size_t rows, struct mw_rng *rng)
{
	struct mw_plant_row row = {.dt_s = setup->dt_s};
	double unread[MW_SIM_MAX_CHANNELS];

	for (size_t i = 0; i < rows; i++)
		plant->step(state, &row, rng, unread);
}
