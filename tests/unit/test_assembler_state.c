/* test_assembler_state.c -- hard random streams through an assembler, and through the store. */
#include "model/corpus/rng.h"
#include "tests/unit/assembler_fixture.h"

/* A hard life: three channels, jitter, disorder, loss, duplicates, clock steps, gaps. */
static void live(struct mw_assembler *a, struct mw_rng *rng, int64_t *clock, int i)
{
	static const char *const name[] = {"flow", "p_in", "valve"};
	const char *channel = name[mw_rng_below(rng, 3)];
	int64_t t;

	*clock += 333 * MS;
	if (mw_rng_chance(rng, .001))
		*clock += (int64_t)mw_rng_log_uniform(rng, 1, 1e6) * S;
	if (mw_rng_chance(rng, .001))
		*clock -= (int64_t)mw_rng_log_uniform(rng, 1, 1e4) * S;
	t = *clock + (int64_t)(mw_rng_normal(rng) * .3 * S);
	(void)push(a, channel, t, mw_rng_normal(rng));
	if (mw_rng_chance(rng, .02))
		(void)push(a, channel, t, i);
}

static void drain(struct mw_assembler *a, double *digest, int64_t *n_row)
{
	struct mw_row row;

	while (mw_assembler_pop(a, &row)) {
		++*n_row;
		ck_assert_int_eq(row.time_ns % mw_assembler_period(a), 0);
		for (uint32_t c = 0; c < row.n_channels; c++)
			*digest = *digest * .99 + (isnan(row.value[c]) ? 3 : row.value[c]);
	}
}

static struct mw_assembler *through_the_store(struct mw_assembler *a,
					      const struct mw_assembler_opts *opts)
{
	struct mw_assembler *back = NULL;
	uint8_t *data = NULL, *again = NULL;
	size_t size = 0, size_again = 0;

	ck_assert_int_eq(mw_assembler_pack(a, &data, &size), MW_E_OK);
	ck_assert_int_eq(mw_assembler_unpack(opts, data, size, &back), MW_E_OK);
	ck_assert_int_eq(mw_assembler_pack(back, &again, &size_again), MW_E_OK);
	ck_assert_uint_eq(size, size_again);
	ck_assert_mem_eq(data, again, size);
	free(data);
	free(again);
	mw_assembler_free(a);
	return back;
}

START_TEST(a_restored_state_continues_bit_for_bit)
{
	for (uint64_t seed = 0; seed < 12; seed++) {
		struct mw_assembler_opts opts = {.period_ns = seed % 2 ? S : 0,
						 .lateness_ns = 2 * S};
		struct mw_assembler *a = make(opts), *b = make(opts);
		struct mw_rng rng_a, rng_b;
		int64_t clock_a = T0, clock_b = T0, n_a = 0, n_b = 0;
		double digest_a = 0, digest_b = 0;

		mw_rng_seed(&rng_a, seed);
		mw_rng_seed(&rng_b, seed);
		for (int i = 0; i < 6000; i++) {
			live(a, &rng_a, &clock_a, i);
			live(b, &rng_b, &clock_b, i);
			if (i % 7 == 0)
				drain(a, &digest_a, &n_a);
			if (i % 7 == 0)
				drain(b, &digest_b, &n_b);
			if (i % 41 == 0 || i < 60)
				b = through_the_store(b, &opts);
		}
		ck_assert_int_gt(n_a, 300);
		ck_assert_int_eq(n_a, n_b);
		ck_assert_double_eq(digest_a, digest_b);
		for (int fate = 0; fate < MW_N_FATE; fate++)
			ck_assert_uint_eq(mw_assembler_count(a, (enum mw_sample_fate)fate),
					  mw_assembler_count(b, (enum mw_sample_fate)fate));
		mw_assembler_free(a);
		mw_assembler_free(b);
	}
}
END_TEST

START_TEST(every_sample_has_a_fate_and_they_add_up)
{
	struct mw_assembler *a = make((struct mw_assembler_opts){.period_ns = S});
	struct mw_rng rng;
	int64_t clock = T0, n_row = 0;
	uint64_t sum = 0;
	double digest = 0;

	mw_rng_seed(&rng, 77);
	for (int i = 0; i < 20000; i++) {
		live(a, &rng, &clock, i);
		drain(a, &digest, &n_row);
	}
	for (int fate = 0; fate < MW_N_FATE; fate++)
		sum += mw_assembler_count(a, (enum mw_sample_fate)fate);
	ck_assert_uint_ge(sum, 20000);
	ck_assert_uint_le(sum, 21000); /* duplicates come on top */
	ck_assert_uint_gt(mw_assembler_count(a, MW_FATE_DUPLICATE), 100);
	ck_assert_uint_gt(mw_assembler_gaps(a), 0);
	ck_assert_uint_gt(mw_assembler_clock_steps(a), 0);
	mw_assembler_free(a);
}
END_TEST

START_TEST(damaged_states_are_refused_or_harmless)
{
	struct mw_assembler_opts opts = {0};
	struct mw_assembler *a = make(opts), *b;
	struct mw_rng rng;
	int64_t clock = T0, n_row = 0;
	double digest = 0;
	uint8_t *data = NULL;
	size_t size = 0;

	mw_rng_seed(&rng, 3);
	for (int i = 0; i < 500; i++)
		live(a, &rng, &clock, i);
	drain(a, &digest, &n_row);
	ck_assert_int_eq(mw_assembler_pack(a, &data, &size), MW_E_OK);
	for (size_t cut = 0; cut < size; cut++) {
		b = NULL;
		ck_assert_int_eq(mw_assembler_unpack(&opts, data, cut, &b), MW_E_CORRUPT);
		ck_assert_ptr_null(b);
	}
	for (size_t at = 0; at < size; at++) {
		data[at] ^= 0x5a;
		b = NULL;
		if (mw_assembler_unpack(&opts, data, size, &b) == MW_E_OK) {
			live(b, &rng, &clock, 0);
			mw_assembler_flush(b);
			drain(b, &digest, &n_row);
		}
		mw_assembler_free(b);
		data[at] ^= 0x5a;
	}
	free(data);
	mw_assembler_free(a);
}
END_TEST

START_TEST(a_state_of_another_period_is_refused)
{
	struct mw_assembler_opts one = {.period_ns = S}, two = {.period_ns = 2 * S};
	struct mw_assembler *a = make(one), *b = NULL;
	uint8_t *data = NULL;
	size_t size = 0;

	ck_taken(a, "t", T0, 1);
	ck_assert_int_eq(mw_assembler_pack(a, &data, &size), MW_E_OK);
	ck_assert_int_eq(mw_assembler_unpack(&two, data, size, &b), MW_E_INVAL);
	ck_assert_ptr_null(b);
	free(data);
	mw_assembler_free(a);
}
END_TEST

MW_TEST_MAIN("assembler state", a_restored_state_continues_bit_for_bit,
	     every_sample_has_a_fate_and_they_add_up, damaged_states_are_refused_or_harmless,
	     a_state_of_another_period_is_refused)
