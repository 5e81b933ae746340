/* The map: which channels tell regimes, and which combinations of plateaus are regimes. */
#include "gateway/core/regime.h"

#include "gateway/core/baseline_impl.h"

#include <math.h>
#include <string.h>

#define SIDE_ROWS     24   /* a plateau has at least so many readings */
#define SIDE_SHARE    0.04 /* and that share of all */
#define NEAR_SHARE    0.08 /* of all readings, on each side of a split, that it is judged by */
#define FAR           6.0  /* plateaus are so many spreads apart, at least */
#define BETWEEN_SHARE 0.06 /* of the readings may lie in the middle half of the way */
#define DWELL_ROWS    8.0  /* mean stay on a plateau; shorter is a cycle within a regime */
#define REACH         4.0  /* spreads about a plateau that belong to it */
#define REACH_SHARE   0.25 /* of the way to the next plateau */
#define TINY          1e-9 /* of a channel's magnitude: what rounding does */
#define REGIME_ROWS   24   /* a combination is a regime from so many rows on */

/* --- plateaus of a channel -------------------------------------------------------------------- */

static double side_spread(const double *x, size_t n, double *scratch, double *ret_middle)
{
	memcpy(scratch, x, n * sizeof(*x));
	return robust_scale(scratch, n, TINY * fmax(fabs(x[0]), fabs(x[n - 1])), ret_middle);
}

/* Otsu's threshold of sorted readings: how many stand left of it. */
static size_t otsu(const double *x, size_t n)
{
	double total = 0;
	double left = 0;
	double best = -1;
	size_t at = 0;

	for (size_t i = 0; i < n; i++)
		total += x[i];
	for (size_t i = 1; i < n; i++) {
		double between;
		double m = (double)i;
		double rest = (double)(n - i);

		left += x[i - 1];
		between = left / m - (total - left) / rest;
		between *= between * m * rest;
		if (between <= best || x[i] <= x[i - 1])
			continue;
		best = between;
		at = i;
	}
	return at;
}

/* Is the split of sorted readings at `at` one between two plateaus?  Judged by the readings next to
 * it: further away may lie other plateaus. */
static bool is_clean(const double *x, size_t n, size_t at, size_t all, double *scratch)
{
	size_t near = (size_t)fmax(SIDE_ROWS, NEAR_SHARE * (double)all);
	size_t left = at < near ? at : near;
	size_t right = n - at < near ? n - at : near;
	double low;
	double high;
	double spread;
	double quarter;
	size_t between = 0;

	spread = side_spread(x + at - left, left, scratch, &low);
	spread = fmax(spread, side_spread(x + at, right, scratch, &high));
	quarter = (high - low) / 4;
	if (4 * quarter < FAR * spread)
		return false;
	for (size_t i = 0; i < n; i++)
		between += x[i] > low + quarter && x[i] < high - quarter;
	return (double)between <= BETWEEN_SHARE * (double)n;
}

/* Splits sorted readings until no part can be split; *ret_cut[k] = end of plateau k. */
static size_t split(const double *x, size_t n, size_t all, double *scratch,
		    size_t ret_end[REGIME_PLATEAUS])
{
	size_t end[REGIME_PLATEAUS] = {n};
	size_t parts = 1;

	for (size_t k = 0; k < parts && parts < REGIME_PLATEAUS;) {
		size_t from = k ? end[k - 1] : 0;
		size_t at = otsu(x + from, end[k] - from);
		size_t smaller = at < end[k] - from - at ? at : end[k] - from - at;

		if (smaller < SIDE_ROWS || (double)smaller < SIDE_SHARE * (double)all ||
		    !is_clean(x + from, end[k] - from, at, all, scratch)) {
			k++;
			continue;
		}
		memmove(end + k + 1, end + k, (parts - k) * sizeof(end[0]));
		end[k] = from + at;
		parts++;
	}
	memcpy(ret_end, end, sizeof(end));
	return parts;
}

static void set_reach(struct regime_tell *tell, size_t k, double spread)
{
	double gap = INFINITY;

	if (k > 0 && k < REGIME_PLATEAUS)
		gap = tell->plateau[k] - tell->plateau[k - 1];
	if (k + 1 < tell->n_plateau)
		gap = fmin(gap, tell->plateau[k + 1] - tell->plateau[k]);
	tell->reach[k] = fmax(fmin(REACH * spread, gap / 2), REACH_SHARE * gap);
}

static int plateau_of(const struct regime_tell *tell, double value)
{
	for (uint32_t k = 0; k < tell->n_plateau; k++)
		if (fabs(value - tell->plateau[k]) <= tell->reach[k])
			return (int)k;
	return -1;
}

/* Mean rows between changes of plateau. */
static double dwell(const struct regime_tell *tell, const double *value, size_t rows, size_t n)
{
	double changes = 0;
	int now = -1;

	for (size_t t = 0; t < rows; t++) {
		int k = plateau_of(tell, value[t * n + tell->channel]);

		changes += k >= 0 && now >= 0 && k != now;
		now = k >= 0 ? k : now;
	}
	return (double)rows / (changes + 1);
}

/* Has channel c plateaus?  scratch: 2 rows doubles. */
static bool find_plateaus(const double *value, size_t rows, size_t n, size_t c, double *scratch,
			  struct regime_tell *ret)
{
	double *x = scratch;
	double spread[REGIME_PLATEAUS] = {0};
	size_t end[REGIME_PLATEAUS];
	size_t m = 0;

	for (size_t t = 0; t < rows; t++)
		if (fabs(value[t * n + c]) <= BASELINE_ABSURD)
			x[m++] = value[t * n + c];
	if (m < 2 * (size_t)SIDE_ROWS)
		return false;
	robust_sort(x, m);
	*ret = (struct regime_tell){.channel = (uint32_t)c};
	ret->n_plateau = (uint32_t)split(x, m, m, scratch + rows, end);
	if (ret->n_plateau < 2)
		return false;
	for (size_t k = 0, from = 0; k < ret->n_plateau; from = end[k++])
		spread[k] = side_spread(x + from, end[k] - from, scratch + rows, &ret->plateau[k]);
	for (size_t k = 0; k < ret->n_plateau; k++)
		set_reach(ret, k, spread[k]);
	return dwell(ret, value, rows, n) >= DWELL_ROWS;
}

/* --- regimes ---------------------------------------------------------------------------------- */

/* Plateau numbers of a row, as a code of two bits a tell; false: some reading is on none. */
static bool code_of(const struct regime_map *map, const double *value, uint32_t *ret_code)
{
	uint32_t code = 0;

	for (uint32_t i = 0; i < map->n_tell; i++) {
		int k = plateau_of(&map->tell[i], value[map->tell[i].channel]);

		if (k < 0)
			return false;
		code |= (uint32_t)k << 2 * i;
	}
	*ret_code = code;
	return true;
}

struct tally {
	uint32_t code;
	size_t rows;
};
#define TALLIES 64 /* combinations that are counted; a machine with more of them has no regimes */

static size_t count_codes(const struct regime_map *map, const double *value, size_t rows, size_t n,
			  struct tally *ret)
{
	size_t found = 0;

	for (size_t t = 0; t < rows; t++) {
		uint32_t code;
		size_t i = 0;

		if (!code_of(map, value + t * n, &code))
			continue;
		while (i < found && ret[i].code != code)
			i++;
		if (i == found && found == TALLIES)
			return 0;
		if (i == found)
			ret[found++] = (struct tally){.code = code};
		ret[i].rows++;
	}
	return found;
}

/* The most visited combinations become regimes, first come first of equals. */
static void name_regimes(struct regime_map *map, struct tally *tally, size_t found)
{
	map->n = 0;
	while (map->n < MW_MAX_REGIMES) {
		size_t best = 0;

		for (size_t i = 1; i < found; i++)
			if (tally[i].rows > tally[best].rows)
				best = i;
		if (found == 0 || tally[best].rows < REGIME_ROWS)
			return;
		for (uint32_t i = 0; i < map->n_tell; i++)
			map->plateau[map->n][i] = tally[best].code >> 2 * i & 3u;
		tally[best].rows = 0;
		map->n++;
	}
}

void regime_map_learn(const double *value, size_t rows, size_t n, const bool *commands,
		      double *scratch, struct regime_map *ret)
{
	struct regime_map map = {.n = 1};
	struct tally tally[TALLIES] = {{0}};
	size_t found;

	for (size_t c = 0; commands && c < n && map.n_tell < REGIME_TELLS; c++)
		if (commands[c] && find_plateaus(value, rows, n, c, scratch, &map.tell[map.n_tell]))
			map.n_tell++;
	if (map.n_tell > 0) {
		found = count_codes(&map, value, rows, n, tally);
		name_regimes(&map, tally, found);
	}
	if (map.n < 2)
		map = (struct regime_map){.n = 1};
	*ret = map;
}

int regime_of(const struct regime_map *map, const double *value)
{
	uint32_t code;
	uint32_t same;

	if (!code_of(map, value, &code))
		return REGIME_UNKNOWN;
	for (uint32_t k = 0; k < map->n; k++) {
		same = 0;
		for (uint32_t i = 0; i < map->n_tell; i++)
			same += map->plateau[k][i] == (code >> 2 * i & 3u);
		if (same == map->n_tell)
			return (int)k;
	}
	return REGIME_UNKNOWN;
}

/* --- as bytes --------------------------------------------------------------------------------- */

void regime_map_pack(struct mw_writer *writer, const struct regime_map *map)
{
	mw_put_u8(writer, (uint8_t)map->n);
	mw_put_u8(writer, (uint8_t)map->n_tell);
	for (uint32_t i = 0; i < map->n_tell; i++) {
		const struct regime_tell *tell = &map->tell[i];

		mw_put_u8(writer, (uint8_t)tell->channel);
		mw_put_u8(writer, (uint8_t)tell->n_plateau);
		for (uint32_t k = 0; k < tell->n_plateau; k++) {
			mw_put_f64(writer, tell->plateau[k]);
			mw_put_f64(writer, tell->reach[k]);
		}
		for (uint32_t k = 0; k < map->n; k++)
			mw_put_u8(writer, map->plateau[k][i]);
	}
}

static bool tell_unpack(struct mw_reader *reader, size_t n, struct regime_map *map, uint32_t i)
{
	struct regime_tell *tell = &map->tell[i];

	tell->channel = mw_get_u8(reader);
	tell->n_plateau = mw_get_u8(reader);
	if (tell->channel >= n || tell->n_plateau < 2 || tell->n_plateau > REGIME_PLATEAUS)
		return false;
	for (uint32_t k = 0; k < tell->n_plateau; k++) {
		tell->plateau[k] = mw_get_f64(reader);
		tell->reach[k] = mw_get_f64(reader);
		if (!(fabs(tell->plateau[k]) <= BASELINE_ABSURD) || !(tell->reach[k] >= 0) ||
		    !(tell->reach[k] <= 2 * BASELINE_ABSURD))
			return false;
	}
	for (uint32_t k = 0; k < map->n; k++) {
		map->plateau[k][i] = mw_get_u8(reader);
		if (map->plateau[k][i] >= tell->n_plateau)
			return false;
	}
	return true;
}

bool regime_map_unpack(struct mw_reader *reader, size_t n, struct regime_map *ret)
{
	struct regime_map map = {0};

	map.n = mw_get_u8(reader);
	map.n_tell = mw_get_u8(reader);
	if (map.n < 1 || map.n > MW_MAX_REGIMES || map.n_tell > REGIME_TELLS ||
	    (map.n > 1) != (map.n_tell > 0))
		return false;
	for (uint32_t i = 0; i < map.n_tell; i++)
		if (!tell_unpack(reader, n, &map, i))
			return false;
	*ret = map;
	return !reader->failed;
}
