#include "gateway/core/truth.h"
#include "tests/unit/signals.h"
#include "tests/unit/unit.h"

#include <string.h>

#define LEARN 256
#define ONSET 320 /* a patch begins here */
#define END   400
#define ROWS  560

static struct mw_sim_series *simulate(enum mw_fault fault)
{
	struct mw_sim_spec spec = {.seed = 7,
				   .machine = MW_MACHINE_OTHER,
				   .n_rows = ROWS,
				   .n_learn = LEARN,
				   .n_channels = 4};
	struct mw_sim_series *series = NULL;

	if (fault != MW_FAULT_NONE) {
		spec.n_injection = 1;
		spec.injection[0] = (struct mw_sim_injection){
		    .fault = fault,
		    .strength = 0.9,
		    .onset_row = ONSET,
		    .end_row = END,
		    .channel = mw_fault_kind_of(fault) == MW_KIND_SENSOR ? 2 : -1};
	}
	ck_assert_int_eq(mw_sim_series_new(&spec, &series), 0);
	return series;
}

/* What is true of the window that ends with `rows`. */
static void look(const struct mw_sim_series *series, size_t rows, struct mw_window_truth *ret)
{
	struct mw_machine_info info = {.machine = MW_MACHINE_OTHER};
	struct mw_baseline *baseline;
	struct mw_evidence *evidence =
	    signals_feed(series->value, LEARN, rows, series->n_channels, &baseline);
	struct mw_prompt prompt;
	struct mw_truth *truth;

	ck_assert_int_eq(mw_truth_new(series, &truth), MW_E_OK);
	mw_prompt_encode(evidence, &info, MW_LANGUAGE_EN, &prompt);
	mw_truth_window(truth, evidence, &prompt, ret);
	mw_truth_free(truth);
	mw_evidence_free(evidence);
	mw_baseline_free(baseline);
}

static void expect_no_fault(const struct mw_window_truth *truth)
{
	ck_assert_int_ne(truth->verdict, MW_VERDICT_FAULT);
	ck_assert_uint_eq(truth->onset, MW_TRUTH_ONSET_NONE);
	ck_assert_uint_eq(truth->severity, 0);
	ck_assert_uint_eq(truth->row[0], MW_TRUTH_NO_CHANNEL);
	ck_assert_float_eq(truth->effect, 0);
	ck_assert_ptr_null(memchr(truth->patch, 1, sizeof(truth->patch)));
}

START_TEST(a_healthy_machine_is_normal)
{
	struct mw_sim_series *series = simulate(MW_FAULT_NONE);
	struct mw_window_truth truth;

	look(series, 480, &truth);
	expect_no_fault(&truth);
	ck_assert_int_eq(truth.verdict, MW_VERDICT_NORMAL);
	ck_assert_int_eq(truth.fault, MW_FAULT_NONE);
	mw_sim_series_free(series);
}
END_TEST

START_TEST(a_bias_is_labelled_by_patch_channel_onset_and_severity)
{
	struct mw_sim_series *series = simulate(MW_FAULT_BIAS);
	struct mw_window_truth truth;

	look(series, ONSET + 24, &truth);
	ck_assert_int_eq(truth.verdict, MW_VERDICT_FAULT);
	ck_assert_int_eq(truth.fault, MW_FAULT_BIAS);
	ck_assert_uint_eq(truth.onset, 10); /* the last 6 of 16 patches */
	ck_assert_uint_eq(truth.severity, 3);
	ck_assert_float_gt(truth.effect, 8);
	ck_assert_uint_eq(truth.row[0], 3); /* channel 2 */
	ck_assert_uint_eq(truth.row[1], MW_TRUTH_NO_CHANNEL);
	ck_assert_int_ne(truth.move[0], 0);
	for (size_t p = 0; p < MW_WINDOW_PATCHES; p++) {
		ck_assert_uint_eq(truth.patch[0][p], p >= 10);
		ck_assert_uint_eq(truth.patch[3][p], p >= 10);
		ck_assert_uint_eq(truth.patch[1][p], 0);
	}
	mw_sim_series_free(series);
}
END_TEST

START_TEST(a_window_before_the_onset_and_one_long_after_the_end_show_nothing)
{
	struct mw_sim_series *series = simulate(MW_FAULT_BIAS);
	struct mw_window_truth truth;

	look(series, ONSET, &truth);
	expect_no_fault(&truth);
	look(series, END + 80, &truth);
	expect_no_fault(&truth);
	mw_sim_series_free(series);
}
END_TEST

START_TEST(an_onset_out_of_sight_is_before_and_an_end_in_sight_stays_a_fault)
{
	struct mw_sim_series *series = simulate(MW_FAULT_BIAS);
	struct mw_window_truth truth;

	look(series, ONSET + 68, &truth);
	ck_assert_uint_eq(truth.onset, MW_TRUTH_ONSET_BEFORE);
	look(series, ONSET + 64, &truth);
	ck_assert_uint_eq(truth.onset, 0);
	look(series, END + 32, &truth);
	ck_assert_int_eq(truth.verdict, MW_VERDICT_FAULT);
	ck_assert_uint_eq(truth.patch[0][MW_WINDOW_PATCHES - 1], 0);
	ck_assert_uint_eq(truth.patch[0][0], 1);
	mw_sim_series_free(series);
}
END_TEST

START_TEST(an_operation_is_none_of_the_machines_faults)
{
	struct mw_sim_series *series = simulate(MW_FAULT_SHUTDOWN);
	struct mw_window_truth truth;

	look(series, ONSET + 40, &truth);
	expect_no_fault(&truth);
	ck_assert_int_eq(truth.verdict, MW_VERDICT_OPERATION);
	ck_assert_int_eq(truth.fault, MW_FAULT_SHUTDOWN);
	mw_sim_series_free(series);
}
END_TEST

START_TEST(the_first_cause_of_a_process_fault_is_named_first)
{
	struct mw_sim_series *series = simulate(MW_FAULT_DISTURBANCE);
	struct mw_window_truth truth;
	size_t first = series->cause_order[0][0];

	look(series, END, &truth);
	ck_assert_int_eq(truth.fault, MW_FAULT_DISTURBANCE);
	ck_assert_uint_gt(series->n_cause[0], 0);
	ck_assert_uint_eq(truth.row[0], 1 + first);
	mw_sim_series_free(series);
}
END_TEST

MW_TEST_MAIN("truth", a_healthy_machine_is_normal,
	     a_bias_is_labelled_by_patch_channel_onset_and_severity,
	     a_window_before_the_onset_and_one_long_after_the_end_show_nothing,
	     an_onset_out_of_sight_is_before_and_an_end_in_sight_stays_a_fault,
	     an_operation_is_none_of_the_machines_faults,
	     the_first_cause_of_a_process_fault_is_named_first)
