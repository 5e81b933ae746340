/* claim_fixture.h -- the rows of one channel in healthy spreads, for tests of what may be said of it. */
#ifndef MW_TESTS_CLAIM_FIXTURE_H
#define MW_TESTS_CLAIM_FIXTURE_H

#include "gateway/core/claim.h"
#include "tests/unit/unit.h"

#include <math.h>

#define N_ROWS   64
#define EXPECTED 100.0
#define SPREAD   2.0 /* all three are exact in binary, and so is z */
#define STEP     1.0 /* of `wiggle` */
#define WIGGLE   0.25

struct channel_rows {
	double value[N_ROWS], expected[N_ROWS];
	struct mw_claim_rows rows;
};

static inline void put_z(struct channel_rows *c, size_t row, double z)
{
	c->value[row] = c->expected[row] + SPREAD * z;
}

static inline double wiggle(size_t row)
{
	return row % 2 ? WIGGLE : -WIGGLE;
}

/* Healthy rows; the onset is where the test wants it. */
static inline void healthy(struct channel_rows *c, size_t onset)
{
	for (size_t row = 0; row < N_ROWS; row++) {
		c->expected[row] = EXPECTED;
		put_z(c, row, wiggle(row));
	}
	c->rows = (struct mw_claim_rows){.n = N_ROWS,
					 .value = c->value,
					 .expected = c->expected,
					 .spread = SPREAD,
					 .step = STEP,
					 .onset = onset,
					 .still_is_odd = true,
					 .low = (double)NAN,
					 .high = (double)NAN};
}

/* Rows [from, to) lie so much higher. */
static inline void shift(struct channel_rows *c, size_t from, size_t to, double z)
{
	for (size_t row = from; row < to; row++)
		c->value[row] += SPREAD * z;
}

/* Rows [from, to) have this z and no wiggle. */
static inline void level(struct channel_rows *c, size_t from, size_t to, double z)
{
	for (size_t row = from; row < to; row++)
		put_z(c, row, z);
}

static inline void lose(struct channel_rows *c, size_t from, size_t to)
{
	for (size_t row = from; row < to; row++)
		c->value[row] = (double)NAN;
}

/* What holds is decided from numbers. */
static inline struct mw_claims decide(const struct channel_rows *c)
{
	struct mw_claims claims;

	mw_claims_decide(&c->rows, &claims);
	for (int i = 0; i < MW_N_CLAIM; i++)
		if (claims.set >> i & 1)
			ck_assert_msg(isfinite(claims.value[i]), "%s",
				      mw_claim_text((enum mw_claim)i));
		else
			ck_assert_msg(claims.value[i] == 0, "%s", mw_claim_text((enum mw_claim)i));
	ck_assert(!(claims.set & MW_CLAIM(ABOVE)) || !(claims.set & MW_CLAIM(BELOW)));
	ck_assert(!(claims.set & MW_CLAIM(ROSE)) || !(claims.set & MW_CLAIM(FELL)));
	ck_assert(!(claims.set & MW_CLAIM(SUDDEN)) || !(claims.set & MW_CLAIM(GRADUAL)));
	return claims;
}

/* It holds, with this statistic. */
#define ck_holds(c, name, statistic)                                                               \
	do {                                                                                       \
		struct mw_claims said_ = decide(c);                                                \
                                                                                                   \
		ck_assert_msg(said_.set &MW_CLAIM(name), #name);                                   \
		ck_assert_double_eq_tol(said_.value[MW_CLAIM_##name], statistic, 1e-9);            \
	} while (0)
#define ck_fails(c, name) ck_assert_msg(!(decide(c).set & MW_CLAIM(name)), #name)

#endif
