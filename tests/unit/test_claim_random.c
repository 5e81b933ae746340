/* test_claim_random.c -- claims of random rows against their definitions, computed anew. */
#include "model/corpus/rng.h"
#include "tests/unit/claim_fixture.h"

/* Close to a threshold either may be right. */
#define NEAR(x, threshold) (fabs((x) - (threshold)) < 1e-9)

/* The readings of rows [from, to) in z, or as values. */
struct readings {
	size_t n, row[N_ROWS];
	double x[N_ROWS];
};

static struct readings readings_of(const struct channel_rows *c, size_t from, size_t to, bool in_z)
{
	struct readings r = {0};

	for (size_t row = from; row < to; row++) {
		if (isnan(c->value[row]))
			continue;
		r.row[r.n] = row;
		r.x[r.n++] =
		    in_z ? (c->value[row] - c->expected[row]) / c->rows.spread : c->value[row];
	}
	return r;
}

static double mean(const double *x, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += x[i];
	return n > 0 ? sum / (double)n : (double)NAN;
}

static double largest(const struct readings *r)
{
	double most = 0;

	for (size_t i = 0; i < r->n; i++)
		most = fmax(most, fabs(r->x[i]));
	return most;
}

/* --- rows ------------------------------------------------------------------------------------- */

/* Wanders, jumps, stands still, comes back, is lost; z in sixteenths, which are exact. */
static void draw(struct channel_rows *c, struct mw_rng *rng)
{
	double z = 0, size = mw_rng_uniform(rng, 0, 1), drift = mw_rng_uniform(rng, -.3, .3);
	bool holes = mw_rng_chance(rng, .4);

	healthy(c, mw_rng_below(rng, N_ROWS));
	for (size_t row = 0; row < N_ROWS; row++) {
		if (mw_rng_chance(rng, .05))
			z = mw_rng_chance(rng, .5) ? 0 : mw_rng_uniform(rng, -8, 8);
		if (mw_rng_chance(rng, .05))
			drift = mw_rng_chance(rng, .5) ? 0 : mw_rng_uniform(rng, -.5, .5);
		if (mw_rng_chance(rng, .03))
			size = mw_rng_chance(rng, .5) ? 0 : mw_rng_uniform(rng, 0, 2);
		z += row >= c->rows.onset ? drift : 0;
		put_z(c, row, round(16 * (z + size * mw_rng_normal(rng))) / 16);
		if (holes && mw_rng_chance(rng, .15))
			lose(c, row, row + 1);
	}
	c->rows.onset_before = c->rows.onset == 0 && mw_rng_chance(rng, .5);
	c->rows.deviation = mw_rng_uniform(rng, -20, 20);
	c->rows.direction = c->rows.deviation > 0 ? 1 : -1;
	c->rows.high = EXPECTED + mw_rng_uniform(rng, 0, 40);
	c->rows.low = EXPECTED - mw_rng_uniform(rng, 0, 40);
}

/* --- definitions ------------------------------------------------------------------------------ */

static bool says(const struct mw_claims *claims, enum mw_claim claim)
{
	return claims->set >> claim & 1;
}

static double spread_of_last_half(const struct channel_rows *c)
{
	struct readings since = readings_of(c, c->rows.onset, N_ROWS, true);
	size_t from = since.n / 2;
	double middle = mean(since.x + from, since.n - from), squares = 0;

	for (size_t i = from; i < since.n; i++)
		squares += pow(since.x[i] - middle, 2);
	return sqrt(squares / (double)(since.n - from));
}

static void check_move(const struct channel_rows *c, const struct mw_claims *claims)
{
	struct readings all = readings_of(c, 0, N_ROWS, true);
	struct readings value = readings_of(c, 0, N_ROWS, false);
	size_t from = c->rows.onset >= 4 ? c->rows.onset - 4 : 0, last = all.n < 4 ? 0 : all.n - 4;
	struct readings before = readings_of(c, from, from + 4, true);
	double change = mean(all.x + last, all.n - last) - mean(before.x, before.n);

	ck_assert_double_eq_tol(claims->now, mean(value.x + last, value.n - last), 1e-9);
	double least = fmax(2, 1.5 * spread_of_last_half(c));
	bool moved =
	    fabs(change) > least && !says(claims, MW_CLAIM_SWINGS) && !says(claims, MW_CLAIM_BACK);
	if (NEAR(fabs(change), least))
		return;
	ck_assert_int_eq(says(claims, MW_CLAIM_ROSE), moved && change > 0);
	ck_assert_int_eq(says(claims, MW_CLAIM_FELL), moved && change < 0);
	if (moved)
		ck_assert_double_eq_tol(claims->value[change > 0 ? MW_CLAIM_ROSE : MW_CLAIM_FELL],
					change, 1e-9);
	ck_assert(moved || isnan(claims->from));
}

/* Pearson's, by covariances of the raw sums. */
static double correlation(const struct readings *r)
{
	double n = (double)r->n, x = 0, y = 0, xx = 0, yy = 0, xy = 0;

	for (size_t i = 0; i < r->n; i++) {
		double t = (double)r->row[i];

		x += t;
		y += r->x[i];
		xx += t * t;
		yy += r->x[i] * r->x[i];
		xy += t * r->x[i];
	}
	return (n * xy - x * y) / sqrt((n * xx - x * x) * (n * yy - y * y));
}

/* Squares about the mean of x[from..to). */
static double squares_about(const struct readings *r, size_t from, size_t to)
{
	double middle = mean(r->x + from, to - from), squares = 0;

	for (size_t i = from; i < to; i++)
		squares += pow(r->x[i] - middle, 2);
	return squares;
}

/* Share of the variance that the best single step explains. */
static double explained_by_a_step(const struct readings *r)
{
	double whole = squares_about(r, 0, r->n), least = whole;

	for (size_t i = 1; i < r->n; i++)
		least = fmin(least, squares_about(r, 0, i) + squares_about(r, i, r->n));
	return 1 - least / whole;
}

static void check_pace(const struct channel_rows *c, const struct mw_claims *claims)
{
	struct readings since = readings_of(c, c->rows.onset, N_ROWS, true);
	bool rose = says(claims, MW_CLAIM_ROSE), fell = says(claims, MW_CLAIM_FELL);
	double line = (rose ? 1 : -1) * correlation(&since);

	if (!rose && !fell) {
		ck_assert(!says(claims, MW_CLAIM_GRADUAL) && !says(claims, MW_CLAIM_SUDDEN));
		return;
	}
	if (isnan(line) || NEAR(line, .8) || NEAR(line * line, explained_by_a_step(&since)))
		return;
	ck_assert_int_eq(says(claims, MW_CLAIM_GRADUAL),
			 since.n >= 16 && line > .8 && line * line > explained_by_a_step(&since));
	if (says(claims, MW_CLAIM_GRADUAL))
		ck_assert_double_eq_tol(claims->value[MW_CLAIM_GRADUAL], line, 1e-6);
	if (says(claims, MW_CLAIM_SUDDEN))
		ck_assert_double_le(claims->value[MW_CLAIM_SUDDEN], 8);
}

static void check_course(const struct channel_rows *c, const struct mw_claims *claims)
{
	struct readings since = readings_of(c, c->rows.onset, N_ROWS, true);
	struct readings last = readings_of(c, N_ROWS - 4, N_ROWS, true);
	double size[N_ROWS], late, early, between, newest, ago, most = 0;
	size_t quarter = since.n / 4;

	ck_assert_int_eq(says(claims, MW_CLAIM_BACK),
			 last.n == 4 && largest(&last) < 2 && largest(&since) >= 4);
	for (size_t i = 0; i < since.n; i++)
		size[i] = fabs(since.x[i]);
	late = mean(size + since.n - quarter, quarter);
	early = mean(size + quarter, quarter);
	between = mean(size + since.n - 2 * quarter, quarter);
	for (size_t i = 4; i <= since.n; i++)
		most = fmax(most, mean(size + i - 4, 4));
	newest = since.n >= 4 ? mean(size + since.n - 4, 4) : 0;
	ago = since.n >= 12 ? mean(size + since.n - 12, 4) : 0;
	if (NEAR(late, 3) || NEAR(late, 1.5 * early) || NEAR(late, 1.1 * between) ||
	    NEAR(newest, .98 * most) || NEAR(newest, 1.05 * ago))
		return;
	ck_assert_int_eq(says(claims, MW_CLAIM_GROWING),
			 since.n >= 16 && late > 3 && late > 1.5 * early && late > 1.1 * between &&
			     newest > .98 * most && newest > 1.05 * ago);
}

static void check_readings(const struct channel_rows *c, const struct mw_claims *claims)
{
	struct readings all = readings_of(c, 0, N_ROWS, false);
	struct readings since = readings_of(c, c->rows.onset, N_ROWS, false);
	size_t rows = N_ROWS - c->rows.onset, equal = 0;
	bool silent =
	    c->rows.onset + 4 <= N_ROWS && readings_of(c, N_ROWS - 4, N_ROWS, true).n == 0;
	double high = -INFINITY, low = INFINITY;

	while (equal < all.n && all.x[all.n - 1 - equal] == all.x[all.n - 1])
		equal++;
	ck_assert_int_eq(says(claims, MW_CLAIM_STILL),
			 equal >= 12 && since.n > 0 && 5 * equal >= 4 * since.n);
	ck_assert_int_eq(says(claims, MW_CLAIM_LOST), silent || 4 * (rows - since.n) >= rows);
	for (size_t i = 0; i < since.n; i++) {
		high = fmax(high, since.x[i]);
		low = fmin(low, since.x[i]);
	}
	ck_assert_int_eq(says(claims, MW_CLAIM_OVER_LIMIT), high > c->rows.high);
	ck_assert_int_eq(says(claims, MW_CLAIM_UNDER_LIMIT),
			 low < c->rows.low && !(high > c->rows.high));
}

static void check_steps(const struct channel_rows *c, const struct mw_claims *claims)
{
	struct readings since = readings_of(c, c->rows.onset, N_ROWS, true);
	double sum = 0, most = 0, healthy_step = c->rows.step / c->rows.spread, n = 0;
	bool quiet, loud;

	for (size_t i = 1; i < since.n; i++)
		if (since.row[i] == since.row[i - 1] + 1) {
			double step = pow((since.x[i] - since.x[i - 1]) / healthy_step, 2);

			sum += step;
			most = fmax(most, step);
			n++;
		}
	quiet = n >= 8 && sqrt(sum / n) <= .5 && !says(claims, MW_CLAIM_STILL);
	loud = n >= 8 && sqrt((sum - most) / n) >= 1.8 && !says(claims, MW_CLAIM_STILL) &&
	       !says(claims, MW_CLAIM_SPIKES);
	if (n > 0 && (NEAR(sqrt(sum / n), .5) || NEAR(sqrt((sum - most) / n), 1.8)))
		return;
	if (NEAR(fabs(mean(since.x, since.n)), 3))
		return;
	quiet = quiet && fabs(mean(since.x, since.n)) < 3;
	ck_assert_int_eq(says(claims, MW_CLAIM_CALM), quiet);
	loud = loud &&
	       says(claims, MW_CLAIM_NOISY); /* most steps have to be large, too: test_claim.c */
	ck_assert_int_eq(says(claims, MW_CLAIM_NOISY), loud);
	if (quiet || loud)
		ck_assert_double_eq_tol(claims->value[quiet ? MW_CLAIM_CALM : MW_CLAIM_NOISY],
					sqrt(sum / n), 1e-9);
}

START_TEST(claims_of_random_rows_are_what_their_definitions_say)
{
	size_t held[MW_N_CLAIM] = {0};
	struct channel_rows c;
	struct mw_rng rng;

	mw_rng_seed(&rng, 61);
	for (int i = 0; i < 30000; i++) {
		struct mw_claims claims;

		draw(&c, &rng);
		claims = decide(&c);
		for (int k = 0; k < MW_N_CLAIM; k++)
			held[k] += says(&claims, (enum mw_claim)k);
		check_readings(&c, &claims);
		if (readings_of(&c, c.rows.onset, N_ROWS, true).n == 0)
			continue;
		check_move(&c, &claims);
		check_pace(&c, &claims);
		check_course(&c, &claims);
		check_steps(&c, &claims);
	}
	for (int k = 0; k < MW_CLAIM_AFTER; k++)
		ck_assert_msg(held[k] >= 50, "%s held %zu times", mw_claim_text((enum mw_claim)k),
			      held[k]);
}
END_TEST

MW_TEST_MAIN("claim_random", claims_of_random_rows_are_what_their_definitions_say)
