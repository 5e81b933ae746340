/* assembler_fixture.h -- making an assembler, pushing to it and expecting rows of it. */
#ifndef MW_TESTS_ASSEMBLER_FIXTURE_H
#define MW_TESTS_ASSEMBLER_FIXTURE_H

#include "gateway/base/clock.h"
#include "gateway/core/assembler.h"
#include "tests/unit/unit.h"

#include <math.h>
#include <string.h>

#define S  MW_NS_PER_S
#define MS MW_NS_PER_MS
#define T0 (1700000000 * S)

static inline struct mw_assembler *make(struct mw_assembler_opts opts)
{
	struct mw_assembler *a = NULL;

	ck_assert_int_eq(mw_assembler_new(&opts, &a), MW_E_OK);
	return a;
}

static inline enum mw_sample_fate push(struct mw_assembler *a, const char *channel, int64_t time,
				       double value)
{
	return mw_assembler_push(a, (struct mw_str){channel, strlen(channel)}, time, value, 0,
				 time);
}

#define ck_taken(a, channel, time, value)                                                          \
	ck_assert_int_eq(push(a, channel, time, value), MW_FATE_TAKEN)

/* The next row is at `time` and channel 0 shows `value` (NAN: nothing). */
#define ck_row(a, at, expected)                                                                    \
	do {                                                                                       \
		struct mw_row row_;                                                                \
		double expected_ = (expected);                                                     \
                                                                                                   \
		ck_assert_msg(mw_assembler_pop(a, &row_), "no row is ready");                      \
		ck_assert_int_eq(row_.time_ns - T0, (at)-T0);                                      \
		ck_assert_msg(isnan(expected_) ? isnan(row_.value[0])                              \
					       : row_.value[0] == expected_,                       \
			      "value %g, not %g", row_.value[0], expected_);                       \
	} while (0)
#define ck_no_row(a)                                                                               \
	do {                                                                                       \
		struct mw_row row_;                                                                \
                                                                                                   \
		ck_assert_msg(!mw_assembler_pop(a, &row_), "a row at %lld",                        \
			      (long long)row_.time_ns);                                            \
	} while (0)

#endif
